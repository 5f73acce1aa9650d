// Overrides: another scheme for some layers, one direction or one gate of a parameter.

import { h } from "../dom.js";
import { control } from "./controls.js";
import { PARTS } from "./init.js";
import { schemeControls } from "./scheme.js";

export const GATES = {
  lstm: ["input", "forget", "cell", "output"],
  gru: ["reset", "update", "new"],
  rnn: [],
};
const ANY = "all";

// model: the init as the form has it.  change(redrawn): called after every edit.
export function overrideControls({ model, spec, catalogue, change }) {
  const rows = model.overrides.map((override, place) => {
    const pointer = `/init/overrides/${place}`;
    const remove = () => {
      model.overrides.splice(place, 1);
      change(true);
    };
    return h(
      "fieldset",
      { className: "part" },
      h("legend", { className: "group" }, `Override ${place + 1}`),
      ...selection(override, pointer, spec, change),
      ...schemeControls({
        pointer: `${pointer}/init`,
        label: "Scheme",
        part: override.parameter,
        value: override.init,
        catalogue,
        rnnType: spec.rnn_type,
        inherited: null,
        change: (scheme, redrawn) => {
          override.init = scheme;
          change(redrawn);
        },
      }),
      h(
        "button",
        { type: "button", className: "wide", click: remove },
        `Remove override ${place + 1}`,
      ),
    );
  });
  return [
    ...rows,
    h(
      "button",
      { type: "button", className: "wide", id: "add-override", click: () => add(model, change) },
      "Add an override",
    ),
  ];
}

function add(model, change) {
  model.overrides.push({ parameter: "weight_hh", layer: "first", init: { scheme: "orthogonal" } });
  change(true);
}

function selection(override, pointer, spec, change) {
  const choose = (name, label, values) =>
    control({
      pointer: `${pointer}/${name}`,
      label,
      schema: { enum: [ANY, ...values], default: ANY },
      value: override[name],
      change: (value) => {
        if (value === ANY) delete override[name];
        else override[name] = value;
        change(false);
      },
    });
  const parameters = PARTS.filter((part) => spec.proj_size > 0 || part !== "weight_hr");
  const parameter = control({
    pointer: `${pointer}/parameter`,
    label: "Parameter",
    schema: { enum: parameters },
    value: override.parameter,
    change: (value) => {
      const other = (value === "bias") !== (override.parameter === "bias");
      override.parameter = value;
      if (other) override.init = { scheme: "zeros" };
      change(true);
    },
  });
  const gates = GATES[spec.rnn_type];
  return [
    parameter,
    layers(override, pointer, change),
    ...(gates.length ? [choose("gate", "Gate", gates)] : []),
    ...(spec.bidirectional ? [choose("direction", "Direction", ["forward", "reverse"])] : []),
  ];
}

// A layer is an index, a range or a word: as JSON, but for the words' quotes.
function layers(override, pointer, change) {
  const shown =
    override.layer === undefined
      ? ""
      : Array.isArray(override.layer)
        ? override.layer.join("-")
        : override.layer;
  const field = control({
    pointer: `${pointer}/layer`,
    label: "Layers",
    schema: {
      type: "string",
      default: "all",
      description: "An index from 0, a range as 1-3, first or last; all if empty.",
    },
    change: () => {},
  });
  const area = field.querySelector("textarea");
  const input = h("input", { id: area.id, value: shown, placeholder: "all", title: area.title });
  for (const name of ["aria-describedby", "data-pointer"])
    input.setAttribute(name, area.getAttribute(name));
  input.addEventListener("input", () => {
    const layer = layerOf(input.value.trim());
    if (layer === undefined) delete override.layer;
    else override.layer = layer;
    change(false);
  });
  area.replaceWith(input);
  return field;
}

function layerOf(text) {
  if (text === "" || text === "all") return undefined;
  const range = text.match(/^(\d+)\s*[-–]\s*(\d+)$/);
  if (range) return [Number(range[1]), Number(range[2])];
  return /^\d+$/.test(text) ? Number(text) : text;
}
