// What each gate does on the test inputs: a histogram of its values, its mean and its saturation.

import { number, percent } from "../format.js";
import { color, GRID, gateName, MUTED } from "./colors.js";
import { baselines, besideRow, binCursor, gateRows } from "./gate_rows.js";

// gates: [{gate, place, mean, saturated, histogram}]
export function drawGates(gates) {
  return (width, _, Plot) => {
    const shown = gates.filter((gate) => gate.histogram);
    if (!shown.length)
      return {
        words: gates.map(
          (gate) =>
            `${gateName(gate.gate)}: mean ${number(gate.mean)}, ${percent(gate.saturated)} at zero`,
        ),
      };
    const rows = shown.map((gate) => ({ ...gate, bins: binsOf(gate) }));
    const bins = rows.flatMap((row) => row.bins);
    const left = width < 420 ? 92 : 130;
    const names = shown.map(({ gate }) => gate);
    const low = Math.min(...bins.map((bin) => bin.x1));
    const place = besideRow(left);
    return {
      options: {
        ariaLabel: "Histograms of the gates' values",
        ariaDescription: shown
          .map(
            (g) => `${gateName(g.gate)}: mean ${number(g.mean)}, ${percent(g.saturated)} saturated`,
          )
          .join("; "),
        ...gateRows(names, left),
        x: { domain: [low, 1], label: "value", ticks: width < 420 ? 3 : 5 },
        y: { axis: null },
        marks: [
          Plot.gridX({ stroke: GRID, strokeOpacity: 1 }),
          Plot.rectY(bins, {
            fy: "gate",
            x1: "x1",
            x2: "x2",
            y: "share",
            fill: (bin) => color(bin.place),
            fillOpacity: 0.35,
            inset: 0,
          }),
          baselines(Plot, names),
          Plot.text(shown, {
            ...place,
            dy: -8,
            text: ({ gate }) => gateName(gate),
            fill: (g) => color(g.place),
            fontWeight: 600,
          }),
          Plot.text(shown, { ...place, dy: 7, fill: MUTED, text: (g) => `mean ${number(g.mean)}` }),
          Plot.text(shown, {
            ...place,
            dy: 21,
            fill: MUTED,
            text: (g) => `${percent(g.saturated)} saturated`,
          }),
        ],
      },
      cursor: binCursor(
        rows,
        rows.find((row) => row.bins[0].x1 === low),
      ),
    };
  };
}

// Every row has its own height.
function binsOf({ gate, place, histogram: { edges, counts } }) {
  const most = Math.max(...counts, 1);
  return counts.map((count, i) => ({
    gate,
    place,
    x1: edges[i],
    x2: edges[i + 1],
    share: count / most,
    count,
  }));
}
