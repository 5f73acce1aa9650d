// The findings of the diagnostics in words, with what to try instead; and the lengths they are for.

import { $, h, redraw } from "./dom.js";
import { describeInit } from "./form/init.js";
import { duration, number, words } from "./format.js";

const MARKS = { error: "✕", warning: "!", note: "i", good: "✓" };
const ORDER = Object.keys(MARKS);

// tryStart(init): called with a suggested init.
// pending: how to measure the figures that predict training, if that waits for a click.
export function showFindings(diagnostics, summary, pending, tryStart) {
  const found = diagnostics
    .flatMap((one) => one.findings)
    .sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  const scored = diagnostics.find((one) => one.score !== null);
  const rows = [...checks(summary, diagnostics), ...found.map((finding) => row(finding, tryStart))];
  redraw(
    $("#findings"),
    h("ul", { className: "findings" }, ...rows),
    ...(pending ? [offer(pending)] : []),
    ...(scored ? [h("p", { className: "note" }, score(scored))] : []),
  );
}

const offer = ({ seconds, start }) =>
  h(
    "p",
    { className: "suggestions" },
    `Echo and gradient, which predict training, are not measured yet: ${duration(seconds)}. `,
    h("button", { type: "button", id: "measure-training", click: start }, "Measure"),
  );

// What was checked and holds, so that the absence of findings is not silence.
function checks(summary, diagnostics) {
  const promised = diagnostics.find((one) => one.weights)?.weights;
  const trained = diagnostics.find((one) => one.score !== null);
  return [
    ...(summary
      ? [
          plain(
            "good",
            `The network runs: ${summary.forward.finite ? "all outputs are finite" : "outputs overflow"}, their standard deviation is ${number(summary.forward.output_std)}.`,
          ),
        ]
      : []),
    ...(promised?.checked && !promised.failed
      ? [
          plain(
            "good",
            `All ${promised.checked} figures of the weights are as the schemes promise.`,
          ),
        ]
      : []),
    ...(trained && !trained.findings.length
      ? [plain("good", `Nothing speaks against this start at ${trained.dependency_length} steps.`)]
      : []),
  ];
}

function score(found) {
  const parts = [
    `Score ${number(found.score)}: echo ${number(found.echo.mean)}, log₁₀ of the gradient's reach ${number(found.gradient.log10_reach)}`,
    ...(found.retention === null ? [] : [`retention ${number(found.retention)}`]),
  ];
  return `${parts.join(", ")}. It orders starts of one network at one length. ${found.is_validated ? "" : found.validity}`;
}

const plain = (severity, text) =>
  h("li", { className: `is-${severity}` }, mark(severity), h("span", { className: "body" }, text));

const mark = (severity) =>
  h("span", { className: "mark", role: "img", "aria-label": severity }, MARKS[severity]);

function row(finding, tryStart) {
  const suggestions = finding.suggestions.map((one) =>
    h(
      "button",
      { type: "button", title: describeInit(one.init), click: () => tryStart(one.init) },
      one.label,
    ),
  );
  return h(
    "li",
    { className: `is-${finding.severity}` },
    mark(finding.severity),
    h(
      "div",
      { className: "body" },
      h("p", {}, h("strong", {}, `${titled(finding.name)}. `), finding.text),
      h(
        "p",
        { className: "note" },
        [finding.evidence, `Rule: ${finding.threshold}.`, `Source: ${finding.source}.`]
          .filter(Boolean)
          .join(" "),
      ),
      suggestions.length ? h("p", { className: "suggestions" }, "Try ", ...suggestions) : null,
    ),
  );
}

const titled = (name) => name[0].toUpperCase() + words(name).slice(1);

// changed(lengths): called when a length is edited.
export function showLengths(lengths, changed) {
  const field = (name, label, placeholder) => {
    const edit = ({ target }) => {
      const next = { ...lengths };
      if (target.value === "") delete next[name];
      else next[name] = Number(target.value);
      lengths = next;
      changed(next);
    };
    return [
      h("label", { for: name }, label),
      h("input", {
        id: name,
        type: "number",
        min: 1,
        max: 4096,
        placeholder,
        value: lengths[name] ?? "",
        input: edit,
        "aria-describedby": "lengths-error",
      }),
    ];
  };
  redraw(
    $("#lengths"),
    ...field("seq_len", "Sequence length", "100"),
    ...field("dependency_length", "Dependencies reach", "all"),
    h("p", { className: "error", id: "lengths-error", hidden: true }),
  );
}
