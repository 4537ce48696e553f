// Finding a token by its text.

import { h } from "./dom.js";

export class Search {
  constructor({ onFind }) {
    this.onFind = onFind;
    this.input = h("input", { type: "search", class: "dv-find", placeholder: "find a token", "aria-label": "Find a token" });
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.next(event.shiftKey ? -1 : 1);
      if (event.key === "Escape") this.input.closest(".depcap-viewer").focus({ preventScroll: true });
    });
    this.input.addEventListener("input", () => this.input.setCustomValidity(""));
    this.element = this.input;
  }

  load(replay) {
    this.replay = replay;
    this.at = null;
  }

  draw(selected) {
    this.at = selected;
  }

  /** Selects the next match after the selected token, going round at the end. */
  next(direction) {
    const wanted = this.input.value.toLowerCase();
    const { replay } = this;
    if (wanted === "" || !replay) return;
    const from = (this.at ?? replay.start - direction) - replay.start;
    for (let k = 1; k <= replay.length; k++) {
      const cell = (from + direction * k + 2 * replay.length) % replay.length;
      const id = replay.token[cell];
      if (id < 0 || !replay.text(id).toLowerCase().includes(wanted)) continue;
      this.onFind(cell + replay.start);
      return;
    }
    this.input.setCustomValidity("No such token");
    this.input.reportValidity();
  }
}
