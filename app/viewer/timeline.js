// The whole decode: confidence by step and position, with a cursor that costs no redraw.

import { h, number, table } from "./dom.js";
import { Panel } from "./panel.js";
import { quote } from "./words.js";

export class TimelinePanel extends Panel {
  constructor({ onSelect, onStep }) {
    super({
      name: "timeline",
      title: "Timeline",
      hint: "Confidence of each undecided position of the current block; a dot marks the step that unmasked it.",
    });
    this.cursor = h("div", { class: "dv-cursor", "aria-hidden": "true" });
    this.row = h("div", { class: "dv-cursor-row", "aria-hidden": "true" });
    this.chartBox.append(this.cursor, this.row);
    this.chartBox.addEventListener("click", (event) => {
      const hit = this.hit(event);
      if (!hit) return;
      onSelect(hit.position);
      onStep(hit.step);
    });
    this.resizes = new ResizeObserver(() => this.moveCursor());
    this.resizes.observe(this.chartBox);
  }

  load(replay) {
    this.replay = replay;
    if (replay.steps.length === 0) {
      this.say("No step was recorded.");
      this.show(null, null, null);
      return;
    }
    this.say(`${replay.steps.length} steps, ${replay.blocks.length} blocks, ${replay.length} positions.`);
    const grid = matrix(replay);
    const fill = (traces, layout, colour) => this.fill(traces, layout, colour, grid);
    this.show(replay.figures.timeline, fill, () => tabulate(replay));
  }

  fill(traces, layout, colour, { x, y, z }) {
    const { replay } = this;
    this.margin = layout.margin;
    this.height = layout.height;
    if (traces.confidence) {
      const { colorbar } = traces.confidence;
      const bar = { ...colorbar, tickfont: { color: colour("muted"), size: 11 } };
      Object.assign(traces.confidence, { x, y, z, colorbar: bar });
    }
    const cells = y.map((_, cell) => cell).filter((cell) => replay.unmaskedAt[cell] > 0);
    if (traces.unmasked) {
      const { marker } = traces.unmasked;
      Object.assign(traces.unmasked, {
        x: cells.map((cell) => replay.unmaskedAt[cell]),
        y: cells.map((cell) => y[cell]),
        marker: { ...marker, size: Math.min(Math.max((0.9 * this.area().height) / y.length, 3.5), 7), color: colour("now"), line: { ...marker?.line, color: colour("surface") } },
      });
    }
    layout.xaxis.range = [0.5, x.length + 0.5];
    layout.yaxis.range = [replay.end - 0.5, replay.start - 0.5];
    for (const block of replay.blocks.slice(1)) {
      const edge = { type: "line", x0: 0, x1: 1, xref: "paper", yref: "y", y0: block.start - 0.5, y1: block.start - 0.5 };
      layout.shapes.push({ ...edge, layer: "below", line: { color: colour("line"), width: 1 } });
    }
    this.moveCursor();
  }

  draw(step, selected) {
    this.step = step;
    this.selected = selected;
    this.moveCursor();
  }

  destroy() {
    this.resizes.disconnect();
    super.destroy();
  }

  area() {
    const width = this.chartBox.clientWidth - this.margin.l - this.margin.r;
    return { left: this.margin.l, top: this.margin.t, width, height: this.height - this.margin.t - this.margin.b };
  }

  // Margins and ranges are fixed by the spec, so the place of a step follows from arithmetic.
  moveCursor() {
    const hide = !this.margin || !this.replay || this.replay.steps.length === 0;
    this.cursor.hidden = hide || !this.step;
    this.row.hidden = hide || this.selected === null || this.selected === undefined;
    if (hide) return;
    const { left, top, width, height } = this.area();
    const perStep = width / this.replay.steps.length;
    const perCell = height / this.replay.length;
    this.cursor.style.cssText = `transform: translateX(${left + ((this.step ?? 0) - 0.5) * perStep}px); top: ${top}px; height: ${height}px`;
    const y = top + ((this.selected ?? 0) - this.replay.start + 0.5) * perCell;
    this.row.style.cssText = `transform: translateY(${y}px); left: ${left}px; width: ${width}px`;
  }

  hit(event) {
    if (!this.margin || event.target.closest(".modebar")) return null;
    const { left, top, width, height } = this.area();
    const box = this.chartBox.getBoundingClientRect();
    const x = (event.clientX - box.left - left) / width;
    const y = (event.clientY - box.top - top) / height;
    if (x < 0 || x >= 1 || y < 0 || y >= 1) return null;
    const step = Math.floor(x * this.replay.steps.length) + 1;
    return { step, position: Math.floor(y * this.replay.length) + this.replay.start };
  }
}

function matrix(replay) {
  const z = Array.from({ length: replay.length }, () => new Array(replay.steps.length).fill(null));
  for (const step of replay.steps) {
    step.positions.forEach((position, k) => {
      z[position - replay.start][step.step - 1] = step.confidence[k];
    });
  }
  const x = replay.steps.map((step) => step.step);
  return { x, y: z.map((_, cell) => replay.start + cell), z };
}

function tabulate(replay) {
  const rows = replay.visits.map((visits, cell) => {
    const series = visits.map(({ step, k }) => `${step}: ${number(replay.at(step).confidence[k])}`).join(", ");
    const token = replay.token[cell] < 0 ? "" : quote(replay.text(replay.token[cell]));
    const at = replay.unmaskedAt[cell] || "";
    return [cell + replay.start, token, replay.blockOf[cell] < 0 ? "" : replay.blockOf[cell], at, series];
  });
  return table("Confidence by step", ["position", "token", "block", "unmasked at", "step: confidence"], rows);
}
