// Swagger UI for this server's OpenAPI document, dark if the system's theme is.

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow(); // before the bundle loads, so that the other theme does not flash
dark.addEventListener("change", follow);

// What Swagger UI leaves out for people who use a screen reader or no mouse.
const ADDED = [
  [".information-container", { role: "region", "aria-label": "Introduction" }],
  [".scheme-container", { role: "region", "aria-label": "Server" }],
  [".opblock-tag, .models > h4", { "aria-level": "2" }],
  [".opblock h4", { "aria-level": "3" }],
  [".opblock h5", { "aria-level": "4" }],
  ["#servers", { "aria-label": "Server" }],
  [".examples-select-element", { "aria-label": "Example" }],
  [".content-type", { "aria-label": "Media type" }],
  [".body-param__text", { "aria-label": "Request body" }],
  [".parameters-col_description :is(input, select, textarea)", { "aria-label": "Value" }],
  ["pre, .highlight-code", { tabindex: "0" }], // to scroll with the arrow keys
];

function complete() {
  for (const [selector, attributes] of ADDED) {
    for (const element of document.querySelectorAll(selector)) {
      for (const [name, value] of Object.entries(attributes)) {
        if (!element.hasAttribute(name)) element.setAttribute(name, value);
      }
    }
  }
}

addEventListener("DOMContentLoaded", () => {
  const root = document.querySelector("#swagger-ui");
  new MutationObserver(complete).observe(root, { childList: true, subtree: true });
  const ui = SwaggerUIBundle({
    dom_id: "#swagger-ui",
    url: "openapi.json",
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    onComplete: () => openFirst(ui),
    plugins: [{ statePlugins: { layout: { wrapActions: { parseDeepLinkHash } } } }],
    syntaxHighlight: false, // with it, a megabyte of JSON freezes the page for half a minute
    tryItOutEnabled: true,
    validatorUrl: null, // the default is a server on the internet
  });
});

// Opens the operation to begin with, unless the URL names another. `layoutActions.show` would write
// the operation into the URL, so that the back button would stay on this page.
function openFirst(ui) {
  if (location.hash.startsWith("#/")) return;
  const thing = ["operations", "checkpoints", "make_checkpoint"];
  ui.getStore().dispatch({ type: "layout_show", payload: { thing, shown: true } });
}

// Opens what the URL names. Swagger UI's own action complains in the console of every `_`.
function parseDeepLinkHash(_, { layoutActions }) {
  return (hash) => {
    const [, tag, operation] = hash.split("/");
    if (!tag) return;
    const thing = operation ? ["operations", tag, operation] : ["operations-tag", tag];
    layoutActions.show(thing, true);
    layoutActions.scrollTo(thing);
    layoutActions.scrollToVirtualizedOperation(thing);
  };
}
