// The server's refusals at their fields.

import { $, h } from "../dom.js";

export function clearErrors() {
  for (const field of document.querySelectorAll("#spec [aria-invalid]"))
    field.removeAttribute("aria-invalid");
  for (const place of document.querySelectorAll("#spec .error")) place.hidden = true;
  $("#problem").hidden = true;
}

// Show every error of a problem at the field that its pointer names, and the rest below the form.
export function showErrors(problem) {
  clearErrors();
  const rest = problem.errors.filter((error) => !showAt(error));
  if (!problem.errors.length) showBelow(problem.message);
  else if (rest.length)
    showBelow(rest.map((error) => `${error.pointer} ${error.detail}`).join("; "));
}

export function showBelow(text) {
  const place = $("#problem");
  place.textContent = text;
  place.hidden = false;
}

function showAt(error) {
  const field = nearest(error.pointer);
  const place = field && document.getElementById(`${field.id}-error`);
  if (!place) return false;
  const allowed =
    error.allowed === null || error.allowed === undefined
      ? ""
      : ` Allowed: ${listed(error.allowed)}.`;
  field.setAttribute("aria-invalid", "true");
  const text = `${error.detail.replace(/\.$/, "")}.${error.detail.includes("must be") ? "" : allowed}`;
  // Several errors of one field stand one below the other.
  if (place.hidden) place.replaceChildren();
  place.append(h("span", {}, `${text} `));
  place.hidden = false;
  place.setAttribute("role", "alert");
  return true;
}

const listed = (allowed) => (Array.isArray(allowed) ? allowed.join(", ") : String(allowed));

// The control whose pointer is the longest beginning of this one.
function nearest(pointer) {
  const fields = [...document.querySelectorAll("#spec [data-pointer]")];
  const begins = (own) => pointer === own || pointer.startsWith(`${own}/`);
  const found = fields.filter((field) => begins(field.dataset.pointer));
  found.sort((a, b) => b.dataset.pointer.length - a.dataset.pointer.length);
  return (
    found[0] ?? fields.find((field) => field.dataset.pointer.startsWith(pointer) && pointer !== "")
  );
}
