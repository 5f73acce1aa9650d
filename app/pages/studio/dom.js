// Elements, and what a screen reader is told.

export const $ = (selector) => document.querySelector(selector);

// Create an element.  Names with a dash, `role` and `for` are attributes; functions are listeners.
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name.includes("-") || name === "role" || name === "for")
      element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function announce(text) {
  $("#status").textContent = text;
}

// Replace an element's children and keep the focus where it was, if the same control is there again.
export function redraw(element, ...children) {
  const id = element.contains(document.activeElement) ? document.activeElement.id : "";
  element.replaceChildren(...children.filter(Boolean));
  if (id) document.getElementById(id)?.focus();
}

// Text whose parts between backticks are code.
export const withCode = (text) =>
  text.split("`").map((part, place) => (place % 2 ? h("code", {}, part) : part));

// A small square in a color, before the name that it stands for.
export function swatch(color, { dashed = false } = {}) {
  const element = h("i", { className: dashed ? "swatch dashed" : "swatch" });
  element.style.color = color;
  return element;
}

// A table that scrolls in its own region; its head names the columns.
export function table(label, head, rows) {
  const columns = head.map((content) => h("th", { scope: "col" }, ...[content].flat()));
  return h(
    "div",
    { className: "scroll", tabIndex: 0, role: "region", "aria-label": label },
    h("table", {}, h("thead", {}, h("tr", {}, ...columns)), h("tbody", {}, ...rows)),
  );
}
