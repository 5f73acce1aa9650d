// Which start to try first, for this network and a sequence length.

import { $, announce, h, redraw, table } from "../dom.js";
import { number } from "../format.js";
import { ask, explain, isAbort } from "../server.js";

export class Recommendation {
  // tryStart(init): shows a start in the form; compare(recipe): adds it to the comparison.
  constructor({ tryStart, compare }) {
    this.tryStart = tryStart;
    this.compare = compare;
    this.stop = null;
    this.length = h("input", {
      id: "recommended-length",
      type: "number",
      min: 1,
      max: 4096,
      value: 100,
    });
    this.button = h(
      "button",
      { type: "button", id: "recommend", click: () => this.toggle() },
      "Recommend",
    );
    this.answer = h("div", { "aria-live": "polite" });
    redraw(
      $("#recommendation"),
      h(
        "div",
        { className: "head" },
        h("h2", { id: "recommendation-title" }, "Which start should I try?"),
        h(
          "div",
          { className: "tools" },
          h("label", { for: "recommended-length" }, "Sequence length"),
          this.length,
          this.button,
        ),
      ),
      h(
        "p",
        { className: "note" },
        "Measures the starts that are defined for this network, three seeds each, and ranks them by the two figures that predicted training in the validation.",
      ),
      this.answer,
    );
  }

  current(spec) {
    const { init: _, seed: __, ...network } = spec;
    this.network = network;
  }

  toggle() {
    if (this.stop) this.stop.abort();
    else this.recommend();
  }

  async recommend() {
    this.stop = new AbortController();
    this.button.textContent = "Cancel";
    redraw(
      this.answer,
      h("p", {}, "Measuring the starts…"),
      h("progress", { "aria-label": "Measuring the starts" }),
    );
    try {
      const found = await ask("v1/recommend", {
        json: { network: this.network, seq_len: Number(this.length.value), level: "quick" },
        signal: this.stop.signal,
      });
      this.show(found);
    } catch (error) {
      redraw(
        this.answer,
        h(
          "p",
          { className: isAbort(error) ? "note" : "error" },
          isAbort(error) ? "Cancelled." : explain(error),
        ),
      );
    }
    this.stop = null;
    this.button.textContent = "Recommend";
  }

  show(found) {
    const head = [
      "rank",
      "start",
      "score",
      "echo",
      "log₁₀ reach",
      h("span", { className: "sr" }, "actions"),
    ];
    redraw(
      this.answer,
      h(
        "p",
        { className: "note" },
        `${found.evidence} ${found.is_validated ? "" : found.validity}`,
      ),
      table(
        "Ranked starts",
        head,
        found.candidates.map((one) => this.row(one)),
      ),
    );
    const best = found.candidates.filter((one) => one.is_recommended).map((one) => one.label);
    announce(`Try first: ${best.join(", ")}`);
  }

  row(one) {
    const median = (name) => number(one.figures[name]?.median ?? null);
    return h(
      "tr",
      { className: one.is_recommended ? "recommended" : "" },
      h("td", {}, one.rank ?? "–"),
      h(
        "th",
        { scope: "row" },
        one.label,
        one.is_recommended ? h("strong", {}, " · try first") : null,
      ),
      h("td", {}, median("score")),
      h("td", {}, median("echo")),
      h("td", {}, median("log10_reach")),
      h(
        "td",
        { className: "suggestions" },
        h(
          "button",
          {
            type: "button",
            "aria-label": `Use ${one.label}`,
            click: () => this.tryStart(one.init),
          },
          "Use",
        ),
        h(
          "button",
          {
            type: "button",
            "aria-label": `Compare ${one.label}`,
            click: () => this.compare(one.recipe),
          },
          "Compare",
        ),
      ),
    );
  }
}
