// The charts of one start: which there are, and what each is drawn from.

import { gateName } from "../charts/colors.js";
import { drawCurves } from "../charts/curves.js";
import { Figure } from "../charts/figure.js";
import { drawGates } from "../charts/gates.js";
import { drawHistograms } from "../charts/histograms.js";
import { drawEigenvalues, drawSingularValues } from "../charts/spectra.js";
import { $, h, redraw } from "../dom.js";
import { number } from "../format.js";

const FIGURES = {
  histograms: { id: "histograms", title: "Weights by gate", switches: ["log"] },
  singular: {
    id: "singular-values",
    title: "Singular values of the recurrent weights",
    switches: ["log"],
  },
  states: { id: "states", title: "State over time", switches: ["log"], note: "root mean square" },
  eigenvalues: {
    id: "eigenvalues",
    title: "Eigenvalues of the recurrent weights",
    note: "unit circle dashed",
  },
  gradient: { id: "gradient", title: "Gradient reach", note: "log₁₀ of the gradient by lag" },
  echo: { id: "echo", title: "Echo of past inputs", note: "0 is nothing, 1 is everything" },
  gates: { id: "gate-values", title: "Gates on random inputs" },
  depth: { id: "depth", title: "State by layer", note: "root mean square at the last step" },
};

export class Panels {
  // view: { layer, reverse, tensor, hidden: gates not shown }; changed(): called when the view was edited.
  constructor(view, changed) {
    this.view = view;
    this.tensors = h("select", {
      id: "tensor",
      "aria-label": "Tensor",
      change: ({ target }) => changed({ tensor: target.value }),
    });
    const tools = { histograms: [this.tensors] };
    this.figures = Object.fromEntries(
      Object.entries(FIGURES).map(([name, options]) => [
        name,
        new Figure({ ...options, tools: tools[name] ?? [] }),
      ]),
    );
    redraw($("#panels"), ...Object.values(this.figures).map((figure) => figure.element));
  }

  // Which figures each answer draws.
  static OF = {
    summary: ["histograms"],
    weights: ["singular", "eigenvalues", "states", "depth", "gates"],
    training: ["gradient", "echo"],
  };

  outdated() {
    for (const figure of Object.values(this.figures)) figure.outdated();
  }

  // Offer to measure figures that are not measured at once.
  offer(group, text, measure) {
    for (const name of Panels.OF[group] ?? []) {
      this.figures[name].say(
        text,
        h("p", {}, h("button", { type: "button", click: measure }, "Measure")),
      );
    }
  }

  say(group, text) {
    for (const name of Panels.OF[group] ?? []) this.figures[name].say(text);
  }

  suffix() {
    return `_l${this.view.layer}${this.view.reverse ? "_reverse" : ""}`;
  }

  gates(list) {
    return list
      .map((one, place) => ({ ...one, place }))
      .filter(({ gate }) => !this.view.hidden.has(gate));
  }

  // summary: of the layer that is shown; promised: densities of the schemes, if known.
  drawWeights(summary, promised) {
    const own = summary.weights.tensors.filter((tensor) => tensor.name.endsWith(this.suffix()));
    const kinds = own.map((tensor) => tensor.name.replace(this.suffix(), ""));
    const kind = kinds.includes(this.view.tensor) ? this.view.tensor : "weight_hh";
    redraw(
      this.tensors,
      ...kinds.map((name) =>
        h("option", { value: name, selected: name === kind }, `${name}${this.suffix()}`),
      ),
    );
    const tensor = own[kinds.indexOf(kind)];
    if (!tensor) return;
    const gates = this.gates(
      tensor.gates.length ? tensor.gates : [{ gate: "-", figures: tensor.figures }],
    );
    this.figures.histograms.draw(
      drawHistograms(
        tensor.name,
        gates,
        promised.filter((one) => one.tensor === tensor.name),
      ),
    );
  }

  drawSpectra(found, plan) {
    const name = `weight_hh${this.suffix()}`;
    const [rows, cols] = plan.tensors.find((tensor) => tensor.name === name).shape;
    const all = found.spectra.blocks.filter((block) => block.tensor === name);
    const blocks = this.gates(all).map((block) => ({
      ...block,
      name: gateName(block.gate),
      rank: Math.min(rows / all.length, cols),
    }));
    this.figures.singular.draw(drawSingularValues(blocks, `Singular values of ${name} by gate`));
    this.figures.eigenvalues.draw(drawEigenvalues(blocks, `Eigenvalues of ${name} by gate`));
  }

  drawSignal(found) {
    const { steps, cells, final_rms: depth } = found.signal;
    const series = cells.flatMap((cell, place) => [
      { name: cellName(cell), place, xs: steps, ys: cell.state_rms },
      ...(cell.cell_rms && cells.length <= 2
        ? [
            {
              name: `${cellName(cell)}, cell state`,
              place,
              xs: steps,
              ys: cell.cell_rms,
              dashed: true,
            },
          ]
        : []),
    ]);
    this.figures.states.draw(
      drawCurves({
        title: "Root mean square of the state over time",
        series,
        x: "time step",
        y: null,
        none: "The states overflow.",
      }),
    );
    this.drawDepth(depth);
    const cell = cells.find(
      (one) => one.layer === this.view.layer && one.reverse === this.view.reverse,
    );
    if (cell) this.figures.gates.draw(drawGates(this.gates(cell.gates)));
  }

  drawDepth(depth) {
    const directions = this.view.directions;
    const series = [...Array(directions).keys()].map((side) => {
      const ys = depth.filter((_, place) => place % directions === side);
      return {
        name: directions > 1 ? ["forward", "reverse"][side] : "all units",
        place: side,
        xs: ys.map((_, layer) => layer),
        ys,
      };
    });
    if (series[0].xs.length < 2) {
      this.figures.depth.say(
        `There is one layer: its state ends at a root mean square of ${depth.map((v) => number(v)).join(" and ")}.`,
      );
      return;
    }
    this.figures.depth.draw(
      drawCurves({
        title: "Root mean square of the last state by layer",
        series,
        x: "layer",
        y: null,
        dots: true,
        none: "The states overflow.",
      }),
    );
  }

  drawTraining(found) {
    const { steps, log10_by_step: reach } = found.gradient;
    const last = found.seq_len - 1;
    this.figures.gradient.draw(
      drawCurves({
        title: "Gradient of the final state with respect to inputs of some steps ago",
        series: [
          {
            name: "log₁₀ of the gradient",
            place: 0,
            xs: steps.map((step) => last - step).reverse(),
            ys: [...reach].reverse(),
          },
        ],
        x: "lag",
        y: null,
        lags: [found.dependency_length - 1],
        rules: [0],
        none: "The gradient overflows.",
      }),
    );
    const lags = Object.entries(found.echo.lags)
      .map(([lag, value]) => [Number(lag), value])
      .sort(([a], [b]) => a - b);
    this.figures.echo.draw(
      drawCurves({
        title: "Share of past inputs that can be read from the state",
        series: [
          {
            name: "echo",
            place: 0,
            xs: lags.map(([lag]) => lag),
            ys: lags.map(([, value]) => value),
          },
        ],
        x: "lag",
        y: null,
        dots: true,
        domain: [0, 1],
        none: "The states overflow.",
      }),
    );
  }
}

export const cellName = (cell) => `layer ${cell.layer}${cell.reverse ? ", reverse" : ""}`;
