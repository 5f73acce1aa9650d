// Swagger UI for this server's OpenAPI document, dark if the system's theme is.

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow(); // before the bundle loads, so that the other theme does not flash
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
    validatorUrl: null, // the default is a server on the internet
  });
});
