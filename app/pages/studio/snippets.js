// The same checkpoint from elsewhere: commands and code that run as they stand.

import { copy } from "./copy.js";
import { $, h, redraw } from "./dom.js";
import { absolute, base } from "./server.js";

const TABS = {
  curl: { label: "curl", text: curl },
  python: { label: "Python", text: python },
  hub: { label: "torch.hub", text: hub },
  client: { label: "Client", text: client },
  command: { label: "Command line", text: command },
};
const CLASSES = { rnn: "RNN", gru: "GRU", lstm: "LSTM" };
const NAMES = ["input_size", "hidden_size"];
const OPTIONS = [
  "num_layers",
  "nonlinearity",
  "bias",
  "batch_first",
  "dropout",
  "bidirectional",
  "proj_size",
];

const server = () => base.href.replace(/\/$/, "");
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export class Snippets {
  // needsHash(): called when the torch.hub tab is opened and the hash is not known.
  constructor(needsHash) {
    this.needsHash = needsHash;
    this.tab = "curl";
    this.hasKey = false;
    this.code = h("code");
    const copying = async ({ target }) => {
      target.textContent = (await copy(this.code)) ? "Copied" : "Press Ctrl+C";
      setTimeout(() => (target.textContent = "Copy"), 2000);
    };
    this.tabs = h("div", {
      className: "tabs",
      role: "tablist",
      "aria-labelledby": "use-title",
      keydown: (event) => this.move(event),
    });
    redraw(
      $("#use"),
      h(
        "div",
        { className: "head" },
        h("h2", { id: "use-title" }, "Use it"),
        this.tabs,
        h("button", { type: "button", id: "copy", click: copying }, "Copy"),
      ),
      h(
        "pre",
        { id: "code", role: "tabpanel", tabIndex: 0, "aria-labelledby": "tab-curl" },
        this.code,
      ),
    );
  }

  show(plan, format) {
    this.plan = plan;
    this.format = format;
    redraw(
      this.tabs,
      ...Object.entries(TABS).map(([name, { label }]) =>
        h(
          "button",
          {
            type: "button",
            role: "tab",
            id: `tab-${name}`,
            "aria-selected": String(name === this.tab),
            "aria-controls": "code",
            tabIndex: name === this.tab ? 0 : -1,
            click: () => this.choose(name),
          },
          label,
        ),
      ),
    );
    $("#code").setAttribute("aria-labelledby", `tab-${this.tab}`);
    this.code.textContent = TABS[this.tab].text(plan, format, this.hasKey);
    if (this.tab === "hub" && plan.files.pt && !plan.files.pt.hub_url) this.needsHash();
  }

  choose(name) {
    this.tab = name;
    this.show(this.plan, this.format);
    document.getElementById(`tab-${name}`).focus();
  }

  move(event) {
    const names = Object.keys(TABS);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.choose(names[(names.indexOf(this.tab) + step + names.length) % names.length]);
  }
}

function curl(plan, format, hasKey) {
  const key = hasKey ? ' -H "Authorization: Bearer $STEPZERO_API_KEY"' : "";
  return `curl -f${key} -C - -O \\\n  ${quoted(absolute(plan.files[format].url))}`;
}

// A literal of Python: JSON, but for its constants.
function literal(value) {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, one]) => `${JSON.stringify(name)}: ${literal(one)}`)
    .join(", ")}}`;
}

function network(spec) {
  const options = OPTIONS.filter((name) => name in spec).map(
    (name) => `, ${name}=${literal(spec[name])}`,
  );
  const dtype = spec.dtype ? `, dtype=torch.${spec.dtype}` : "";
  return `torch.nn.${CLASSES[spec.rnn_type]}(${NAMES.map((name) => spec[name]).join(", ")}${options.join("")}${dtype})`;
}

const variable = (plan) => plan.spec.rnn_type;

// The library draws the same bytes on the reader's own machine.
function python(plan) {
  return `import stepzero_rnn\n\nspec = ${literal(plan.spec)}\n${variable(plan)} = stepzero_rnn.build(spec)  # a torch.nn.${CLASSES[plan.spec.rnn_type]}, drawn on this machine`;
}

function hub(plan, _format, hasKey) {
  const file = plan.files.pt;
  if (hasKey)
    return `# torch.hub sends no API key. Download the file with curl, and load it:\n${loading(plan)}`;
  if (!file?.hub_url) return "# The server computes the file's sha256, which torch.hub verifies…";
  return `import torch

${variable(plan)} = ${network(plan.spec)}
weights = torch.hub.load_state_dict_from_url(
    ${JSON.stringify(absolute(file.hub_url))},
    check_hash=True,
    weights_only=True,
)
${variable(plan)}.load_state_dict(weights)`;
}

function loading(plan) {
  const name = plan.files.pt.url.split("/").at(-1);
  return `import torch\n\n${variable(plan)} = ${network(plan.spec)}\n${variable(plan)}.load_state_dict(torch.load(${JSON.stringify(name)}, weights_only=True))`;
}

function client(plan, format, hasKey) {
  const name = plan.files[format].url.split("/").at(-1);
  const key = hasKey ? ', api_key=os.environ["STEPZERO_API_KEY"]' : "";
  return `${hasKey ? "import os\n\n" : ""}from stepzero_rnn.client import Client

spec = ${literal(plan.spec)}
with Client(${JSON.stringify(server())}${key}) as client:
    client.download(spec, ${JSON.stringify(name)})`;
}

function command(plan, format) {
  const name = plan.files[format].url.split("/").at(-1);
  return `stepzero make --server ${server()} \\\n  --recipe ${plan.recipe} \\\n  -o ${name}`;
}
