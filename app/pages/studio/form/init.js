// The `init` of a spec as the form edits it: one scheme for all weights, or a preset with parts and
// overrides; schemes are always objects.

export const PARTS = ["weight_ih", "weight_hh", "weight_hr", "bias"];

const asObject = (scheme) => (typeof scheme === "string" ? { scheme } : { ...scheme });

// Return the form's model of an init.
export function parseInit(init, catalogue) {
  if (init === undefined) return { preset: "pytorch", overrides: [] };
  if (typeof init === "string") {
    return catalogue.isPreset(init) ? { preset: init, overrides: [] } : { whole: { scheme: init } };
  }
  if ("scheme" in init) return { whole: { ...init } };
  const model = { preset: init.preset ?? "pytorch", overrides: [] };
  for (const part of PARTS) if (init[part]) model[part] = asObject(init[part]);
  for (const override of init.overrides ?? []) {
    model.overrides.push({ ...override, init: asObject(override.init) });
  }
  if (init.arrays) model.arrays = init.arrays;
  return model;
}

const short = (scheme) => (Object.keys(scheme).length === 1 ? scheme.scheme : scheme);

// Return the shortest init that says the same; undefined for the default.
export function emitInit(model) {
  if (model.whole) return short(model.whole);
  const init = {};
  if (model.preset !== "pytorch") init.preset = model.preset;
  for (const part of PARTS) if (model[part]) init[part] = short(model[part]);
  if (model.overrides.length) {
    init.overrides = model.overrides.map((one) => ({ ...one, init: short(one.init) }));
  }
  if (model.arrays) init.arrays = model.arrays;
  const names = Object.keys(init);
  if (!names.length) return undefined;
  return names.length === 1 && names[0] === "preset" ? init.preset : init;
}

// Say in a few words what an init is, for labels.
export function describeInit(init) {
  if (init === undefined) return "pytorch";
  if (typeof init === "string") return init;
  if (init.scheme) return call(init);
  const parts = PARTS.filter((part) => init[part]).map((part) => `${call(init[part])} ${part}`);
  const more = init.overrides?.length ?? 0;
  return [
    ...(init.preset ? [init.preset] : []),
    ...parts,
    ...(more ? [`${more} ${more === 1 ? "override" : "overrides"}`] : []),
    ...(init.arrays ? ["uploaded arrays"] : []),
  ].join(", ");
}

function call(scheme) {
  if (typeof scheme === "string") return scheme;
  const options = Object.entries(scheme).filter(([name]) => name !== "scheme");
  if (!options.length) return scheme.scheme;
  return `${scheme.scheme}(${options.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ")})`;
}
