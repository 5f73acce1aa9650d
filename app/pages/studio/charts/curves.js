// Curves over time, lags and layers.

import { number } from "../format.js";
import { color, GRID, MUTED } from "./colors.js";
import { along } from "./cursor.js";

// series: [{name, place, xs, ys, dashed}]; nulls break a line.
// rules: values of y or x with a dashed line.
export function drawCurves({
  title,
  series,
  x,
  y,
  rules = [],
  lags = [],
  dots = false,
  domain = null,
  none = "There is nothing to show.",
}) {
  return (width, on, Plot) => {
    const points = series.flatMap((one) => one.xs.map((at, i) => ({ one, x: at, y: one.ys[i] })));
    const finite = points.filter((p) => p.y !== null && Number.isFinite(p.y));
    if (!finite.length) return { words: [none] };
    const isLog = on.has("log");
    const drawn = isLog ? points.map((p) => ({ ...p, y: p.y > 0 ? p.y : null })) : points;
    const longest = series.reduce((best, one) => (one.xs.length > best.xs.length ? one : best));
    return {
      options: {
        ariaLabel: title,
        ariaDescription: series
          .map(
            (one) =>
              `${one.name}: from ${number(one.ys[0] ?? null)} to ${number(one.ys.at(-1) ?? null)}`,
          )
          .join("; "),
        height: 250,
        marginLeft: 52,
        marginRight: 16,
        marginBottom: 36,
        x: dots ? marked(longest.xs, x) : { label: x, ticks: width < 420 ? 4 : 7 },
        y: {
          label: y,
          type: isLog ? "log" : "linear",
          ...(domain && !isLog ? { domain } : { nice: true }),
          ...(domain || isLog ? {} : { zero: finite.every((p) => p.y >= 0) }),
          ticks: 5,
        },
        marks: [
          Plot.gridY({ stroke: GRID, strokeOpacity: 1, ticks: 5 }),
          Plot.ruleY(rules, { stroke: MUTED, strokeDasharray: "4 4" }),
          Plot.ruleX(lags, { stroke: MUTED, strokeDasharray: "4 4" }),
          ...series.map((one) =>
            Plot.line(
              drawn.filter((p) => p.one === one),
              {
                x: "x",
                y: "y",
                stroke: color(one.place),
                strokeWidth: 1.8,
                ...(one.dashed ? { strokeDasharray: "2 4" } : {}),
              },
            ),
          ),
          ...(dots
            ? [Plot.dot(drawn, { x: "x", y: "y", fill: (p) => color(p.one.place), r: 4 })]
            : []),
        ],
      },
      legend:
        series.length > 1
          ? series.map((one) => ({ color: color(one.place), text: one.name, dashed: one.dashed }))
          : [],
      cursor: {
        at: along(longest.xs),
        head: (i) => `${x} ${number(longest.xs[i])}`,
        rows: (i) =>
          series.map((one) => ({
            color: color(one.place),
            name: one.name,
            value: valueAt(one, longest.xs[i]),
          })),
      },
    };
  };
}

// Few points are marked where they are, with room on both sides.
function marked(xs, label) {
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const room = (high - low || 1) * 0.06;
  const ticks = xs.length <= 12 ? xs : 8;
  return {
    label,
    domain: [low - room, high + room],
    ticks,
    tickFormat: (tick) => (Number.isInteger(tick) ? String(tick) : ""),
  };
}

function valueAt(one, x) {
  const place = one.xs.indexOf(x);
  return place < 0 ? "not measured" : number(one.ys[place]);
}
