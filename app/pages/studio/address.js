// The address of the page: the spec in the same words as `GET /v1/checkpoints`, so that a link
// shares it; with the starts that it is compared with.

const FLAGS = ["bias", "bidirectional", "batch_first", "accept_nonfinite", "accept_dead"];
const NUMBERS = ["input_size", "hidden_size", "num_layers", "proj_size", "dropout", "seed"];
const TEXTS = ["rnn_type", "nonlinearity", "dtype"];

// What is shown first: a start that is known to reach over its sequences.
export const FIRST = {
  rnn_type: "lstm",
  input_size: 64,
  hidden_size: 128,
  num_layers: 2,
  init: { weight_hh: "orthogonal", bias: { scheme: "chrono", t_max: 100 } },
};

export function query(spec) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(spec)) {
    parameters.set(
      name,
      name === "init" && typeof value !== "string" ? JSON.stringify(value) : value,
    );
  }
  return parameters;
}

// Return the spec, the compared recipes, the lengths and the recipe of an address.
export function read(search) {
  const given = new URLSearchParams(search);
  const spec = {};
  for (const name of TEXTS) if (given.has(name)) spec[name] = given.get(name);
  for (const name of NUMBERS) if (given.has(name)) spec[name] = numeric(given.get(name));
  for (const name of FLAGS) if (given.has(name)) spec[name] = given.get(name) !== "false";
  if (given.has("init")) spec.init = parsed(given.get("init"));
  return {
    recipe: given.get("recipe"),
    spec: Object.keys(spec).length ? spec : null,
    against: given.getAll("against"),
    lengths: Object.fromEntries(
      ["seq_len", "dependency_length"]
        .filter((n) => given.has(n))
        .map((n) => [n, numeric(given.get(n))]),
    ),
  };
}

export function write(spec, against, lengths) {
  const parameters = query(spec);
  for (const [name, value] of Object.entries(lengths)) parameters.set(name, value);
  for (const recipe of against) parameters.append("against", recipe);
  history.replaceState(null, "", `?${parameters}`);
}

const numeric = (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text));

function parsed(text) {
  try {
    return text.trim().startsWith("{") ? JSON.parse(text) : text;
  } catch {
    return text; // the server says what is wrong with it
  }
}
