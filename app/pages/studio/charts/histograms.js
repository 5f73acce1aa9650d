// Histograms of one tensor, one row a gate: exact counts in exact bins, as a density so that bins of
// different width compare; the density that the scheme promises is dashed.

import { number } from "../format.js";
import { color, GRID, gateName, MUTED } from "./colors.js";
import { baselines, besideRow, binCursor, gateRows } from "./gate_rows.js";

const DECADES = 4; // that a log scale shows

// gates: [{gate, place, figures}]; densities: [{gate, values, density}]
export function drawHistograms(tensor, gates, densities) {
  return (width, on, Plot) => {
    if (!gates.length) return { words: ["No gate is shown."] };
    const spread = gates.filter(({ figures }) => figures.max > figures.min);
    if (!spread.length)
      return {
        words: gates.map(
          (one) => `${gateName(one.gate)}: every value is ${number(one.figures.mean)}`,
        ),
      };
    const rows = spread.map((one) => ({ ...one, bins: binsOf(one) }));
    const bins = rows.flatMap((row) => row.bins);
    const highest = Math.max(...bins.map((bin) => bin.height));
    const scale = on.has("log") ? (value) => decades(value / highest) : (value) => value;
    const promised = densities
      .filter(({ gate }) => spread.some((one) => one.gate === gate))
      .flatMap(pointsOf);
    const left = width < 420 ? 66 : 84;
    const inside = bins.flatMap((bin) => [bin.x1, bin.x2]);
    const domain = [Math.min(...inside), Math.max(...inside)];
    const colors = new Map(gates.map(({ gate, place }) => [gate, color(place)]));
    const names = gates.map(({ gate }) => gate);
    return {
      options: {
        ariaLabel: `Histogram of ${tensor} by gate`,
        ariaDescription: gates
          .map(
            ({ gate, figures }) =>
              `${gateName(gate)}: mean ${number(figures.mean)}, standard deviation ${number(figures.std)}`,
          )
          .join("; "),
        ...gateRows(names, left),
        x: { domain, label: "weight", ticks: width < 420 ? 4 : 6 },
        y: {
          axis: null,
          domain: [
            0,
            Math.max(
              ...bins.map((bin) => scale(bin.height)),
              ...promised.map((p) => scale(p.height)),
            ) * 1.08,
          ],
        },
        marks: [
          Plot.gridX({ stroke: GRID, strokeOpacity: 1 }),
          Plot.rectY(bins, {
            fy: "gate",
            x1: "x1",
            x2: "x2",
            y: (bin) => scale(bin.height),
            fill: (bin) => colors.get(bin.gate),
            fillOpacity: 0.2,
            inset: 0,
          }),
          Plot.lineY(bins.flatMap(steps), {
            fy: "gate",
            x: "x",
            y: (step) => scale(step.height),
            z: "gate",
            stroke: (step) => colors.get(step.gate),
            strokeWidth: 1.4,
          }),
          Plot.lineY(promised, {
            fy: "gate",
            x: "x",
            y: (point) => scale(point.height),
            z: "gate",
            stroke: MUTED,
            strokeDasharray: "5 4",
            strokeWidth: 1.4,
            clip: true,
          }),
          baselines(Plot, names),
          ...labels(Plot, gates, colors, left),
        ],
      },
      cursor: binCursor(rows, rows[0]),
    };
  };
}

// The decades above the least height that a log scale shows.
const decades = (share) => Math.max(0, Math.log10(share) + DECADES);

function labels(Plot, gates, colors, left) {
  const place = besideRow(left);
  return [
    Plot.text(gates, {
      ...place,
      dy: -8,
      text: ({ gate }) => gateName(gate),
      fill: ({ gate }) => colors.get(gate),
      fontWeight: 600,
    }),
    Plot.text(gates, {
      ...place,
      dy: 7,
      fill: MUTED,
      text: ({ figures }) =>
        figures.max > figures.min ? `std ${number(figures.std)}` : `all ${number(figures.mean)}`,
    }),
  ];
}

function binsOf({ gate, figures }) {
  const { edges, counts } = figures.histogram;
  return counts.map((count, place) => {
    const [x1, x2] = [edges[place], edges[place + 1]];
    return { gate, x1, x2, count, height: count / figures.elements / (x2 - x1) };
  });
}

const steps = ({ gate, x1, x2, height }) => [
  { gate, x: x1, height },
  { gate, x: x2, height },
];

const pointsOf = ({ gate, values, density }) =>
  values.map((x, place) => ({ gate, x, height: density[place] }));
