// Which initialization is this file?  A file is dropped anywhere on the page, or chosen.

import { $, announce, h, redraw, table } from "../dom.js";
import { number } from "../format.js";
import { ask, explain } from "../server.js";

const TYPES = ".safetensors,.npz,.npy,.onnx,.h5,.hdf5,.keras";

export class Identification {
  // open(recipe): shows a recipe in the form.
  constructor({ open }) {
    this.open = open;
    this.answer = h("div", { "aria-live": "polite" });
    this.input = h("input", {
      id: "identified-file",
      type: "file",
      accept: TYPES,
      change: () => this.input.files[0] && this.identify(this.input.files[0]),
    });
    redraw(
      $("#identification"),
      h(
        "div",
        { className: "head" },
        h("h2", { id: "identification-title" }, "Which initialization is this file?"),
      ),
      h(
        "div",
        { className: "field" },
        h(
          "label",
          { for: "identified-file" },
          "Drop a checkpoint anywhere on this page, or choose one (.safetensors, .npz or .npy). It is examined and not kept.",
        ),
        this.input,
      ),
      this.answer,
    );
    this.acceptDrops();
  }

  acceptDrops() {
    const overlay = $("#drop");
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    addEventListener("dragenter", (event) => {
      if (hasFiles(event)) overlay.hidden = false;
    });
    addEventListener("dragover", (event) => {
      if (hasFiles(event)) event.preventDefault();
    });
    overlay.addEventListener("dragleave", () => {
      overlay.hidden = true;
    });
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      overlay.hidden = true;
      $("#identification").scrollIntoView({ block: "nearest" });
      this.identify(event.dataTransfer.files[0]);
    });
  }

  async identify(file) {
    redraw(
      this.answer,
      h("p", {}, `Examining ${file.name}…`),
      h("progress", { "aria-label": "Examining the file" }),
    );
    const body = new FormData();
    body.append("arrays", file, file.name);
    try {
      this.show(file, await ask("v1/identify", { body }));
    } catch (error) {
      redraw(this.answer, h("p", { className: "error" }, explain(error)));
    }
  }

  show(file, found) {
    const network = Object.entries(found.network).map(
      ([name, value]) => `${name.replaceAll("_", " ")} ${value}`,
    );
    const { nearest, redraw: again } = found;
    const head = ["tensor", "gate", "fits", "p", "cannot be told from"];
    redraw(
      this.answer,
      h("p", { id: "verdict" }, h("strong", {}, found.verdict)),
      h("p", { className: "note" }, `${file.name}: ${network.join(", ")}.`),
      again
        ? h(
            "p",
            {},
            again.equal
              ? "The file carries its recipe, and every value is as drawn. "
              : `The file carries a recipe, but these differ: ${again.differing.join(", ")}. `,
            this.showRecipe(again.recipe, "Show that recipe"),
          )
        : null,
      nearest
        ? h(
            "p",
            {},
            nearest.fits_all
              ? "Networks like it are drawn by one recipe. "
              : "The recipe that fits best: ",
            this.showRecipe(nearest.recipe, "Show it in the form"),
          )
        : null,
      table("What every gate fits", head, found.parts.map(part)),
    );
    announce(found.verdict);
  }

  showRecipe(recipe, text) {
    return h("button", { type: "button", click: () => this.open(recipe) }, text);
  }
}

function part({ tensor, gate, fits, indistinguishable }) {
  const best = fits[0];
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("code", {}, tensor)),
    h("td", {}, gate),
    h("td", {}, best ? spelled(best.scheme) : "no start"),
    h("td", {}, best ? number(best.p_value) : ""),
    h("td", {}, indistinguishable.join(", ")),
  );
}

function spelled({ scheme, ...fields }) {
  const given = Object.entries(fields).map(
    ([name, value]) =>
      `${name}=${typeof value === "number" ? number(value) : JSON.stringify(value)}`,
  );
  return given.length ? `${scheme}(${given.join(", ")})` : scheme;
}
