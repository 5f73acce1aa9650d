// The controls of the network: kind, sizes, seed and dtype.

import { h } from "../dom.js";
import { control } from "./controls.js";

const DTYPES = ["float32", "float64", "float16", "bfloat16"];
const SIZE = { type: "integer", minimum: 1 };
const MAX_SEED = 2 ** 32;

// set(name, value, redrawn): called with every edit.
export function networkControls(spec, set) {
  const field = (name, label, schema, redrawn = false) =>
    control({
      pointer: `/${name}`,
      label,
      schema,
      value: spec[name],
      change: (value) => set(name, value === schema.default ? undefined : value, redrawn),
    });
  return [
    kinds(spec, set),
    field("input_size", "Input size", SIZE),
    field("hidden_size", "Hidden size", SIZE),
    field("num_layers", "Layers", { ...SIZE, default: 1 }),
    seed(spec, set),
    ...(spec.rnn_type === "rnn"
      ? [field("nonlinearity", "Nonlinearity", { enum: ["tanh", "relu"], default: "tanh" })]
      : []),
    ...(spec.rnn_type === "lstm"
      ? [
          field("proj_size", "Projection size", {
            type: "integer",
            minimum: 0,
            default: 0,
            description: "0 for none.",
          }),
        ]
      : []),
    field("dtype", "Element type", { enum: DTYPES, default: "float32" }),
    h(
      "div",
      { className: "fields wide" },
      field("bidirectional", "Bidirectional", { type: "boolean", default: false }, true),
      field("bias", "Biases", { type: "boolean", default: true }, true),
    ),
    h(
      "details",
      {
        className: "more",
        open: ["batch_first", "dropout", "accept_nonfinite", "accept_dead"].some((n) => n in spec),
      },
      h("summary", {}, "More options"),
      h(
        "div",
        { className: "fields" },
        field("dropout", "Dropout", {
          type: "number",
          minimum: 0,
          default: 0,
          description: "Changes no weight.",
        }),
        field("batch_first", "Batch first", {
          type: "boolean",
          default: false,
          description: "Changes no weight.",
        }),
        field("accept_nonfinite", "Accept overflow", {
          type: "boolean",
          default: false,
          description: "Serve the network even if its output overflows.",
        }),
        field("accept_dead", "Accept dead output", {
          type: "boolean",
          default: false,
          description: "Serve the network even if its output is zero everywhere.",
        }),
      ),
    ),
  ];
}

function kinds(spec, set) {
  const options = ["gru", "lstm", "rnn"].map((name) =>
    h(
      "label",
      {},
      h("input", {
        type: "radio",
        name: "rnn_type",
        value: name,
        id: `kind-${name}`,
        checked: spec.rnn_type === name,
        "data-pointer": "/rnn_type",
        change: () => set("rnn_type", name, true),
      }),
      h("span", {}, name.toUpperCase()),
    ),
  );
  return h(
    "fieldset",
    { className: "fields wide" },
    h("legend", {}, "Network"),
    h("div", { className: "segments wide" }, ...options),
  );
}

function seed(spec, set) {
  const field = control({
    pointer: "/seed",
    label: "Seed",
    schema: { type: "integer", minimum: 0, default: 0 },
    value: spec.seed,
    change: (value) => set("seed", value === 0 ? undefined : value),
  });
  const input = field.querySelector("input");
  const roll = () => {
    input.value = crypto.getRandomValues(new Uint32Array(1))[0] % MAX_SEED;
    set("seed", Number(input.value));
  };
  const dice = h(
    "button",
    {
      type: "button",
      id: "dice",
      "aria-label": "New random seed",
      title: "New random seed",
      click: roll,
    },
    "⚄",
  );
  const pair = h("div", { className: "with-button" });
  input.replaceWith(pair);
  pair.append(input, dice);
  return field;
}
