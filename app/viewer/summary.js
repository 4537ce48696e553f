// One slim line of numbers, and the legend of the canvas.

import { h, number } from "./dom.js";
import { scale } from "./theme.js";

export class Summary {
  constructor() {
    this.element = h("dl", { class: "dv-summary", "aria-label": "Summary" });
  }

  load(replay) {
    this.replay = replay;
    this.values = {};
    const names = ["method", "cache", "NFE", "tokens per forward", "tokens/s", "blocks", "step", "block"];
    const items = names.map((name) => {
      this.values[name] = h("dd", {});
      return h("div", {}, h("dt", {}, name), this.values[name]);
    });
    this.element.replaceChildren(...items);
  }

  draw(step) {
    const { header, steps, blocks, live, running, stopped } = this.replay;
    const record = this.replay.at(step);
    const last = steps.at(-1);
    const nfe = live ? last?.nfe : header.nfe;
    const seconds = live ? last?.seconds : header.seconds;
    const tokens = this.replay.responseTokens();
    const speed = live ? tokens / seconds : (header.tokens_per_second ?? tokens / seconds);
    const values = {
      method: header.method ?? "–",
      cache: header.cache ?? "–",
      NFE: number(nfe),
      "tokens per forward": number(tokens / nfe),
      "tokens/s": number(speed),
      step: `${step} of ${running ? "…" : steps.length}${stopped ? ", stopped" : ""}`,
      blocks: number(blocks.length),
      block: record ? number(record.block) : "–",
    };
    for (const [name, value] of Object.entries(values)) {
      const text = String(value);
      if (this.values[name].textContent !== text) this.values[name].textContent = text;
    }
  }
}

const STATES = [
  ["open", "undecided"],
  ["blocked", "waits: conflict"],
  ["now", "unmasked now"],
  ["earlier", "unmasked before"],
];

/** The legend, with the switch between colouring by state and by confidence. */
export function legend(onColour) {
  const swatches = STATES.map(([state, label]) => h("span", {}, h("i", { class: `dv-swatch dv-swatch-${state}` }), label));
  const states = h("div", { class: "dv-keys" }, ...swatches);
  const bar = h("i", { class: "dv-scale" });
  bar.style.background = scale();
  const shades = h("div", { class: "dv-keys", hidden: true }, h("span", {}, "0", bar, "1"), "confidence when unmasked");
  const buttons = ["state", "confidence"].map((name) =>
    h("button", { type: "button", class: "dv-tab", "aria-pressed": String(name === "state") }, name),
  );
  buttons.forEach((button) =>
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      states.hidden = button !== buttons[0];
      shades.hidden = button === buttons[0];
      onColour(button.textContent);
    }),
  );
  const tabs = h("div", { class: "dv-tabs", role: "group", "aria-label": "Colour tokens by" }, ...buttons);
  const tools = h("div", { class: "dv-tools" }, tabs);
  return { element: h("div", { class: "dv-legend" }, states, shades, tools), tools };
}
