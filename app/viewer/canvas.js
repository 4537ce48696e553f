// The token canvas: dim prompt, one cell per generated position, block brackets.

import { h, number } from "./dom.js";
import { STATE } from "./replay.js";
import { colourAt, inkOn } from "./theme.js";
import { columns, quote, runs } from "./words.js";

const SPOKEN = {
  [STATE.far]: "undecided",
  [STATE.open]: "undecided, in the current block",
  [STATE.blocked]: "waits because of a conflict",
  [STATE.now]: "unmasked in this step",
  [STATE.earlier]: "unmasked",
};

export class Canvas {
  constructor({ onSelect }) {
    this.onSelect = onSelect;
    this.prompt = h("div", { class: "dv-prompt", tabindex: "0", role: "region", "aria-label": "Prompt" });
    this.list = h("div", { class: "dv-tokens", role: "listbox", "aria-label": "Generated tokens", tabindex: "0" });
    this.list.addEventListener("click", (event) => {
      const cell = event.target.closest("[data-position]");
      if (cell) this.onSelect(Number(cell.dataset.position));
    });
    this.element = h("div", { class: "dv-canvas" }, this.prompt, this.list);
    this.cells = [];
    this.drawn = [];
    this.colouring = "state";
  }

  load(replay) {
    this.replay = replay;
    this.selected = null;
    this.drawn = new Array(replay.length).fill("");
    this.prompt.replaceChildren(...promptNodes(replay));
    this.prompt.hidden = replay.prompt.length === 0;
    this.tail = replay.live ? replay.end : replay.tail();
    this.cells = Array.from({ length: replay.length }, (_, cell) => this.makeCell(cell + replay.start));
    const more = replay.end - this.tail - 1;
    this.note = h("span", { class: "dv-more", "aria-hidden": "true" }, more > 0 ? `end × ${more + 1}` : "");
    this.list.replaceChildren(...this.cells, this.note);
    this.list.scrollTop = 0;
  }

  makeCell(position) {
    const { replay } = this;
    const cell = h("span", { class: "dv-cell", role: "option", "data-position": position, "aria-selected": "false" });
    cell.id = `dv-${this.uid ??= Math.random().toString(36).slice(2, 8)}-${position}`;
    if (position > this.tail) cell.classList.add("dv-tail");
    const final = replay.token[position - replay.start];
    this.layOut(cell, final < 0 ? null : this.lines(final));
    return cell;
  }

  lines(id) {
    if (this.replay.isEnd(id)) return [[{ kind: "special", text: "end" }]];
    if (id === this.replay.maskId) return [[{ kind: "special", text: "mask" }]];
    return runs(this.replay.text(id));
  }

  // The final token's width and line breaks are kept from the start, so scrubbing never moves the text.
  layOut(cell, lines) {
    const slots = [];
    for (const line of lines ?? [[]]) {
      if (slots.length > 0) slots.push(h("br"));
      if (line === null) continue;
      const slot = h("span", { class: "dv-slot" }, h("span", { class: "dv-face" }));
      const special = line[0]?.kind === "special";
      slot.style.minWidth = `${Math.max(lines ? columns(line) : 2, 1) * (special ? 0.82 : 1)}ch`;
      slots.push(slot);
    }
    cell.replaceChildren(...slots);
    cell.layout = lines;
  }

  draw(step, selected) {
    const { states, tokens, confidences } = this.replay.canvasAt(step);
    const current = step > 0 ? this.replay.at(step).block : -1;
    for (let cell = 0; cell < this.cells.length; cell++) {
      const block = this.replay.blocks[this.replay.blockOf[cell]];
      const opened = this.replay.isOpened(block, step);
      const bracket = opened ? (block.index === current ? "current" : "past") : "none";
      const key = `${states[cell]} ${tokens[cell]} ${confidences[cell]} ${bracket} ${this.colouring}`;
      if (key === this.drawn[cell]) continue;
      this.drawn[cell] = key;
      this.drawCell(cell, states[cell], tokens[cell], confidences[cell]);
      this.drawBracket(cell, opened ? block : null, bracket);
    }
    this.note.hidden = !this.isDecided(Math.min(this.tail, this.replay.end - 1), step);
    this.select(selected);
  }

  isDecided(position, step) {
    return this.replay.held(position - this.replay.start, step) !== null;
  }

  drawCell(cell, state, token, confidence) {
    const element = this.cells[cell];
    const position = cell + this.replay.start;
    const decided = state === STATE.now || state === STATE.earlier;
    const lines = token < 0 ? null : this.lines(token);
    if (this.replay.live && (decided || element.layout)) this.layOut(element, lines);
    if (this.replay.live && decided) element.classList.toggle("dv-tail", this.followsEnd(cell, token));
    element.dataset.state = state;
    const slots = element.querySelectorAll(".dv-slot");
    const shown = decided ? lines.filter((line) => line !== null) : [lines?.flat().filter(Boolean) ?? []];
    slots.forEach((slot, k) => slot.firstChild.replaceChildren(...(shown[k] ?? []).map(runNode)));
    this.colour(element, confidence);
    const text = token < 0 ? "" : ` ${quote(this.replay.isEnd(token) ? "end" : this.replay.text(token))}`;
    element.setAttribute("aria-label", `${position}:${text} ${SPOKEN[state]}`);
  }

  followsEnd(cell, token) {
    return cell > 0 && this.replay.isEnd(token) && this.replay.isEnd(this.replay.token[cell - 1]);
  }

  colour(element, value) {
    const shows = this.colouring === "confidence" && Number.isFinite(value);
    element.classList.toggle("dv-shaded", shows);
    element.style.setProperty("--shade", shows ? colourAt(value) : "");
    element.style.setProperty("--shade-ink", shows ? inkOn(value) : "");
    element.title = Number.isFinite(value) ? `confidence ${number(value)}` : "";
  }

  drawBracket(cell, block, bracket) {
    const element = this.cells[cell];
    const position = cell + this.replay.start;
    element.dataset.bracket = bracket;
    element.classList.toggle("dv-first", block !== null && position === block.start);
    element.classList.toggle("dv-last", block !== null && position === block.end - 1);
    element.querySelector(".dv-tag")?.remove();
    if (block === null || position !== block.start) return;
    element.querySelector(".dv-slot").append(h("i", { class: "dv-tag", "data-tag": block.index, "aria-hidden": "true" }));
  }

  select(position) {
    if (position === this.selected) return;
    this.cellAt(this.selected)?.setAttribute("aria-selected", "false");
    this.selected = position;
    const cell = this.cellAt(position);
    cell?.setAttribute("aria-selected", "true");
    if (!cell) return;
    this.list.setAttribute("aria-activedescendant", cell.id);
    this.reveal(cell);
  }

  /** Keeps what a step unmasked in sight when the canvas is longer than its box. */
  follow(step) {
    const record = this.replay.at(step);
    if (record?.positions.length) this.reveal(this.cellAt(record.positions[0]));
  }

  // Scrolls the token list only: the page stays where the reader has it.
  reveal(cell) {
    const { list } = this;
    if (list.scrollHeight <= list.clientHeight) return;
    const box = list.getBoundingClientRect();
    const own = cell.getBoundingClientRect();
    if (own.top < box.top) list.scrollTop -= box.top - own.top + 12;
    else if (own.bottom > box.bottom - 12) list.scrollTop += own.bottom - box.bottom + 24;
  }

  cellAt(position) {
    return position === null ? null : this.cells[position - this.replay.start];
  }
}

function runNode(run) {
  return h("span", { class: `dv-run-${run.kind}` }, run.text);
}

function promptNodes(replay) {
  const nodes = [];
  for (const id of replay.prompt) {
    for (const [k, line] of runs(replay.text(id)).entries()) {
      if (k > 0) nodes.push(h("br"));
      nodes.push(...(line ?? []).map(runNode));
    }
  }
  return nodes;
}
