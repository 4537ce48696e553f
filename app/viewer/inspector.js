// Everything known about one position.

import { h, number, svg } from "./dom.js";
import { history, runs } from "./words.js";

const WIDTH = 260;
const HEIGHT = 44;

export class Inspector {
  constructor({ onStep }) {
    this.onStep = onStep;
    this.token = h("div", { class: "dv-big" });
    this.facts = h("dl", { class: "dv-facts" });
    this.top = h("div", { class: "dv-top" });
    this.spark = h("div", { class: "dv-spark" });
    this.log = h("ol", { class: "dv-log", tabindex: "0", "aria-label": "Decisions about this position" });
    this.log.addEventListener("click", (event) => {
      const entry = event.target.closest("[data-step]");
      if (entry) this.onStep(Number(entry.dataset.step));
    });
    this.empty = h("p", { class: "dv-sentence" }, "Select a token to see why it was decided when it was.");
    this.body = h("div", { class: "dv-inspected" }, this.token, this.facts, this.top, this.spark, this.log);
    const title = h("header", {}, h("h3", {}, "Token"));
    this.element = h(
      "section",
      { class: "dv-panel dv-inspector", tabindex: "-1", "aria-label": "Token inspector" },
      title, this.empty, this.body,
    );
  }

  load(replay) {
    this.replay = replay;
    this.position = undefined;
  }

  draw(step, position) {
    this.body.hidden = position === null;
    this.empty.hidden = position !== null;
    if (position === null) return;
    const isNew = position !== this.position || this.replay.live;
    this.position = position;
    this.step = step;
    this.drawFacts();
    this.drawTop();
    if (isNew) {
      this.drawLog();
      this.drawSpark();
    }
    this.markLog();
    this.markSpark();
  }

  drawFacts() {
    const { replay, position, step } = this;
    const cell = position - replay.start;
    const held = replay.held(cell, step);
    const isDecided = held !== null;
    const visit = replay.visit(position, step);
    const id = isDecided ? held.token : visit && visit.step <= step ? visit.record.tokens[visit.k] : -1;
    if (id < 0) this.token.replaceChildren(h("span", { class: "dv-run-special" }, "not evaluated yet"));
    else this.token.replaceChildren(...this.glyphs(id));
    this.token.classList.toggle("dv-proposed", !isDecided);
    const facts = [
      ["position", position],
      ["block", replay.blockOf[cell] < 0 ? "–" : replay.blockOf[cell]],
      ["id", id < 0 ? "–" : id],
      [isDecided ? "unmasked" : "state", isDecided ? `step ${held.from}` : id < 0 ? "undecided" : "proposed, undecided"],
    ];
    if (isDecided) facts.push(["confidence", number(held.confidence)]);
    this.facts.replaceChildren(...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, String(value)))));
  }

  glyphs(id) {
    const { replay } = this;
    const lines = replay.isEnd(id) ? [[{ kind: "special", text: "end" }]] : runs(replay.text(id));
    return lines.flat().filter(Boolean).map((run) => h("span", { class: `dv-run-${run.kind}` }, run.text));
  }

  drawTop() {
    const { replay, position, step } = this;
    const visit = replay.visit(position, step);
    const list = visit?.record.top?.[visit.k] ?? [];
    const bars = list.map(([id, probability]) => {
      const bar = h("span", { class: "dv-bar" });
      bar.style.setProperty("--share", `${100 * Math.min(probability, 1)}%`);
      const chosen = id === visit.record.tokens[visit.k];
      return h("li", { class: chosen ? "dv-chosen" : null }, h("span", { class: "dv-name" }, ...this.glyphs(id)), bar, h("span", { class: "dv-number" }, number(probability, 2)));
    });
    const when = visit ? `Alternatives at step ${visit.step}` : "";
    this.top.replaceChildren(h("h4", {}, bars.length ? when : ""), h("ul", {}, ...bars));
    this.top.hidden = bars.length === 0;
  }

  drawSpark() {
    const { replay, position } = this;
    const visits = replay.visits[position - replay.start] ?? [];
    this.points = visits.map(({ step, k }) => [step, replay.at(step).confidence[k]]);
    this.spark.hidden = this.points.length < 2;
    if (this.spark.hidden) return;
    const first = this.points[0][0];
    const last = this.points.at(-1)[0];
    this.placeX = (step) => 3 + ((step - first) / Math.max(last - first, 1)) * (WIDTH - 6);
    this.placeY = (value) => HEIGHT - 3 - value * (HEIGHT - 6);
    const line = this.points.map(([step, value]) => `${this.placeX(step).toFixed(1)},${this.placeY(value).toFixed(1)}`);
    this.dot = svg("circle", { r: 3.5, class: "dv-spark-dot" });
    const label = `Confidence from ${number(this.points[0][1])} at step ${first} to ${number(this.points.at(-1)[1])} at step ${last}`;
    const drawing = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
      ...this.limits(),
      svg("polyline", { points: line.join(" "), class: "dv-spark-line" }),
      this.dot,
    );
    this.spark.replaceChildren(h("h4", {}, `Confidence, steps ${first}–${last}`), drawing);
  }

  limits() {
    const { tau_low, tau_high, threshold } = this.replay.params;
    return [tau_low, tau_high, threshold]
      .filter((value) => Number.isFinite(value))
      .map((value) => svg("line", { x1: 0, x2: WIDTH, y1: this.placeY(value), y2: this.placeY(value), class: "dv-spark-limit" }));
  }

  markSpark() {
    if (this.spark.hidden || !this.points?.length) return;
    const [step, value] = this.points.findLast(([at]) => at <= this.step) ?? this.points[0];
    this.dot.setAttribute("cx", this.placeX(step));
    this.dot.setAttribute("cy", this.placeY(value));
  }

  drawLog() {
    const { replay, position } = this;
    const entries = history(replay, position);
    this.entries = entries.map(({ from, to, token, words, committed, blocked }) => {
      const when = from === to ? `step ${from}` : `steps ${from}–${to}`;
      const kind = committed ? "dv-did" : blocked ? "dv-blocked" : "";
      const jump = h("button", { type: "button", class: "dv-link", "data-step": to }, when);
      const item = h("li", { class: kind }, jump, h("span", { class: "dv-code" }, ...this.glyphs(token)), words);
      return { from, to, item };
    });
    this.log.replaceChildren(...this.entries.map((entry) => entry.item));
    this.log.hidden = entries.length === 0;
  }

  markLog() {
    for (const { from, to, item } of this.entries ?? []) {
      const isCurrent = from <= this.step && this.step <= to;
      item.classList.toggle("dv-current", isCurrent);
      item.classList.toggle("dv-later", from > this.step);
    }
  }
}
