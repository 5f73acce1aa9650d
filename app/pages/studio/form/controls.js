// One control of the form: a label, an input that fits the JSON schema, and a place for its error.
// Every control knows its JSON pointer, by which the server's refusals find it.

import { h } from "../dom.js";
import { words } from "../format.js";

export const idOf = (pointer) => `field${pointer.replaceAll("/", "-")}`;

// schema: a property of a JSON schema, with `description` and `default`.
export function control({ pointer, label, schema, value, change, hint }) {
  const id = idOf(pointer);
  const input = inputFor(schema, value, change);
  input.id = id;
  input.dataset.pointer = pointer;
  input.setAttribute("aria-describedby", `${id}-error`);
  if (schema.description) input.title = schema.description;
  const error = h("p", { className: "error", id: `${id}-error`, hidden: true });
  const isFlag = input.type === "checkbox";
  const text = h("label", { for: id }, label);
  return h(
    "div",
    { className: isFlag ? "field check" : "field" },
    ...(isFlag ? [input, text] : [text, input]),
    error,
    hint ? h("p", { className: "hint" }, hint) : null,
  );
}

function inputFor(schema, value, change) {
  if (schema.enum) return choice(schema, value, change);
  if (schema.type === "boolean") {
    const checked = value ?? schema.default ?? false;
    return h("input", { type: "checkbox", checked, change: (e) => change(e.target.checked) });
  }
  const kinds = [schema, ...(schema.anyOf ?? [])].map((one) => one.type);
  if (kinds.includes("number") || kinds.includes("integer")) return numeric(schema, value, change);
  return literal(schema, value, change);
}

function choice(schema, value, change) {
  const chosen = value ?? schema.default;
  const options = schema.enum.map((name) =>
    h("option", { value: name, selected: name === chosen }, words(name)),
  );
  return h("select", { change: (e) => change(e.target.value) }, ...options);
}

function numeric(schema, value, change) {
  const low = schema.minimum ?? schema.ge;
  return h("input", {
    type: "number",
    step: schema.type === "integer" ? 1 : "any",
    min: low,
    inputMode: "decimal",
    value: value ?? "",
    placeholder: schema.default ?? "",
    input: ({ target }) => change(entered(target)),
  });
}

// What was typed: a number, undefined for nothing, or text for the server to refuse.
function entered(input) {
  if (input.validity.badInput) return "not a number";
  return input.value === "" ? undefined : Number(input.value);
}

// Lists and objects are written as JSON.
function literal(schema, value, change) {
  return h("textarea", {
    rows: 3,
    spellcheck: false,
    value: value === undefined ? "" : JSON.stringify(value),
    placeholder: schema.default ?? "JSON",
    input: ({ target }) => change(parsed(target.value)),
  });
}

function parsed(text) {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
