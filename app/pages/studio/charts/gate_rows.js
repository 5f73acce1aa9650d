// What charts with one row a gate share: their measures, and the counts under the cursor.

import { count, number } from "../format.js";
import { color, gateName } from "./colors.js";
import { along } from "./cursor.js";

const ROW = 58;

// The options of Plot for rows of gates, with `left` pixels for their names.
export const gateRows = (gates, left) => ({
  height: gates.length * ROW + 44,
  marginLeft: left,
  marginRight: 12,
  marginBottom: 34,
  fy: { domain: gates, axis: null, padding: 0.12 },
});

// Where the texts of a row begin.
export const besideRow = (left) => ({
  fy: "gate",
  frameAnchor: "left",
  textAnchor: "start",
  dx: -left + 2,
});

export const baselines = (Plot, gates) =>
  Plot.ruleY(gates, { fy: (gate) => gate, y: 0, stroke: "var(--line)" });

// A cursor that steps through the bins of one row, and tells the counts of every row there: bins may
// differ between gates.  rows: [{gate, place, bins: [{x1, x2, count}]}]
export function binCursor(rows, stepped) {
  const middle = ({ x1, x2 }) => (x1 + x2) / 2;
  return {
    at: along(stepped.bins.map(middle)),
    head: (i) => `${number(stepped.bins[i].x1)} to ${number(stepped.bins[i].x2)}`,
    rows: (i) => {
      const x = middle(stepped.bins[i]);
      return rows.map(({ gate, place, bins }) => {
        const bin = bins.find((one) => one.x1 <= x && x < one.x2);
        return { color: color(place), name: gateName(gate), value: count(bin?.count ?? 0) };
      });
    },
  };
}
