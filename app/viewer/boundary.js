// Where a block ends: curves over its opening window, and what another lambda_u would have done.

import { count, h, number, table } from "./dom.js";
import { Panel } from "./panel.js";
import { boundary, whatIf } from "./words.js";

const BOUND = 12;
const SPIKY = 2.5;

export class BoundaryPanel extends Panel {
  constructor({ onSelect }) {
    super({
      name: "boundary",
      title: "Block boundary",
      hint: "A block is the leading run of positions whose score stays above zero.",
    });
    this.plot.onClick = (points) => onSelect(points[0].x);
    this.slider = h("input", { type: "range", min: "0", max: "4", step: "0.05", class: "dv-slider" });
    this.value = h("output", { class: "dv-value" });
    this.reset = h("button", { type: "button", class: "dv-small" }, "reset");
    this.answer = h("p", { class: "dv-answer", "aria-live": "polite" });
    this.slider.addEventListener("input", () => this.tryOut(Number(this.slider.value)));
    this.reset.addEventListener("click", () => this.tryOut(this.actual));
    const label = h("label", {}, h("b", { class: "dv-badge" }, "what if"), " λᵤ were ", this.value, this.slider);
    this.what = h("div", { class: "dv-whatif" }, label, this.reset, this.answer);
    this.element.append(this.what);
  }

  load(replay) {
    this.plot.forget();
    this.replay = replay;
    this.block = undefined;
    this.actual = Number(replay.params.lambda_u ?? 1);
    this.lambda = this.actual;
    this.slider.max = String(Math.max(4, Math.ceil(this.actual * 2)));
  }

  draw(step) {
    const block = this.replay.blockAt(step);
    if (block === this.block) return;
    this.block = block;
    this.redraw();
  }

  tryOut(lambda) {
    this.lambda = lambda;
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.redraw());
  }

  redraw() {
    const { replay, block } = this;
    if (!block) {
      this.what.hidden = true;
      this.say("No block has been opened.");
      this.show(null, null, null);
      return;
    }
    this.say(`Block ${block.index}. ${boundary(replay, block)}`);
    this.what.hidden = !block.curves;
    if (!block.curves) {
      this.show(null, null, null);
      return;
    }
    this.guess = whatIf(replay, block, this.lambda);
    this.isGuessing = Math.abs(this.lambda - this.actual) > 1e-9;
    this.drawWhatIf();
    const spec = replay.figures.boundary;
    this.show(spec, (traces, layout, colour) => this.fill(traces, layout, colour), () => this.tabulate());
  }

  drawWhatIf() {
    const { guess, block } = this;
    this.slider.value = String(this.lambda);
    this.slider.setAttribute("aria-valuetext", `lambda u ${number(this.lambda)}`);
    this.slider.style.setProperty("--fill", `${(100 * this.lambda) / Number(this.slider.max)}%`);
    this.value.textContent = number(this.lambda);
    this.reset.hidden = !this.isGuessing;
    const shift = guess.end - block.end;
    const change = shift === 0 ? "the same end" : `${count(Math.abs(shift), "position")} ${shift > 0 ? "later" : "earlier"}`;
    this.answer.textContent = this.isGuessing
      ? `The block would end before ${guess.end}: ${change}. Later blocks would differ too; only this one is recomputed.`
      : "Move the slider to recompute this block’s score from the recorded curves.";
  }

  fill(traces, layout, colour) {
    const { block, guess, replay } = this;
    const { influence_norm: influence, entropy_norm: entropy, score } = block.curves;
    const x = score.map((_, k) => block.start + k);
    const uncertainty = entropy.map((value) => (value === null ? null : this.actual * value));
    const data = { influence, uncertainty, score, whatif: this.isGuessing ? guess.score : [] };
    for (const [role, y] of Object.entries(data)) {
      if (traces[role]) Object.assign(traces[role], { x: y.length ? x : [], y, visible: y.length > 0 });
    }
    layout.yaxis.range = span([influence, uncertainty, score]);
    layout.xaxis.range = [block.start - 0.5, block.start + score.length - 0.3];
    if (score.length < 12) layout.xaxis.dtick = 1;
    const { min_size: least, max_size: most } = replay.params;
    const line = (at, name, dash, width) => this.line(layout, at - 0.5, colour(name), dash, width);
    if (least !== undefined) mark(layout, line(block.start + least, "muted", "dot", 1), "min", colour("muted"));
    if (most !== undefined && most < score.length) mark(layout, line(block.start + most, "muted", "dot", 1), "max", colour("muted"));
    line(block.end, "score", "solid", 2.5);
    if (this.isGuessing) line(guess.end, "whatif", "dash", 2.5);
    const inside = { type: "rect", xref: "x", yref: "paper", x0: block.start - 0.5, x1: block.end - 0.5, y0: 0, y1: 1 };
    layout.shapes.push({ ...inside, layer: "below", line: { width: 0 }, fillcolor: colour("score"), opacity: 0.08 });
  }

  line(layout, x, color, dash, width) {
    layout.shapes.push({ type: "line", xref: "x", yref: "paper", x0: x, x1: x, y0: 0, y1: 1, line: { color, dash, width } });
    return x;
  }

  tabulate() {
    const { block, guess } = this;
    const { influence_norm: influence, entropy_norm: entropy, score } = block.curves;
    const rows = score.map((value, k) => {
      const row = [block.start + k, influence[k], this.actual * entropy[k], value];
      if (this.isGuessing) row.push(guess.score[k]);
      return [...row, block.start + k < block.end ? "in the block" : ""];
    });
    const names = ["position", "influence", "λᵤ × uncertainty", "score"];
    if (this.isGuessing) names.push("score, what if");
    return table(`Opening window of block ${block.index}, normalised`, [...names, ""], rows);
  }
}

// A window whose spread is nearly zero has huge normalised values; they must not flatten the rest.
function span(curves) {
  const values = curves.flat().filter((value) => value !== null).sort((a, b) => a - b);
  const at = (share) => values[Math.round(share * (values.length - 1))] ?? 0;
  const isSpiky = at(1) - at(0) > SPIKY * (at(0.95) - at(0.05));
  const [first, last] = isSpiky ? [at(0.03), at(0.97)] : [at(0), at(1)];
  const low = Math.max(Math.min(first, 0), -BOUND);
  const high = Math.min(Math.max(last, 0), BOUND);
  const pad = 0.1 * (high - low || 1);
  return [low - pad, high + pad];
}

function mark(layout, x, text, color) {
  layout.annotations.push({
    x, y: 0, xref: "x", yref: "paper", yanchor: "bottom", xanchor: "left", showarrow: false, text, font: { size: 11, color },
  });
}
