// Which figures are asked for at once, and what the rest would take.

import { ask } from "./server.js";

const MULTIPLY_ADDS_PER_S = 1.5e10; // of one core, as measured for diagnostics
const DRAWN_PER_S = 1e8;
const AT_ONCE_S = 3; // figures that take longer wait for a click
const STEPS = 100; // of a plan's costs
const DETAILED_CELLS = 4; // up to here, one answer has the details of all layers
const OVER_TIME = new Set(["echo", "gradient", "signal"]);

// The figures by what they are drawn from, the cheap ones first.  Each group is one request.
export const GROUPS = {
  weights: ["signal", "spectra"],
  training: ["echo", "gradient"],
  promises: ["weights"],
};

// Return the seconds that a group of figures is expected to take.
export function estimate(plan, figures, lengths) {
  const steps = (lengths.seq_len ?? STEPS) / STEPS;
  return figures.reduce(
    (sum, name) =>
      sum + (plan.cost.figures[name] * (OVER_TIME.has(name) ? steps : 1)) / MULTIPLY_ADDS_PER_S,
    0,
  );
}

export const summaryEstimate = (plan) =>
  plan.cost.multiply_adds / MULTIPLY_ADDS_PER_S + plan.cost.drawn_elements / DRAWN_PER_S;

export const isAtOnce = (seconds) => seconds <= AT_ONCE_S;

const cellsOf = (spec) => (spec.num_layers ?? 1) * (spec.bidirectional ? 2 : 1);

// Deep networks answer for one layer at a time.
const layerOf = (plan, layer) => (cellsOf(plan.spec) > DETAILED_CELLS ? layer : undefined);

export const askSummary = (plan, layer, signal) =>
  ask(`${plan.links.summary}`, { signal, query: { layer: layerOf(plan, layer) } });

export const askFigures = (plan, figures, { layer, lengths = {}, level = "quick", signal }) =>
  ask(`${plan.links.self}/diagnostics`, {
    signal,
    query: { level, figures: figures.join(","), layer: layerOf(plan, layer), ...lengths },
  });
