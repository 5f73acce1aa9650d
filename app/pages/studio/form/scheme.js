// A scheme and its options: a choice from the catalogue, then one control for each field.

import { h, withCode } from "../dom.js";
import { words } from "../format.js";
import { control } from "./controls.js";

// inherited: what holds if no scheme is chosen, or null if one must be.
// change: called with the new scheme; `redrawn` if the fields are other ones.
export function schemeControls({
  pointer,
  label,
  part,
  value,
  catalogue,
  rnnType,
  inherited,
  change,
}) {
  const rows = catalogue.schemes(part, rnnType);
  const names = [...(inherited ? [""] : []), ...rows.map((row) => row.name)];
  const chosen = value?.scheme ?? "";
  const select = control({
    pointer,
    label,
    schema: { enum: names.includes(chosen) ? names : [...names, chosen], default: "" },
    value: chosen,
    change: (name) => change(name ? start(rows.find((row) => row.name === name)) : undefined, true),
  });
  const none = select.querySelector('option[value=""]');
  if (none) none.textContent = inherited;
  const row = value && catalogue.row(part, value.scheme);
  select.classList.add("wide");
  return [select, ...(row ? optionControls(row, pointer, value, change) : [])];
}

// A scheme with the values that its catalogue entry gives to required fields.
function start(row) {
  const example = Object.values(row.example.init ?? {}).find((one) => typeof one === "object");
  const required = row.fields.filter((field) => field.required).map((field) => field.name);
  return {
    scheme: row.name,
    ...Object.fromEntries(required.map((name) => [name, example?.[name]])),
  };
}

export function optionControls(row, pointer, value, change) {
  const hint = h(
    "p",
    { className: "hint wide" },
    ...withCode(`${row.summary} Source: ${row.source}.`),
  );
  const fields = row.fields.map((field) =>
    control({
      pointer: `${pointer}/${field.name}`,
      label: words(field.name),
      schema: field,
      value: value[field.name],
      change: (given) => {
        if (given === undefined || given === field.default) delete value[field.name];
        else value[field.name] = given;
        change(value, false);
      },
    }),
  );
  return [hint, ...fields];
}
