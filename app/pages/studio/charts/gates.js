// What each gate does on the test inputs: a histogram of its values, its mean and its saturation.

import { number, percent } from "../format.js";
import { color, GRID, gateName, MUTED } from "./colors.js";
import { along } from "./cursor.js";

const ROW = 58;

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
    const bins = shown.flatMap(({ gate, place, histogram: { edges, counts } }) => {
      const most = Math.max(...counts, 1); // every row has its own height
      return counts.map((n, i) => ({
        gate,
        place,
        x1: edges[i],
        x2: edges[i + 1],
        share: n / most,
        count: n,
      }));
    });
    const left = width < 420 ? 92 : 130;
    const rows = shown.map(({ gate }) => gate);
    const low = Math.min(...bins.map((bin) => bin.x1));
    const place = { fy: "gate", frameAnchor: "left", textAnchor: "start", dx: -left + 2 };
    return {
      options: {
        ariaLabel: "Histograms of the gates' values",
        ariaDescription: shown
          .map(
            (g) => `${gateName(g.gate)}: mean ${number(g.mean)}, ${percent(g.saturated)} saturated`,
          )
          .join("; "),
        height: rows.length * ROW + 44,
        marginLeft: left,
        marginRight: 12,
        marginBottom: 34,
        x: { domain: [low, 1], label: "value", ticks: width < 420 ? 3 : 5 },
        y: { axis: null },
        fy: { domain: rows, axis: null, padding: 0.12 },
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
          Plot.ruleY(rows, { fy: (gate) => gate, y: 0, stroke: "var(--line)" }),
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
      cursor: cursorOf(bins, shown, low),
    };
  };
}

function cursorOf(bins, gates, low) {
  const grid = bins.filter(
    (bin) => bin.gate === gates.find((g) => g.histogram.edges[0] === low).gate,
  );
  return {
    at: along(grid.map((bin) => (bin.x1 + bin.x2) / 2)),
    head: (i) => `${number(grid[i].x1)} to ${number(grid[i].x2)}`,
    rows: (i) => {
      const x = (grid[i].x1 + grid[i].x2) / 2;
      return gates.map(({ gate, place }) => {
        const bin = bins.find((one) => one.gate === gate && one.x1 <= x && x < one.x2);
        return {
          color: color(place),
          name: gateName(gate),
          value: bin ? bin.count.toLocaleString("en-US") : "0",
        };
      });
    },
  };
}
