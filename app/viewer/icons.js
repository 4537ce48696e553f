// The few icons, drawn as paths so that they look the same everywhere.

import { svg } from "./dom.js";

const PATHS = {
  play: "M6 4l11 7-11 7z",
  pause: "M6 4h3.5v14H6zM12.5 4H16v14h-3.5z",
  forward: "M5 5l8 6-8 6zM14 5h2.5v12H14z",
  back: "M17 5l-8 6 8 6zM5.5 5H8v12H5.5z",
  blockForward: "M3 5l7 6-7 6zM10 5l7 6-7 6zM17 5h2v12h-2z",
  blockBack: "M19 5l-7 6 7 6zM12 5l-7 6 7 6zM3 5h2v12H3z",
  expand: "M4 4h5v2H6v3H4zM13 4h5v5h-2V6h-3zM4 13h2v3h3v2H4zM16 13h2v5h-5v-2h3z",
};

/** An icon that inherits the text colour and is silent for screen readers. */
export function icon(name) {
  const path = svg("path", { d: PATHS[name], fill: "currentColor" });
  return svg("svg", { viewBox: "0 0 22 22", width: "20", height: "20", "aria-hidden": "true", focusable: "false" }, path);
}
