// Plotly, loaded late: one Plot is one figure spec drawn again with other data.

import { variable } from "./theme.js";

const loading = new Map();

/** Plotly from an object, or from the URL of its script (loaded once, without disturbing another version). */
export function loadPlotly(source) {
  if (!source) return Promise.reject(new Error("no Plotly given"));
  if (typeof source !== "string") return Promise.resolve(source);
  const url = new URL(source, document.baseURI).href;
  if (!loading.has(url)) loading.set(url, loadScript(url));
  return loading.get(url);
}

function loadScript(url) {
  return new Promise((resolve, reject) => {
    const other = window.Plotly;
    const script = document.createElement("script");
    script.src = url;
    script.async = true;
    script.onload = () => {
      const loaded = window.Plotly;
      if (other) window.Plotly = other;
      if (loaded) resolve(loaded);
      else reject(new Error("Plotly did not load"));
    };
    script.onerror = () => reject(new Error("Plotly did not load"));
    document.head.append(script);
  });
}

export class Plot {
  constructor(element) {
    this.element = element;
    this.sizes = new ResizeObserver(() => this.resized());
    this.sizes.observe(element);
  }

  use(Plotly) {
    this.Plotly = Plotly;
    this.draw();
  }

  /** `fill(traces, layout)` puts data into copies of the spec's traces (by role) and layout. */
  set(spec, fill) {
    Object.assign(this, { spec, fill });
    this.draw();
  }

  /** Draws nothing until `set` is called again: what `fill` reads is about to change. */
  forget() {
    this.fill = null;
  }

  draw() {
    if (!this.Plotly || !this.spec || !this.fill) return;
    this.isDue = this.element.clientWidth === 0;
    if (this.isDue) return;
    const layout = { ...this.spec.layout, xaxis: { ...this.spec.layout.xaxis }, yaxis: { ...this.spec.layout.yaxis } };
    layout.shapes = [...(this.spec.layout.shapes ?? [])];
    layout.annotations = [...(this.spec.layout.annotations ?? [])];
    if (document.fullscreenElement?.matches(".dv-panel")) layout.height = Math.round(0.7 * window.innerHeight);
    const traces = this.spec.data.map((trace) => ({ ...trace }));
    this.fill(Object.fromEntries(traces.map((trace) => [trace.meta?.role, trace])), layout, this.colour);
    this.paint(traces, layout);
    this.width = this.element.clientWidth;
    this.Plotly.react(this.element, traces, layout, this.spec.config ?? {});
    if (!this.isListening && this.onClick) this.element.on("plotly_click", (event) => this.onClick(event.points));
    this.isListening = true;
  }

  colour = (name) => variable(this.element, name);

  // Light and dark are the style sheet's business; the spec's own colours are for figures outside the viewer.
  paint(traces, layout) {
    for (const trace of traces) {
      const colour = this.colour(trace.meta?.role ?? "");
      if (colour && trace.line) trace.line = { ...trace.line, color: colour };
    }
    layout.font = { ...layout.font, color: this.colour("muted") };
    const grid = { gridcolor: this.colour("line"), zerolinecolor: this.colour("muted"), linecolor: this.colour("line") };
    Object.assign(layout.xaxis, grid);
    Object.assign(layout.yaxis, grid);
    layout.hoverlabel = {
      bgcolor: this.colour("raised"),
      bordercolor: this.colour("line"),
      font: { color: this.colour("ink"), family: this.colour("mono"), size: 12 },
    };
    layout.modebar = { bgcolor: "rgba(0,0,0,0)", color: this.colour("muted"), activecolor: this.colour("accent") };
  }

  resized() {
    if (!this.Plotly || !this.spec) return;
    if (this.isDue || this.element.clientWidth !== this.width) this.draw();
  }

  destroy() {
    this.sizes.disconnect();
    if (this.Plotly) this.Plotly.purge(this.element);
  }
}
