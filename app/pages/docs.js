// Swagger UI over this server's own description, dark where the reader's system is.

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow(); // before the bundle, which comes next, has loaded: no flash of the other theme
dark.addEventListener("change", follow);

addEventListener("DOMContentLoaded", () => {
  SwaggerUIBundle({
    dom_id: "#swagger-ui",
    url: "openapi.json",
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    syntaxHighlight: false, // with it, a megabyte of JSON freezes the page for half a minute
    tryItOutEnabled: true,
    validatorUrl: null, // the default asks a server on the internet
  });
});
