// Observable Plot and d3, loaded after the page is shown.

import { address } from "../server.js";

function load(path) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address(path);
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new Error(`${path} could not be loaded.`)));
    document.head.append(script);
  });
}

let loaded;

export function plotLibrary() {
  loaded ??= load("_static/vendor/d3/d3.min.js")
    .then(() => load("_static/vendor/plot/plot.umd.min.js"))
    .then(() => globalThis.Plot);
  return loaded;
}
