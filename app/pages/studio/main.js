// The studio: from an edit of the form to the figures on the page.

import * as location from "./address.js";
import { loadCatalogue } from "./catalogue.js";
import { $, announce } from "./dom.js";
import { Download } from "./download.js";
import { askFigures, askSummary, estimate, GROUPS, isAtOnce, summaryEstimate } from "./figures.js";
import { showFindings, showLengths } from "./findings.js";
import { clearErrors, showBelow, showErrors } from "./form/errors.js";
import { SpecForm } from "./form/form.js";
import { duration } from "./format.js";
import { ask, explain, isAbort, isBusy, Problem, recipePath } from "./server.js";
import { startSession } from "./session.js";
import { Snippets } from "./snippets.js";
import { showTensors } from "./tensors.js";
import { showTiles } from "./tiles.js";

const TYPING_MS = 40;
const LAGS = 3; // that level `standard` measures

const view = { layer: 0, reverse: false, directions: 1, tensor: "weight_hh", hidden: new Set() };
const shown = { plan: null, summary: null, found: {} }; // what the server said of the start that is shown
let lengths = {};
let stop = new AbortController();
let timer = 0;
let form;
let panels;
let comparison;
let recommendation;
let showView;

const download = new Download(() => shown.plan && showFile());
const snippets = new Snippets(computeHash);

// --- from the form ---

function edited() {
  clearTimeout(timer);
  timer = setTimeout(refresh, TYPING_MS);
}

function showSpec(spec) {
  form.show(spec);
  refresh();
}

function tryStart(init) {
  form.show({ ...form.value(), init });
  refresh();
}

async function openRecipe(recipe) {
  try {
    showSpec(await ask(`${recipePath(recipe)}/spec`));
  } catch (error) {
    showBelow(explain(error));
  }
}

function changeLengths(next) {
  lengths = next;
  clearTimeout(timer);
  timer = setTimeout(() => {
    refresh();
    comparison.measure(lengths);
  }, TYPING_MS);
}

function writeAddress() {
  location.write(form.value(), comparison.recipes(), lengths);
}

// --- to the server and back ---

// Plan the spec of the form; an outdated request is aborted.
async function refresh() {
  clearTimeout(timer);
  stop.abort();
  stop = new AbortController();
  const { signal } = stop;
  $("#results").setAttribute("aria-busy", "true");
  await answered(signal, async () => {
    const plan = await ask("v1/plan", { json: form.value(), signal });
    clearErrors();
    writeAddress();
    const isOther = plan.recipe !== shown.plan?.recipe;
    Object.assign(shown, { plan, ...(isOther ? { summary: null } : {}), found: {} });
    showPlan();
    await measure(signal);
  });
}

// Run work for a start.  A refusal is shown at its field; a busy server is asked again, and the last
// figures stay in place.
async function answered(signal, work) {
  try {
    await work();
    $("#busy").hidden = true;
  } catch (error) {
    if (isAbort(error) || signal.aborted) return;
    if (isBusy(error)) askAgain(error.retryAfterS);
    else refused(error);
  }
  $("#results").setAttribute("aria-busy", "false");
}

function askAgain(seconds) {
  const busy = $("#busy");
  busy.textContent = `The server is busy. The figures below are the last that it gave; asking again in ${seconds} s.`;
  busy.hidden = false;
  timer = setTimeout(refresh, 1000 * seconds);
}

function refused(error) {
  writeAddress();
  download.disable();
  panels.outdated();
  if (error instanceof Problem) showErrors(error);
  else showBelow(explain(error));
  if (!shown.plan) $("#findings").textContent = "The figures appear once the form has no error.";
}

function showPlan() {
  const { plan } = shown;
  fitView(plan.spec);
  showView(view, plan.spec, changeView);
  showFile();
  comparison.current(plan, lengths, form.value().init);
  recommendation.current(plan.spec);
  panels.outdated();
}

// Layers, directions and gates that this network does not have are not shown.
function fitView(spec) {
  view.layer = Math.min(view.layer, (spec.num_layers ?? 1) - 1);
  view.directions = spec.bidirectional ? 2 : 1;
  if (!spec.bidirectional) view.reverse = false;
}

// Ask for the summary and every group of figures, the cheap ones first: at the same time, each would
// wait for the others, as the server computes mostly in one thread.  Dear ones wait for a click.
async function measure(signal) {
  const { plan } = shown;
  const jobs = [["summary", summaryEstimate(plan), () => askSummary(plan, view.layer, signal)]];
  for (const [group, figures] of Object.entries(GROUPS)) {
    jobs.push([
      group,
      estimate(plan, figures, lengths),
      () => askFigures(plan, figures, { layer: view.layer, lengths, signal }),
    ]);
  }
  jobs.sort(([, a], [, b]) => a - b);
  const run = ([group, , request]) => received(group, request(), signal);
  const dear = jobs.filter(([, seconds]) => !isAtOnce(seconds));
  shown.pending = null;
  for (const job of dear) {
    const [group, seconds] = job;
    const start = () => {
      panels.say(group, `Measuring, ${duration(seconds)}…`);
      if (group === "training") shown.pending = null;
      answered(signal, () => run(job));
    };
    panels.offer(group, `Measuring this takes the server ${duration(seconds)}.`, start);
    if (group === "training") shown.pending = { seconds, start };
  }
  if (dear.length) showFindings([], shown.summary, shown.pending, tryStart);
  for (const job of jobs) if (!dear.includes(job)) await run(job);
  document.documentElement.dataset.shown = plan.recipe;
  if (isAtOnce(summaryEstimate(plan))) computeHash();
  if (isAtOnce(LAGS * estimate(plan, GROUPS.training, lengths))) await measureLags(plan, signal);
}

// Echo at more lags than the first answer has.
async function measureLags(plan, signal) {
  const request = askFigures(plan, GROUPS.training, { level: "standard", lengths, signal });
  await received("training", request, signal);
}

async function received(group, request, signal) {
  const found = await request;
  if (signal.aborted) return;
  if (group === "summary") shown.summary = found;
  else shown.found[group] = found;
  showGroup(group);
}

// --- on the page ---

function showGroup(group) {
  const { plan, summary, found } = shown;
  const promised = found.promises?.weights?.densities ?? [];
  if ((group === "summary" || group === "promises") && summary)
    panels.drawWeights(summary, promised);
  if (group === "summary") showTensors(summary, plan);
  if (group === "weights") {
    panels.drawSpectra(found.weights, plan);
    panels.drawSignal(found.weights);
  }
  if (group === "training") panels.drawTraining(found.training);
  showFindings(Object.values(found), summary, shown.pending, tryStart);
}

// Another layer, direction, tensor or gate is shown.
function changeView(edit) {
  Object.assign(view, edit);
  const isOtherLayer = "layer" in edit || "reverse" in edit;
  if (
    isOtherLayer &&
    !shown.found.weights?.signal.cells.some(
      (cell) => cell.layer === view.layer && cell.reverse === view.reverse,
    )
  ) {
    refresh();
    return;
  }
  showView(view, shown.plan.spec, changeView);
  for (const group of ["summary", ...Object.keys(shown.found)])
    if (group === "summary" ? shown.summary : true) showGroup(group);
}

function showFile() {
  download.show(shown.plan);
  const { format } = download;
  showTiles(shown.plan, format, shown.plan.files[format].sha256, computeHash);
  snippets.show(shown.plan, format);
}

// Ask for the sha256 of the chosen file, and of the .pt that torch.hub verifies.
let hashing = "";
async function computeHash() {
  const { plan } = shown;
  const format = snippets.tab === "hub" && plan.files.pt ? "pt" : download.format;
  const asked = `${plan.recipe} ${format}`;
  if (plan.files[format].sha256 || hashing === asked) return;
  hashing = asked;
  try {
    const known = await ask(recipePath(plan.recipe), {
      query: { sha256: format },
      signal: stop.signal,
    });
    if (plan !== shown.plan) return;
    plan.files[format] = known.files[format];
    showFile();
  } catch (error) {
    if (!isAbort(error)) announce(explain(error));
  } finally {
    hashing = "";
  }
}

async function start() {
  const session = await startSession(() => begin());
  snippets.hasKey = session.required === true;
  if (!session.required || session.name) await begin();
}

// The charts and the sections below them are loaded once the page is shown.
async function loadSections() {
  const sections = await import("./sections/all.js");
  panels = new sections.Panels(view, changeView);
  comparison = new sections.Comparison({ changed: writeAddress, open: showSpec });
  const compare = (recipe) => comparison.addRecipes([recipe]);
  recommendation = new sections.Recommendation({ tryStart, compare });
  new sections.Identification({ open: openRecipe });
  showView = sections.showView;
}

// Draw the form and the sections, then ask for everything.
async function begin() {
  const given = location.read(globalThis.location.search);
  try {
    form = new SpecForm(await loadCatalogue(), edited);
    lengths = given.lengths;
    showLengths(lengths, changeLengths);
    await loadSections();
    await showGiven(given);
  } catch (error) {
    if (error.status !== 401) showBelow(explain(error)); // else the key is asked for
    return;
  }
  await Promise.all([
    shown.plan ?? refresh(),
    given.against.length ? comparison.addRecipes(given.against) : null,
  ]);
}

// Show the spec of the address, or the first one with the reason why it cannot be shown.
async function showGiven(given) {
  try {
    const spec = given.recipe ? await ask(`${recipePath(given.recipe)}/spec`) : given.spec;
    form.show(spec ?? location.FIRST);
  } catch (error) {
    if (error.status === 401) throw error;
    form.show(location.FIRST);
    await refresh();
    showBelow(
      error instanceof Problem ? error.message : "The address does not describe a network.",
    );
  }
}

start();
