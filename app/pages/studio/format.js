// Numbers as people read them.

export function number(value, digits = 3) {
  if (value === null || value === undefined) return "not finite";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3)
    return value
      .toExponential(digits - 2)
      .replaceAll("-", "−")
      .replace("+", "");
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

export const count = (value) => value.toLocaleString("en-US");

export const percent = (share) => (share === null ? "not finite" : `${(100 * share).toFixed(1)} %`);

export function bytes(size) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let place = 0;
  while (size >= 999.5 && place < units.length - 1) {
    size /= 1000;
    place += 1;
  }
  return `${place && size < 100 ? size.toFixed(1) : Math.round(size)} ${units[place]}`;
}

export function duration(seconds) {
  if (seconds < 1) return "less than a second";
  if (seconds < 90) return `about ${Math.round(seconds)} s`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min`;
  return `about ${Math.round(seconds / 3600)} h`;
}

export const words = (name) => name.replaceAll("_", " ");
