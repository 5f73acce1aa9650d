// The tensor table: shape, distribution and figures of every parameter that the summary details.

import { $, h, redraw, svg } from "./dom.js";
import { number } from "./format.js";

const COLUMNS = ["mean", "std", "min", "max"];

export function showTensors(summary, plan) {
  const head = ["name", "shape", "distribution", ...COLUMNS, "1 %", "50 %", "99 %"];
  const detailed = summary.weights.tensors;
  const rest = plan.tensors.length - detailed.length;
  redraw(
    $("#tensors"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...head.map((name, place) =>
          h("th", { scope: "col", className: place > 2 ? "n" : "" }, name),
        ),
      ),
    ),
    h(
      "tbody",
      {},
      ...detailed.map(row),
      ...(rest > 0
        ? [
            h(
              "tr",
              {},
              h(
                "td",
                { colSpan: head.length, className: "note" },
                `${rest} more tensors in the other layers: choose a layer above.`,
              ),
            ),
          ]
        : []),
    ),
  );
}

function row({ name, shape, figures }) {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("code", {}, name)),
    h("td", {}, shape.join(" × ")),
    h("td", {}, spark(figures.histogram.counts)),
    ...COLUMNS.map((column) => h("td", { className: "n" }, number(figures[column]))),
    ...["0.01", "0.5", "0.99"].map((p) =>
      h("td", { className: "n" }, number(figures.quantiles[p])),
    ),
  );
}

function spark(counts) {
  const most = Math.max(...counts, 1);
  const width = 112 / counts.length;
  const points = counts.flatMap((count, i) => [
    `${i * width},${21 - (count / most) * 19}`,
    `${(i + 1) * width},${21 - (count / most) * 19}`,
  ]);
  return svg(
    "svg",
    { class: "spark", viewBox: "0 0 112 22", "aria-hidden": "true" },
    svg("path", { d: `M0,21L${points.join("L")}L112,21` }),
  );
}
