// Copying text, on plain http as well, where there is no `navigator.clipboard`.

import { announce } from "./dom.js";

// Copy an element's text; if that fails, leave it selected.
export async function copy(element) {
  const done = (await byClipboard(element.textContent)) || bySelection(element);
  announce(done ? "Copied to the clipboard" : "Selected; copy it with Ctrl+C");
  return done;
}

async function byClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function bySelection(element) {
  const selection = getSelection();
  selection.selectAllChildren(element);
  const done = document.execCommand("copy");
  if (done) selection.removeAllRanges();
  return done;
}
