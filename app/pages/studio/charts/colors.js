// The colors of gates, layers and starts, as variables of the style sheet.

export const color = (place) => `var(--c${place % 8})`;
export const MUTED = "var(--muted)";
export const GRID = "var(--grid)";

export const gateColors = (gates) => new Map(gates.map((gate, place) => [gate, color(place)]));
export const gateName = (gate) => (gate === "-" ? "all units" : gate);
