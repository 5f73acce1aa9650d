// Puts this server's URL in the commands of the landing page, and adds buttons that copy them.

const here = new URL(".", location.href).href.replace(/\/$/, ""); // keeps the prefix of a proxy
for (const element of document.querySelectorAll("[data-origin]")) element.textContent = here;

const status = document.getElementById("status");
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const done = await copy(document.getElementById(button.dataset.copy));
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    status.textContent = done ? "Copied to the clipboard" : "Selected; copy it with Ctrl+C";
    setTimeout(() => {
      button.textContent = "Copy";
      status.textContent = "";
    }, 2000);
  });
}

// Copy an element's text; return whether that worked. If it did not, the text is left selected.
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    // Without HTTPS there is no navigator.clipboard, only the selection and the older command.
    const selection = getSelection();
    selection.selectAllChildren(element);
    const done = document.execCommand("copy");
    if (done) selection.removeAllRanges();
    return done;
  }
}
