// Downloads: a link in every format; files up to 512 MB with a progress bar that can be cancelled,
// larger ones by the browser's own manager, which can resume them.

import { $, announce, h, redraw } from "./dom.js";
import { bytes } from "./format.js";
import { absolute, explain, isAbort, problemOf, reach } from "./server.js";
import { suffix } from "./tiles.js";

const SHOWN_BYTES = 512e6;
const REPORTS = ["html", "pdf", "png", "svg"];

export class Download {
  // chosen(format): called when another format is chosen.
  constructor(chosen) {
    this.format = "pt";
    this.stop = null;
    this.select = h("select", {
      id: "format",
      change: ({ target }) => {
        this.format = target.value;
        chosen(this.format);
      },
    });
    this.link = h("a", {
      id: "download-link",
      className: "primary",
      click: (event) => this.start(event),
    });
    this.reports = h("p", { className: "note", id: "reports" });
    this.bar = h("progress", { max: 1, "aria-label": "Download progress" });
    this.text = h("p", { className: "note", id: "download-text" });
    this.cancel = h(
      "button",
      { type: "button", id: "download-cancel", hidden: true, click: () => this.stop?.abort() },
      "Cancel",
    );
    redraw(
      $("#download"),
      h("div", { className: "field" }, h("label", { for: "format" }, "File format"), this.select),
      this.link,
      this.reports,
      this.bar,
      h("div", { className: "row" }, this.text, this.cancel),
    );
    this.bar.hidden = true;
  }

  show(plan) {
    if (!(this.format in plan.files)) this.format = Object.keys(plan.files)[0];
    redraw(
      this.select,
      ...Object.entries(plan.files).map(([name, file]) =>
        h(
          "option",
          { value: name, selected: name === this.format },
          `.${suffix(file)} · ${bytes(file.size_bytes)}`,
        ),
      ),
    );
    this.file = plan.files[this.format];
    redraw(this.reports, "Report as ", ...REPORTS.flatMap((name) => [reportLink(plan, name), " "]));
    this.link.href = absolute(this.file.url);
    this.link.download = this.file.url.split("/").at(-1);
    this.link.removeAttribute("aria-disabled");
    this.link.replaceChildren(
      h("span", {}, "Download ", h("b", {}, `.${suffix(this.file)}`)),
      h("small", {}, bytes(this.file.size_bytes)),
    );
  }

  // There is nothing to download while the form has errors.
  disable() {
    this.link.removeAttribute("href");
    this.link.setAttribute("aria-disabled", "true");
  }

  async start(event) {
    if (!this.link.href) return;
    if (this.file.size_bytes > SHOWN_BYTES) {
      this.text.textContent =
        "The server checks the network first; then the browser's downloads show the progress.";
      return;
    }
    event.preventDefault();
    if (this.stop) return;
    const [url, name, size] = [this.link.href, this.link.download, this.file.size_bytes];
    this.stop = new AbortController();
    this.progress(0, size, "The server draws and checks the network…");
    try {
      const saved = await receive(url, this.stop.signal, (here) => this.progress(here, size));
      save(saved, name);
      this.done(`${name} is saved, ${bytes(size)}.`);
    } catch (error) {
      this.done(isAbort(error) ? "The download was cancelled." : explain(error));
    }
  }

  progress(here, size, text) {
    this.bar.hidden = this.cancel.hidden = false;
    this.bar.value = here / size;
    this.text.textContent = text ?? `${bytes(here)} of ${bytes(size)}`;
  }

  done(text) {
    this.stop = null;
    this.bar.hidden = this.cancel.hidden = true;
    this.text.textContent = text;
    announce(text);
  }
}

const reportLink = (plan, name) =>
  h("a", { href: absolute(`${plan.links.self}/report.${name}`) }, name.toUpperCase());

// A blob of a response, which the browser keeps on disk if it is large.
async function receive(url, signal, progress) {
  const answer = await reach(url, { signal });
  if (!answer.ok) throw await problemOf(answer);
  let here = 0;
  const counting = new TransformStream({
    transform(chunk, controller) {
      here += chunk.byteLength;
      progress(here);
      controller.enqueue(chunk);
    },
  });
  const whole = new Response(answer.body.pipeThrough(counting)).blob();
  return Promise.race([whole, aborted(signal)]); // Chromium leaves the blob pending after an abort
}

const aborted = (signal) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser reads it meanwhile
}
