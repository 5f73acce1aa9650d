// Which layer, direction and gates the charts show.

import { $, h, redraw, swatch } from "../dom.js";
import { GATES } from "../form/overrides.js";
import { color, gateName } from "./colors.js";

const MOST_BUTTONS = 8; // deeper networks choose their layer from a list

export function showView(view, spec, change) {
  redraw($("#layers"), ...layers(view, spec, change), ...directions(view, spec, change));
  redraw($("#gates"), ...gates(view, spec, change));
}

function layers(view, spec, change) {
  const count = spec.num_layers ?? 1;
  if (count > MOST_BUTTONS) {
    const options = [...Array(count).keys()].map((layer) =>
      h("option", { value: layer, selected: layer === view.layer }, `layer ${layer}`),
    );
    return [
      h(
        "select",
        {
          id: "layer",
          "aria-label": "Layer",
          change: ({ target }) => change({ layer: Number(target.value) }),
        },
        ...options,
      ),
    ];
  }
  return [...Array(count).keys()].map((layer) =>
    h(
      "button",
      {
        type: "button",
        id: `layer-${layer}`,
        "aria-pressed": String(layer === view.layer),
        click: () => change({ layer }),
      },
      `layer ${layer}`,
    ),
  );
}

function directions(view, spec, change) {
  if (!spec.bidirectional) return [];
  return [false, true].map((reverse) =>
    h(
      "button",
      {
        type: "button",
        id: `reverse-${reverse}`,
        "aria-pressed": String(reverse === view.reverse),
        click: () => change({ reverse }),
      },
      reverse ? "reverse" : "forward",
    ),
  );
}

function gates(view, spec, change) {
  return GATES[spec.rnn_type].map((gate, place) => {
    const toggle = () => {
      const hidden = new Set(view.hidden);
      if (!hidden.delete(gate)) hidden.add(gate);
      change({ hidden });
    };
    return h(
      "button",
      {
        type: "button",
        id: `gate-${gate}`,
        "aria-pressed": String(!view.hidden.has(gate)),
        click: toggle,
      },
      swatch(color(place)),
      gateName(gate),
    );
  });
}
