// Signing in, on a server with API keys: the key is exchanged for a cookie that no script can read.

import { $, h, redraw } from "./dom.js";
import { ask, explain, whenKeyIsNeeded } from "./server.js";

// signedIn(): called when requests will be answered.
export async function startSession(signedIn) {
  const dialog = $("#sign-in");
  whenKeyIsNeeded(() => open(dialog, signedIn));
  $("#sign-out").addEventListener("click", async () => {
    await ask("v1/session", { method: "DELETE" });
    location.reload();
  });
  const session = await ask("v1/session").catch(() => ({ required: false }));
  $("#sign-out").hidden = !(session.required && session.name);
  if (session.required && !session.name) open(dialog, signedIn);
  return session;
}

function open(dialog, signedIn) {
  if (dialog.open) return;
  const key = h("input", {
    id: "key",
    type: "password",
    autocomplete: "off",
    spellcheck: false,
    required: true,
    "aria-describedby": "key-error",
  });
  const error = h("p", { className: "error", id: "key-error", role: "alert", hidden: true });
  const submit = async (event) => {
    event.preventDefault();
    try {
      await ask("v1/session", { method: "POST", key: key.value.trim() });
    } catch (problem) {
      error.textContent =
        problem.status === 401
          ? "This key is not known here. Check that it was copied whole."
          : explain(problem);
      error.hidden = false;
      key.select();
      return;
    }
    $("#sign-out").hidden = false;
    dialog.close();
    signedIn();
  };
  redraw(
    dialog,
    h(
      "form",
      { submit },
      h("h2", { id: "sign-in-title" }, "Sign in"),
      h(
        "p",
        { className: "note" },
        "This server needs an API key. It is exchanged for a cookie that ends with the session, and is not kept on this page.",
      ),
      h("div", { className: "field" }, h("label", { for: "key" }, "API key"), key, error),
      h("button", { className: "primary" }, "Sign in"),
    ),
  );
  dialog.showModal();
  key.focus();
}
