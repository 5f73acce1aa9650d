// The form of the spec: drawn from a spec, and the only place where it is edited.

import { $, h, redraw } from "../dom.js";
import { words } from "../format.js";
import { emitInit, PARTS, parseInit } from "./init.js";
import { networkControls } from "./network.js";
import { overrideControls } from "./overrides.js";
import { optionControls, schemeControls } from "./scheme.js";

const LABELS = {
  weight_ih: "Input weights",
  weight_hh: "Recurrent weights",
  weight_hr: "Projection weights",
  bias: "Biases",
};

export class SpecForm {
  // changed(): called after every edit.
  constructor(catalogue, changed) {
    this.catalogue = catalogue;
    this.changed = changed;
    $("#spec").addEventListener("submit", (event) => event.preventDefault());
  }

  // Show a spec.
  show(spec) {
    const { init, ...network } = spec;
    this.network = network;
    this.init = parseInit(init, this.catalogue);
    this.draw();
  }

  // The spec as it is sent.
  value() {
    const init = emitInit(this.init);
    return init === undefined ? { ...this.network } : { ...this.network, init };
  }

  draw() {
    redraw($("#network"), ...networkControls(this.network, (...edit) => this.set(...edit)));
    redraw($("#init"), h("legend", {}, "Initialization"), ...this.initControls());
  }

  set(name, value, redrawn) {
    if (value === undefined) delete this.network[name];
    else this.network[name] = value;
    if (name === "rnn_type") this.fitKind();
    if (redrawn || name === "proj_size") this.draw();
    this.changed();
  }

  // Drop what another kind of network does not have; schemes that it lacks stay, for the server to refuse.
  fitKind() {
    const kind = this.network.rnn_type;
    if (kind !== "rnn") delete this.network.nonlinearity;
    if (kind !== "lstm") delete this.network.proj_size;
    if (kind !== "lstm") delete this.init.weight_hr;
  }

  initControls() {
    const start = this.startControl();
    if (this.init.whole) return [start, ...this.wholeControls()];
    const preset = this.catalogue.preset(this.init.preset);
    const note =
      preset &&
      h(
        "p",
        { className: "hint wide" },
        `${preset.summary} Source: ${preset.source}. ${preset.note}`,
      );
    const arrays =
      this.init.arrays &&
      h("p", { className: "hint wide" }, "Uploaded arrays take precedence over the schemes.");
    return [start, note, arrays, ...this.partControls(), ...this.overrides()];
  }

  // What everything starts from: a preset, one scheme for all weights, or a script.
  startControl() {
    const kind = this.network.rnn_type;
    const chosen = this.init.whole?.scheme ?? this.init.preset;
    const { schemes, scripts } = this.catalogue.whole(kind);
    const group = (label, rows) =>
      h(
        "optgroup",
        { label },
        ...rows.map((row) =>
          h("option", { value: row.name, selected: row.name === chosen }, words(row.name)),
        ),
      );
    const choose = ({ target }) => {
      const isPreset = target.selectedOptions[0].parentElement.label === "Presets";
      this.init = isPreset
        ? { preset: target.value, overrides: [] }
        : { whole: { scheme: target.value } };
      if (!isPreset) this.addRequired();
      this.draw();
      this.changed();
    };
    const presets = this.catalogue.presetsOf(kind);
    const shown = this.init.whole ? schemes : schemes.filter((row) => row.name !== chosen);
    return h(
      "div",
      { className: "field wide" },
      h("label", { for: "start" }, "Start from"),
      h(
        "select",
        { id: "start", change: choose, "data-pointer": "/init", "aria-describedby": "start-error" },
        group("Presets", this.init.whole ? presets.filter((row) => row.name !== chosen) : presets),
        group(
          "One scheme for all weights",
          shown.filter((row) => !this.catalogue.isPreset(row.name) || row.name === chosen),
        ),
        group("Scripts", scripts),
      ),
      h("p", { className: "error", id: "start-error", hidden: true }),
    );
  }

  addRequired() {
    const row = this.catalogue.row("weight_hh", this.init.whole.scheme);
    const example = row.example.init;
    const given = typeof example === "object" ? (example.weight_hh ?? example) : {};
    for (const field of row.fields)
      if (field.required) this.init.whole[field.name] = given[field.name];
  }

  wholeControls() {
    const row = this.catalogue.row("weight_hh", this.init.whole.scheme);
    if (!row) return [];
    return optionControls(row, "/init", this.init.whole, () => this.changed());
  }

  partControls() {
    const has = { weight_hr: this.network.proj_size > 0, bias: this.network.bias !== false };
    return PARTS.filter((part) => has[part] ?? true).map((part) =>
      h(
        "fieldset",
        { className: "part" },
        h("legend", { className: "sr" }, LABELS[part]),
        ...schemeControls({
          pointer: `/init/${part}`,
          label: LABELS[part],
          part,
          value: this.init[part],
          catalogue: this.catalogue,
          rnnType: this.network.rnn_type,
          inherited: `as in ${words(this.init.preset)}`,
          change: (scheme, redrawn) => {
            if (scheme) this.init[part] = scheme;
            else delete this.init[part];
            if (redrawn) this.draw();
            this.changed();
          },
        }),
      ),
    );
  }

  overrides() {
    const change = (redrawn) => {
      if (redrawn) this.draw();
      this.changed();
    };
    return overrideControls({
      model: this.init,
      spec: this.network,
      catalogue: this.catalogue,
      change,
    });
  }
}
