// The tiles: parameters, bytes, hash, warnings.

import { $, h, redraw } from "./dom.js";
import { bytes, count } from "./format.js";

// hash: the sha256 of the chosen file, or null; compute(): asks the server for it.
export function showTiles(plan, format, hash, compute) {
  const file = plan.files[format];
  const tile = (value, text, ...more) =>
    h("li", {}, h("b", {}, value), h("span", {}, text), ...more);
  redraw(
    $("#tiles"),
    tile(count(plan.parameters), "parameters"),
    tile(bytes(file.size_bytes), `${plan.tensors.length} tensors, ${plan.spec.dtype ?? "float32"}`),
    hash
      ? h(
          "li",
          { title: hash, id: "hash" },
          h("b", {}, h("code", {}, hash.slice(0, 8))),
          h("span", {}, `sha256 of the .${suffix(file)}`),
        )
      : h(
          "li",
          { id: "hash" },
          h("b", {}, h("button", { type: "button", click: compute }, "Compute")),
          h("span", {}, `sha256 of the .${suffix(file)}`),
        ),
    ...plan.warnings.map((warning) =>
      h(
        "li",
        { className: "warning" },
        h("span", {}, warning.detail ?? warning.text ?? String(warning)),
      ),
    ),
  );
}

// The whole suffix, which may have two parts; nothing before it has a dot.
export const suffix = (file) => file.url.split("/").at(-1).split(".").slice(1).join(".");
