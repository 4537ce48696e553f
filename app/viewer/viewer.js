// The replay viewer: `mount` it on an element, give it a payload. See docs/viewer.md.

import { addStyle, fetchPayload } from "./assets.js";
import { BoundaryPanel } from "./boundary.js";
import { Canvas } from "./canvas.js";
import { loadPlotly } from "./charts.js";
import { ConflictPanel } from "./conflicts.js";
import { h } from "./dom.js";
import { helpDialog, onKey } from "./keys.js";
import { Inspector } from "./inspector.js";
import { append, fromPayload, liveReplay } from "./replay.js";
import { Search } from "./search.js";
import { legend, Summary } from "./summary.js";
import { watchTheme } from "./theme.js";
import { TimelinePanel } from "./timeline.js";
import { Transport } from "./transport.js";

const CHART_PAUSE = 50;

/**
 * Mounts a viewer on `element`. Options: `plotly` (an object, or the URL of its script), `css` (URL of the
 * style sheet; false when the page brings it), `autoplay` (never with reduced motion).
 */
export function mount(element, options = {}) {
  return new Viewer(element, options);
}

class Viewer {
  #step = 0;
  #selected = null;

  constructor(host, { plotly = window.Plotly, css = new URL("viewer.css", import.meta.url).href, autoplay = false }) {
    Object.assign(this, { host, plotly, autoplay });
    if (css) addStyle(css);
    const onSelect = (position) => this.select(position);
    const onStep = (step) => this.request(step);
    this.transport = new Transport({ onStep, onPlaying: (on) => this.playing(on), onHelp: () => this.help.showModal() });
    this.canvas = new Canvas({ onSelect });
    this.inspector = new Inspector({ onStep });
    this.summary = new Summary();
    this.search = new Search({ onFind: onSelect });
    this.boundary = new BoundaryPanel({ onSelect });
    this.conflicts = new ConflictPanel({ onSelect });
    this.timeline = new TimelinePanel({ onSelect, onStep });
    this.panels = [this.boundary, this.conflicts, this.timeline];
    this.help = helpDialog();
    this.build();
    this.stopTheme = watchTheme(this.root, () => this.retheme());
    this.blank("Nothing to show yet.");
  }

  build() {
    this.message = h("p", { class: "dv-message", role: "status" });
    this.live = h("p", { class: "dv-live", "aria-live": "polite" });
    this.legend = legend((colouring) => this.colourBy(colouring));
    this.legend.tools.prepend(this.search.element);
    const canvas = h("section", { class: "dv-panel dv-main", "aria-label": "Canvas" }, this.legend.element, this.canvas.element);
    const charts = h("div", { class: "dv-charts" }, ...this.panels.map((panel) => panel.element));
    const top = h("div", { class: "dv-top-row" }, canvas, this.inspector.element);
    this.content = h("div", { class: "dv-content" }, this.summary.element, top, this.transport.element, charts);
    const body = h("div", { class: "dv-body" }, this.message, this.content, this.live, this.help);
    this.root = h("div", { class: "depcap-viewer", tabindex: "0", role: "region", "aria-label": "Decode replay" }, body);
    this.root.addEventListener("keydown", (event) => onKey(event, this));
    this.host.replaceChildren(this.root);
  }

  /** What the page says: a live decode begins, goes on, or a payload is to be loaded. */
  handle(event) {
    if (event.type === "begin") this.begin(event.start);
    else if (event.type === "commit") this.commit(event.delta);
    else if (event.type === "stopped") this.stop();
    else if (event.type === "load") this.load(event.url, event.block);
  }

  /** Shows a payload, given as a URL or as an object; at the end, or where a block opens. */
  async load(source, block = null) {
    const ticket = (this.ticket = Symbol("load"));
    try {
      const payload = typeof source === "string" ? await fetchPayload(source) : source;
      if (ticket === this.ticket) this.use(fromPayload(payload));
    } catch (error) {
      if (ticket === this.ticket) this.fail(`This trace cannot be shown: ${error.message}.`);
      return;
    }
    if (ticket !== this.ticket) return;
    this.loadCharts();
    this.host.dispatchEvent(new CustomEvent("depcap:ready", { bubbles: true }));
    if (this.autoplay && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.transport.play();
    else this.moveTo(this.replay.blocks?.[block]?.step ?? this.replay.steps.length);
  }

  /** Starts a live decode with an empty canvas. */
  begin(start) {
    this.ticket = Symbol("begin");
    try {
      this.use(liveReplay(start));
    } catch (error) {
      this.fail(`This decode cannot be shown: ${error.message}.`);
    }
  }

  /** Adds one live step. The cursor follows unless it was moved back. */
  commit(delta) {
    if (!this.replay?.running) return;
    const isFollowing = this.#step === this.replay.steps.length;
    try {
      append(this.replay, delta);
    } catch (error) {
      this.fail(`This decode cannot be shown: ${error.message}.`);
      return;
    }
    this.transport.grow();
    this.request(isFollowing ? this.replay.steps.length : this.#step);
  }

  /** A live decode ends before its last step: what there is stays. */
  stop() {
    if (!this.replay?.running) return;
    this.replay.stopped = true;
    this.drawNow();
    this.announce();
  }

  /** One line instead of a canvas. */
  fail(line) {
    this.blank(String(line));
    this.message.classList.add("dv-error");
  }

  blank(line) {
    this.transport.pause();
    this.replay = null;
    this.content.hidden = true;
    this.message.hidden = false;
    this.message.classList.remove("dv-error");
    this.message.textContent = line;
  }

  use(replay) {
    this.replay = replay;
    this.message.hidden = true;
    this.content.hidden = false;
    this.root.classList.toggle("dv-is-live", replay.live);
    this.#selected = replay.live ? null : replay.telling();
    this.#step = 0;
    this.announced = undefined;
    for (const part of [this.transport, this.canvas, this.inspector, this.summary, this.search]) part.load(replay);
    if (!replay.live) for (const panel of this.panels) panel.load(replay);
    this.drawNow();
  }

  async loadCharts() {
    try {
      // The canvas is painted first; the chart library is large.
      await new Promise((resolve) => setTimeout(resolve, 30));
      const Plotly = await loadPlotly(this.plotly);
      for (const panel of this.panels) panel.use(Plotly);
    } catch {
      for (const panel of this.panels) panel.giveUp();
    }
  }

  get step() {
    return this.#step;
  }

  set step(step) {
    this.transport.pause();
    this.moveTo(step);
  }

  get steps() {
    return this.replay?.steps.length ?? 0;
  }

  get selected() {
    return this.#selected;
  }

  moveTo(step) {
    if (!this.replay) return;
    this.#step = Math.min(Math.max(Math.round(Number(step)) || 0, 0), this.steps);
    this.drawNow();
  }

  /** Moves the cursor now and draws once in the next animation frame. */
  request(step) {
    if (!this.replay) return;
    this.#step = Math.min(Math.max(Math.round(Number(step)) || 0, 0), this.steps);
    this.transport.step = this.#step;
    this.frame ??= requestAnimationFrame(() => this.drawNow());
  }

  select(position) {
    if (!this.replay) return;
    this.#selected = Math.min(Math.max(Math.round(position), this.replay.start), this.replay.end - 1);
    this.frame ??= requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    if (!this.replay) return;
    const [step, selected] = [this.#step, this.#selected];
    this.transport.show(step);
    this.canvas.draw(step, selected);
    this.summary.draw(step);
    this.inspector.draw(step, selected);
    this.search.draw(selected);
    if (this.transport.playing || this.replay.running) this.canvas.follow(step);
    this.drawCharts();
    if (step === this.announced) return;
    this.announced = step;
    if (!this.transport.playing && !this.replay.running) this.announce();
    this.host.dispatchEvent(new CustomEvent("depcap:step", { bubbles: true, detail: { step } }));
  }

  /** Says the step aloud; not while one follows the other. */
  announce() {
    this.live.textContent = this.transport.slider.getAttribute("aria-valuetext");
  }

  // Charts are drawn at most twenty times a second, the last time for the step that stays; the cursor line always moves.
  drawCharts() {
    if (this.replay.live) return;
    this.timeline.draw(this.#step, this.#selected);
    if (this.chartTimer) return;
    // A slow machine draws charts less often rather than falling behind.
    const pause = Math.max(CHART_PAUSE, 3 * (this.chartCost ?? 0));
    const wait = pause - (performance.now() - (this.chartTime ?? -pause));
    this.chartTimer = setTimeout(() => this.drawSlowCharts(), Math.max(wait, 0));
  }

  // One chart a task, so that input is never kept waiting by two of them.
  drawSlowCharts() {
    this.chartTimer = null;
    this.chartTime = performance.now();
    if (!this.replay) return;
    this.conflicts.draw(this.#step, this.#selected);
    this.chartCost = Math.min(performance.now() - this.chartTime, 10 * CHART_PAUSE);
    clearTimeout(this.blockTimer);
    this.blockTimer = setTimeout(() => this.replay && this.boundary.draw(this.#step), 0);
  }

  playing(isOn) {
    this.root.classList.toggle("dv-playing", isOn);
    if (!isOn && this.replay) this.drawNow();
  }

  colourBy(colouring) {
    this.canvas.colouring = colouring;
    if (this.replay) this.drawNow();
  }

  retheme() {
    for (const panel of this.panels) panel.plot.draw();
  }

  destroy() {
    this.transport.pause();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.chartTimer);
    clearTimeout(this.blockTimer);
    this.stopTheme();
    this.ticket = null;
    this.replay = null;
    for (const panel of this.panels) panel.destroy();
    this.root.remove();
  }
}
