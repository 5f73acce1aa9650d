// The schemes and presets of this server, as `GET /v1/initializers` lists them.

import { ask } from "./server.js";

export class Catalogue {
  constructor(data) {
    this.presets = data.presets;
    this.weights = data.weights;
    this.biases = data.biases;
    this.scripts = data.scripts;
  }

  // The schemes for one part of a network.
  schemes(part, rnnType) {
    const rows = part === "bias" ? this.biases : this.weights;
    return rows.filter((row) => row.parameters.includes(part) && row.rnn_types.includes(rnnType));
  }

  presetsOf(rnnType) {
    return this.presets.filter((row) => row.rnn_types.includes(rnnType));
  }

  // The schemes that one name gives to all weights, and the scripts.
  whole(rnnType) {
    const all = ["weight_ih", "weight_hh"];
    return {
      schemes: this.weights.filter(
        (row) =>
          all.every((part) => row.parameters.includes(part)) && row.rnn_types.includes(rnnType),
      ),
      scripts: this.scripts.filter((row) => row.rnn_types.includes(rnnType)),
    };
  }

  preset(name) {
    return this.presets.find((row) => row.name === name);
  }

  isPreset(name) {
    return this.preset(name) !== undefined;
  }

  row(part, name) {
    const rows = part === "bias" ? this.biases : [...this.weights, ...this.scripts];
    return rows.find((row) => row.name === name);
  }
}

export const loadCatalogue = async () => new Catalogue(await ask("v1/initializers"));
