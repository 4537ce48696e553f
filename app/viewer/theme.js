// Colours: the confidence scale, and what the style sheet says, for charts.

// Nine stops of cividis; readable with every kind of colour vision and in grey.
const CIVIDIS = [
  [0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115],
  [138, 134, 120], [165, 156, 116], [195, 179, 105], [254, 232, 56],
];

function mix(value) {
  const at = Math.min(Math.max(value, 0), 1) * (CIVIDIS.length - 1);
  const low = Math.min(Math.floor(at), CIVIDIS.length - 2);
  return CIVIDIS[low].map((part, k) => Math.round(part + (CIVIDIS[low + 1][k] - part) * (at - low)));
}

/** Cividis at a probability. */
export function colourAt(value) {
  return `rgb(${mix(value).join(" ")})`;
}

/** Black or white, whichever reads better on `colourAt(value)`. */
export function inkOn(value) {
  const [r, g, b] = mix(value).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000000" : "#ffffff";
}

/** The CSS background of the confidence legend. */
export function scale() {
  return `linear-gradient(90deg, ${CIVIDIS.map((stop) => `rgb(${stop.join(" ")})`).join(", ")})`;
}

/** The value of one of the style sheet's variables, without its prefix. */
export function variable(element, name) {
  return getComputedStyle(element).getPropertyValue(`--dv-${name}`).trim();
}

/** Calls `changed` whenever the class of an ancestor changes; returns a function that stops it. */
export function watchTheme(element, changed) {
  const observer = new MutationObserver(changed);
  for (let node = element; node; node = node.parentElement) {
    observer.observe(node, { attributes: true, attributeFilter: ["class", "data-theme"] });
  }
  return () => observer.disconnect();
}
