// A figure of the page: its caption, its switches, and a chart that follows its width.

import { h, swatch } from "../dom.js";
import { addCursor } from "./cursor.js";
import { plotLibrary } from "./library.js";

const IDLE_MS = 400; // after which a chart out of sight is drawn even on a busy page
const idle = () =>
  new Promise((resolve) => {
    if ("requestIdleCallback" in globalThis) requestIdleCallback(resolve, { timeout: IDLE_MS });
    else setTimeout(resolve);
  });

export class Figure {
  // switches: names of on-off buttons, such as "log"; tools: further controls of the caption.
  constructor({ id, title, note = "", switches = [], tools = [] }) {
    this.on = new Set();
    this.place = h("div", { className: "plot" });
    this.note = h("span", { className: "note" }, note);
    const buttons = switches.map((name) => this.button(name, title));
    this.element = h(
      "figure",
      { id },
      h(
        "figcaption",
        {},
        h("h2", {}, title),
        h("span", { className: "tools" }, this.note, ...tools, ...buttons),
      ),
      this.place,
    );
    this.drawing = null;
    let width = 0;
    new ResizeObserver(([entry]) => {
      const changed = Math.abs(entry.contentRect.width - width) > 1;
      width = entry.contentRect.width;
      if (changed) this.redraw();
    }).observe(this.place);
  }

  button(name, title) {
    return h(
      "button",
      {
        type: "button",
        "aria-pressed": "false",
        "aria-label": `${title}: ${name} scale`,
        click: ({ target }) => {
          if (this.on.has(name)) this.on.delete(name);
          else this.on.add(name);
          target.setAttribute("aria-pressed", String(this.on.has(name)));
          this.redraw();
        },
      },
      name,
    );
  }

  // drawing(width, switches): returns `options` of Plot with a label and a description, and a `cursor`;
  // or `words` in place of a chart.
  draw(drawing) {
    this.drawing = drawing;
    this.element.classList.remove("outdated");
    this.redraw();
  }

  outdated() {
    this.element.classList.add("outdated");
  }

  // Say why there is no chart.
  say(...words) {
    this.draw(() => ({ words }));
  }

  // Draw at once what the reader sees, and the rest when the browser has time.
  async redraw() {
    const drawing = this.drawing;
    if (!drawing || !this.place.clientWidth) return;
    const Plot = await plotLibrary();
    if (!this.isInView()) await idle();
    if (drawing === this.drawing) this.drawNow(drawing, Plot); // unless a newer one came meanwhile
  }

  isInView() {
    const { top, bottom } = this.place.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  }

  drawNow(drawing, Plot) {
    const { words, options, legend = [], cursor } = drawing(this.place.clientWidth, this.on, Plot);
    if (words) {
      this.place.replaceChildren(
        h(
          "div",
          { className: "words" },
          ...words.map((one) => (typeof one === "string" ? h("p", {}, one) : one)),
        ),
      );
      return;
    }
    const plot = Plot.plot({
      width: this.place.clientWidth,
      style: { background: "none" },
      ...options,
    });
    plot.setAttribute("role", "img");
    // The picture is described as a whole; only elements with a role may have labels of their own.
    for (const mark of plot.querySelectorAll("[aria-label]")) {
      mark.dataset.mark = mark.getAttribute("aria-label");
      mark.removeAttribute("aria-label");
    }
    this.place.replaceChildren(plot, h("ul", { className: "keys" }, ...legend.map(key)));
    if (cursor) addCursor(this.place, plot, cursor);
  }
}

function key({ color, text, dashed = false }) {
  return h("li", {}, swatch(color, { dashed }), text);
}
