// Values under the pointer, and by the arrow keys: a line through the chart, a tip, and words for
// screen readers.

import { announce, h, svg, swatch } from "../dom.js";

const STEPS = {
  ArrowRight: 1,
  ArrowLeft: -1,
  PageDown: 10,
  PageUp: -10,
  Home: -Infinity,
  End: Infinity,
};

// cursor: { at: places in pixels, [x] or [x, y]; head(i): what the place is; rows(i): [{color, name, value}] }
export function addCursor(place, plot, { at, head, rows }) {
  const points = at(plot);
  if (!points.length) return;
  const tip = h("div", { className: "tip", hidden: true });
  const height = plot.viewBox.baseVal.height;
  const line = svg("line", { y1: 0, y2: height, stroke: "var(--edge)", visibility: "hidden" });
  plot.append(line);
  place.append(tip);
  plot.setAttribute("tabindex", "0");
  let chosen = -1;

  const show = (index, spoken) => {
    chosen = Math.max(0, Math.min(points.length - 1, index));
    const [x] = points[chosen];
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    line.setAttribute("visibility", "visible");
    const shown = rows(chosen);
    tip.replaceChildren(
      h("b", {}, head(chosen)),
      ...shown.map((row) => h("div", {}, swatch(row.color), `${row.name} ${row.value}`)),
    );
    tip.hidden = false;
    const scale = plot.clientWidth / plot.viewBox.baseVal.width;
    const left =
      x * scale > place.clientWidth * 0.6 ? x * scale - tip.offsetWidth - 10 : x * scale + 10;
    tip.style.left = `${Math.max(0, left)}px`;
    if (spoken)
      announce(`${head(chosen)}: ${shown.map((row) => `${row.name} ${row.value}`).join(", ")}`);
  };
  const hide = () => {
    tip.hidden = true;
    line.setAttribute("visibility", "hidden");
  };
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const scale = plot.viewBox.baseVal.width / box.width;
    show(
      nearest(points, (event.clientX - box.left) * scale, (event.clientY - box.top) * scale),
      false,
    );
  });
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const first = step > 0 ? 0 : points.length - 1;
    show(chosen < 0 && Number.isFinite(step) ? first : Math.max(0, chosen) + step, true);
  });
}

function nearest(points, x, y) {
  let best = 0;
  let least = Infinity;
  points.forEach(([px, py], index) => {
    const distance = Math.hypot(px - x, py === undefined ? 0 : py - y);
    if (distance < least) [best, least] = [index, distance];
  });
  return best;
}

// The places of values along x.
export const along = (values) => (plot) => values.map((value) => [plot.scale("x").apply(value)]);
