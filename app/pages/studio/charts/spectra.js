// Singular values by rank, and eigenvalues in the complex plane.

import { svg } from "../dom.js";
import { number } from "../format.js";
import { color, GRID, MUTED } from "./colors.js";
import { along } from "./cursor.js";

const EQUAL = 5e-3; // up to this relative difference, singular values count as equal
const FLOOR = 1e-6; // the least singular value on a log scale, by the largest

// blocks: [{name, place, singular_values, hidden}]
export function drawSingularValues(blocks, title) {
  return (_width, on, Plot) => {
    const shown = blocks.filter((block) => block.singular_values.length);
    if (!shown.length)
      return {
        words: [
          "Only the extreme singular values of blocks this large are sought; the tip of the eigenvalues lists them.",
        ],
      };
    const all = shown.flatMap((block) => block.singular_values);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    if (high - low <= EQUAL * high)
      return {
        words: [
          high - low < 1e-5 * high
            ? `All singular values are ${number(high)}.`
            : `All singular values lie between ${number(low)} and ${number(high)}.`,
          ...(Math.abs(high - 1) < EQUAL
            ? ["The matrix is orthogonal: it changes the direction of a state, never its length."]
            : []),
        ],
      };
    const points = shown.flatMap((block) =>
      block.singular_values.map((y, i) => ({ block, x: rank(block, i), y })),
    );
    const isLog = on.has("log");
    const drawn = isLog ? points.filter((p) => p.y > FLOOR * high) : points;
    return {
      options: {
        ariaLabel: title,
        ariaDescription: shown
          .map(
            (b) =>
              `${b.name}: from ${number(b.singular_values[0])} to ${number(b.singular_values.at(-1))}`,
          )
          .join("; "),
        height: 260,
        marginLeft: 48,
        marginBottom: 34,
        x: { label: "rank" },
        y: {
          label: null,
          type: isLog ? "log" : "linear",
          ...(isLog ? {} : { domain: [0, Math.max(1.05, high * 1.05)] }),
          ticks: 5,
        },
        marks: [
          Plot.gridY({ stroke: GRID, strokeOpacity: 1, ticks: 5 }),
          Plot.ruleY([1], { stroke: MUTED, strokeDasharray: "4 4" }),
          Plot.line(drawn, {
            x: "x",
            y: "y",
            z: (p) => p.block.name,
            stroke: (p) => color(p.block.place),
            strokeWidth: 1.8,
          }),
        ],
      },
      legend: shown.map((b) => ({
        color: color(b.place),
        text: `${b.name}: σ ${number(b.singular_values[0])} to ${number(b.singular_values.at(-1))}`,
      })),
      cursor: {
        at: along(shown[0].singular_values.map((_, i) => rank(shown[0], i))),
        head: (i) => `σ of rank ${rank(shown[0], i)}`,
        rows: (i) =>
          shown.map((b) => ({
            color: color(b.place),
            name: b.name,
            value: number(b.singular_values[i] ?? null),
          })),
      },
    };
  };
}

// The values are evenly spaced by rank.
function rank(block, place) {
  const listed = block.singular_values.length;
  const all = Math.max(block.rank, listed);
  return listed < 2 ? 1 : Math.round((place * (all - 1)) / (listed - 1)) + 1;
}

// blocks: [{name, place, eigenvalues, spectral_radius}]
export function drawEigenvalues(blocks, title) {
  return (width, _, Plot) => {
    const shown = blocks.filter((block) => block.eigenvalues.length);
    if (!shown.length)
      return {
        words: [
          "Blocks that are not square have no eigenvalues; of blocks this large, the radius is listed below where it was found.",
          ...blocks.map(radius),
        ],
      };
    const reach =
      1.08 *
      Math.max(1, ...shown.flatMap((b) => b.eigenvalues.map(([re, im]) => Math.hypot(re, im))));
    const side = Math.min(width, 300);
    const points = shown.flatMap((block) => block.eigenvalues.map((value) => ({ block, value })));
    const scaled =
      ({ value: [re, im] }) =>
      (plot) => [plot.scale("x").apply(re), plot.scale("y").apply(im)];
    return {
      options: {
        ariaLabel: title,
        ariaDescription: blocks.map(radius).join("; "),
        width,
        height: side,
        marginLeft: (width - side) / 2 + 40,
        marginRight: (width - side) / 2 + 10,
        marginTop: 10,
        marginBottom: 40,
        x: { domain: [-reach, reach], label: "real part", ticks: 5 },
        y: { domain: [-reach, reach], label: null, ticks: 5 },
        marks: [
          Plot.gridX({ stroke: GRID, strokeOpacity: 1, ticks: 5 }),
          Plot.gridY({ stroke: GRID, strokeOpacity: 1, ticks: 5 }),
          (_index, scales) => unitCircle(scales),
          ...shown.map((block) => (_index, scales) => dots(block, scales)),
        ],
      },
      legend: blocks.map((block) => ({ color: color(block.place), text: radius(block) })),
      cursor: {
        at: (plot) => points.map((point) => scaled(point)(plot)),
        head: (i) => `λ of ${points[i].block.name}`,
        rows: (i) => {
          const { block, value } = points[i];
          const sign = value[1] < 0 ? "−" : "+";
          return [
            {
              color: color(block.place),
              name: `${number(value[0])} ${sign} ${number(Math.abs(value[1]))}i, |λ|`,
              value: number(Math.hypot(...value)),
            },
          ];
        },
      },
    };
  };
}

const radius = (block) =>
  `${block.name}: ρ = ${block.spectral_radius === null ? "not found" : number(block.spectral_radius)}`;

function unitCircle({ x, y }) {
  const r = x(1) - x(0);
  return svg("circle", {
    cx: x(0),
    cy: y(0),
    r,
    fill: "none",
    stroke: "var(--muted)",
    "stroke-dasharray": "4 4",
  });
}

// One path with round caps: four times as fast as a circle for each point.
function dots(block, { x, y }) {
  const path = block.eigenvalues
    .map(([re, im]) => `M${x(re).toFixed(1)},${y(im).toFixed(1)}h0`)
    .join("");
  return svg("path", {
    d: path,
    fill: "none",
    stroke: color(block.place),
    "stroke-width": 4.2,
    "stroke-linecap": "round",
    "stroke-opacity": 0.7,
  });
}
