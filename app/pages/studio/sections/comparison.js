// Several starts side by side: overlaid curves, and a table of figures and findings.

import { color } from "../charts/colors.js";
import { drawCurves } from "../charts/curves.js";
import { Figure } from "../charts/figure.js";
import { drawEigenvalues, drawSingularValues } from "../charts/spectra.js";
import { $, announce, h, redraw, swatch, table } from "../dom.js";
import { estimate, isAtOnce } from "../figures.js";
import { describeInit } from "../form/init.js";
import { number, words } from "../format.js";
import { askPatiently, explain, isAbort, recipePath } from "../server.js";

const MOST = 8;
const FIGURES = ["echo", "gradient", "signal", "spectra"];
const ROWS = {
  score: (found) => number(found.score),
  "echo of past inputs": (found) => number(found.echo.mean),
  "log₁₀ of the gradient's reach": (found) => number(found.gradient.log10_reach),
  "gradient's growth per step": (found) => number(found.gradient.growth_per_step),
  "state at the last step": (found) => number(found.signal.final_rms.at(-1)),
  "dead units": (found) => number(found.signal.cells.at(-1).dead_units),
  findings: (found) =>
    found.findings.length
      ? found.findings.map((one) => `${one.severity}: ${words(one.name)}`).join("; ")
      : "none",
};

export class Comparison {
  // changed(recipes): called when starts are added or removed; open(spec): shows one in the form.
  constructor({ changed, open }) {
    this.changed = changed;
    this.open = open;
    this.starts = []; // {recipe, label, spec, plan, found}
    this.stop = new AbortController();
    this.gate = null;
    this.figures = {
      gradient: new Figure({
        id: "compared-gradient",
        title: "Gradient reach",
        note: "log₁₀ of the gradient by lag",
      }),
      echo: new Figure({ id: "compared-echo", title: "Echo of past inputs" }),
      states: new Figure({
        id: "compared-states",
        title: "State of the last layer over time",
        switches: ["log"],
      }),
      singular: new Figure({
        id: "compared-singular-values",
        title: "Singular values of layer 0",
        switches: ["log"],
      }),
      eigenvalues: new Figure({ id: "compared-eigenvalues", title: "Eigenvalues of layer 0" }),
    };
    this.add = h(
      "button",
      { type: "button", id: "add-start", click: () => this.addCurrent() },
      "Add this start",
    );
    this.list = h("ul", { className: "suggestions" });
    this.gates = h("select", {
      id: "compared-gate",
      "aria-label": "Gate",
      change: ({ target }) => this.chooseGate(target.value),
    });
    this.problem = h("p", { className: "error", role: "alert", hidden: true });
    this.table = h("div");
    this.panels = h(
      "div",
      { className: "panels", hidden: true },
      ...Object.values(this.figures).map((one) => one.element),
    );
    redraw(
      $("#comparison"),
      h(
        "div",
        { className: "head" },
        h("h2", { id: "comparison-title" }, "Compare starts"),
        h("div", { className: "tools" }, this.gates, this.add),
      ),
      h(
        "p",
        { className: "note" },
        "Add this start, change the form, and add the next one: their curves are drawn over each other.",
      ),
      this.list,
      this.problem,
      this.table,
      this.panels,
    );
    this.draw();
  }

  // The start that the form shows.
  // init: as it was entered, which is shorter than the plan's.
  current(plan, lengths, init) {
    this.plan = plan;
    this.init = init;
    this.lengths = lengths;
    this.add.disabled =
      this.starts.length >= MOST || this.starts.some((one) => one.recipe === plan.recipe);
  }

  recipes() {
    return this.starts.map((one) => one.recipe);
  }

  async addCurrent() {
    await this.addRecipes([this.plan.recipe], this.init);
    announce(`${this.starts.length} starts are compared`);
  }

  // Add starts by recipe, as an address lists them.
  async addRecipes(recipes, init) {
    for (const recipe of recipes) {
      if (this.starts.length >= MOST || this.recipes().includes(recipe)) continue;
      try {
        const plan = await askPatiently(recipePath(recipe));
        this.starts.push({
          recipe,
          plan,
          spec: plan.spec,
          label: labelOf({ ...plan.spec, init: init ?? plan.spec.init }, this.starts),
          found: null,
        });
      } catch (error) {
        this.say(explain(error));
      }
    }
    this.changed(this.recipes());
    await this.measure();
  }

  remove(start) {
    this.starts = this.starts.filter((one) => one !== start);
    this.changed(this.recipes());
    this.draw();
  }

  // Measure what is not measured yet, at other lengths everything.
  async measure(lengths = this.lengths) {
    if (JSON.stringify(lengths) !== JSON.stringify(this.lengths))
      for (const start of this.starts) start.found = null;
    this.lengths = lengths;
    this.stop.abort();
    this.stop = new AbortController();
    this.draw();
    for (const start of this.starts.filter((one) => !one.found)) {
      const seconds = estimate(start.plan, FIGURES, lengths ?? {});
      const figures = isAtOnce(seconds) ? FIGURES : FIGURES.filter((name) => name !== "spectra");
      try {
        start.found = await askPatiently(`${recipePath(start.recipe)}/diagnostics`, {
          query: { figures: figures.join(","), ...lengths },
          signal: this.stop.signal,
        });
        this.problem.hidden = true;
      } catch (error) {
        if (isAbort(error)) return;
        this.say(`${start.label}: ${explain(error)}`);
      }
      this.draw();
    }
  }

  say(text) {
    this.problem.textContent = text;
    this.problem.hidden = false;
  }

  chooseGate(gate) {
    this.gate = gate;
    this.draw();
  }

  draw() {
    redraw(this.list, ...this.starts.map((start, place) => this.entry(start, place)));
    const measured = this.starts.filter((one) => one.found);
    this.panels.hidden = measured.length === 0;
    this.table.hidden = measured.length === 0;
    if (!measured.length) {
      this.gates.hidden = true;
      return;
    }
    redraw(this.table, figuresOf(measured, this.starts));
    this.drawCurves(measured);
    this.drawSpectra(measured);
  }

  entry(start, place) {
    return h(
      "li",
      { className: "suggestions" },
      swatch(color(place)),
      h(
        "button",
        { type: "button", title: "Show it in the form", click: () => this.open(start.spec) },
        start.label,
      ),
      h(
        "button",
        { type: "button", "aria-label": `Remove ${start.label}`, click: () => this.remove(start) },
        "×",
      ),
    );
  }

  drawCurves(measured) {
    const series = (xs, ys) =>
      measured.map((one) => ({
        name: one.label,
        place: this.starts.indexOf(one),
        xs: xs(one.found),
        ys: ys(one.found),
      }));
    const lags = (found) =>
      Object.keys(found.echo.lags)
        .map(Number)
        .sort((a, b) => a - b);
    const draw = (name, options) =>
      this.figures[name].draw(
        drawCurves({
          y: null,
          title: this.figures[name].element.querySelector("h2").textContent,
          ...options,
        }),
      );
    draw("gradient", {
      x: "lag",
      rules: [0],
      series: series(
        (f) => f.gradient.steps.map((step) => f.seq_len - 1 - step).reverse(),
        (f) => [...f.gradient.log10_by_step].reverse(),
      ),
      none: "The gradients overflow.",
    });
    draw("echo", {
      x: "lag",
      dots: true,
      domain: [0, 1],
      series: series(lags, (f) => lags(f).map((lag) => f.echo.lags[lag])),
    });
    draw("states", {
      x: "time step",
      series: series(
        (f) => f.signal.steps,
        (f) => f.signal.cells.at(-1).state_rms,
      ),
      none: "The states overflow.",
    });
  }

  drawSpectra(measured) {
    const known = measured.filter((one) => one.found.spectra);
    const blocksOf = (one) =>
      one.found.spectra.blocks.filter((block) => block.tensor === "weight_hh_l0");
    const gates = [...new Set(known.flatMap((one) => blocksOf(one).map((block) => block.gate)))];
    if (!gates.includes(this.gate)) this.gate = gates.at(-1) ?? null;
    this.gates.hidden = gates.length < 2;
    redraw(
      this.gates,
      ...gates.map((gate) =>
        h("option", { value: gate, selected: gate === this.gate }, `${gate} gate`),
      ),
    );
    const blocks = known.flatMap((one) =>
      blocksOf(one)
        .filter((block) => block.gate === this.gate)
        .map((block) => ({
          ...block,
          name: one.label,
          place: this.starts.indexOf(one),
          rank: one.spec.proj_size || one.spec.hidden_size,
        })),
    );
    this.figures.singular.draw(
      drawSingularValues(blocks, "Singular values of the compared starts"),
    );
    this.figures.eigenvalues.draw(drawEigenvalues(blocks, "Eigenvalues of the compared starts"));
  }
}

function labelOf(spec, starts) {
  const { init, ...network } = spec;
  const same = starts.length === 0 || starts.every((one) => sizes(one.spec) === sizes(network));
  const label = [
    describeInit(init),
    ...(same ? [] : [sizes(network)]),
    ...(spec.seed ? [`seed ${spec.seed}`] : []),
  ].join(", ");
  const again = starts.filter((one) => one.label.startsWith(label)).length;
  return again ? `${label} (${again + 1})` : label;
}

const sizes = (spec) =>
  `${spec.rnn_type} ${spec.input_size}→${spec.hidden_size}×${spec.num_layers ?? 1}`;

function figuresOf(measured, starts) {
  const head = measured.map((one) => [swatch(color(starts.indexOf(one))), ` ${one.label}`]);
  const rows = Object.entries(ROWS).map(([name, value]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      ...measured.map((one) => h("td", {}, value(one.found))),
    ),
  );
  return table("Figures of the compared starts", ["figure", ...head], rows);
}
