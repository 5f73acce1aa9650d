// Everything that is drawn with the chart library or stands below the charts.

export { showView } from "../charts/view.js";
export { Comparison } from "./comparison.js";
export { Identification } from "./identification.js";
export { Panels } from "./panels.js";
export { Recommendation } from "./recommendation.js";
