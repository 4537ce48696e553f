// The additivity lab: a verdict, and panels of a figure and its numbers. `mount`, then `load` a payload.

import { addStyle, fetchPayload } from "./assets.js";
import { loadPlotly } from "./charts.js";
import { csv, save } from "./downloads.js";
import { h, table } from "./dom.js";
import { folded } from "./intervals.js";
import { Panel } from "./panel.js";
import { watchTheme } from "./theme.js";

/** A view's block size, where it is no number. */
const WORDS = { chosen: "as decoded" };

/** Mounts a lab on `element`. Options: `plotly` (object or URL), `css`, `onPick(name)` for a clicked point. */
export function mount(element, options = {}) {
  return new Lab(element, options);
}

class Lab {
  constructor(host, { plotly = window.Plotly, css = new URL("viewer.css", import.meta.url).href, onPick = null }) {
    Object.assign(this, { host, plotly, onPick });
    if (css) addStyle(css);
    this.panels = [];
    this.message = h("p", { class: "dv-message", role: "status" }, "Nothing to show yet.");
    this.verdict = h("p", { class: "dv-verdict" });
    this.source = h("p", { class: "dv-hint" });
    this.size = h("select", { class: "dv-find", on: { change: () => this.draw() } });
    this.order = h("select", { class: "dv-find", on: { change: () => this.draw() } });
    const pickers = h("div", { class: "dv-pickers" }, labelled("block size", this.size), labelled("revealed", this.order));
    this.grid = h("div", { class: "dv-charts" });
    const head = h("section", { class: "dv-panel", "aria-label": "Verdict" }, pickers, this.verdict, this.source);
    this.content = h("div", { class: "dv-content", hidden: true }, head, this.grid);
    this.root = h("div", { class: "depcap-viewer dv-lab" }, h("div", { class: "dv-body" }, this.message, this.content));
    host.replaceChildren(this.root);
    this.stopTheme = watchTheme(this.root, () => this.panels.forEach((panel) => panel.plot.draw()));
  }

  /** What the page says: results to load, or a line to show meanwhile. */
  handle(event) {
    if (event.type === "say") this.fail(event.line);
    else if (event.type === "load") this.load(event.url);
  }

  /** Shows a payload, given as a URL or as an object. */
  async load(source) {
    const ticket = (this.ticket = Symbol("load"));
    try {
      const payload = typeof source === "string" ? await fetchPayload(source) : source;
      if (ticket !== this.ticket) return;
      if (payload.schema !== 1) throw new Error(`its schema is ${payload.schema}`);
      this.use(payload);
    } catch (error) {
      if (ticket === this.ticket) this.fail(`These results cannot be shown: ${error.message}.`);
    }
  }

  fail(line) {
    this.content.hidden = true;
    this.message.hidden = false;
    this.message.textContent = line;
  }

  use(payload) {
    this.payload = payload;
    this.message.hidden = true;
    this.content.hidden = false;
    this.source.textContent = payload.source;
    fill(this.size, payload.views.map((view) => view.candidates));
    fill(this.order, payload.views.map((view) => view.order));
    this.drop();
    this.sharedPanels = payload.shared.map((panel) => this.panel(panel));
    this.draw();
    this.host.dispatchEvent(new CustomEvent("depcap:ready", { bubbles: true }));
  }

  draw() {
    const chosen = this.payload.views.filter((view) => view.candidates === this.size.value);
    const view = chosen.find((one) => one.order === this.order.value) ?? chosen[0];
    const [first, ...rest] = view.verdict.split(/(?<=\.) /);
    this.verdict.replaceChildren(h("strong", {}, first), " ", rest.join(" "));
    (this.viewPanels ?? []).forEach((panel) => panel.destroy());
    this.viewPanels = view.panels.map((panel) => this.panel(panel));
    this.panels = [...this.viewPanels, ...this.sharedPanels];
    this.grid.replaceChildren(...this.panels.map((panel) => panel.element));
    this.loadCharts();
  }

  panel({ title, hint, figure, columns, rows }) {
    const panel = new Panel({ name: "lab", title, hint });
    const file = title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    const offer = (label, make) => panel.tools.prepend(h("button", { type: "button", class: "dv-small", on: { click: make } }, label));
    offer("CSV", () => save(`${file}.csv`, "text/csv", csv(columns, rows)));
    if (figure) offer("SVG", () => panel.plot.Plotly?.downloadImage(panel.figure, { format: "svg", filename: file, width: 860, height: figure.layout.height }));
    panel.plot.onClick = (points) => typeof points[0]?.customdata === "string" && this.onPick?.(points[0].customdata);
    panel.show(figure, figure ? () => {} : null, () => this.table(title, columns, rows));
    if (!figure) {
      panel.showTable(true);
      panel.toggle.hidden = true;
    }
    return panel;
  }

  /** The numbers; where a row is a point, its decode is a button that does what a click on the point does. */
  table(title, columns, rows) {
    const [decode, block] = [columns.indexOf("decode"), columns.indexOf("block")];
    const [names, cells] = folded(columns, rows);
    if (!this.onPick || decode < 0 || block < 0) return table(title, names, cells);
    const place = names.indexOf("decode");
    const linked = cells.map((row, k) => {
      const name = `${rows[k][decode]}, block ${rows[k][block]}`;
      const pick = { class: "dv-link", type: "button", "aria-label": `Replay ${name}`, on: { click: () => this.onPick(name) } };
      return row.with(place, h("button", pick, String(row[place])));
    });
    return table(title, names, linked);
  }

  async loadCharts() {
    const panels = this.panels;
    try {
      const Plotly = await loadPlotly(this.plotly);
      for (const panel of panels) panel.use(Plotly);
    } catch {
      for (const panel of panels) panel.giveUp();
    }
  }

  drop() {
    this.panels.forEach((panel) => panel.destroy());
    this.panels = [];
    this.viewPanels = null;
  }

  destroy() {
    this.ticket = null;
    this.stopTheme();
    this.drop();
    this.root.remove();
  }
}

function labelled(text, select) {
  return h("label", { class: "dv-pick" }, text, select);
}

function fill(select, values) {
  const before = select.value;
  const known = [...new Set(values)];
  select.replaceChildren(...known.map((value) => h("option", { value }, WORDS[value] ?? value)));
  if (known.includes(before)) select.value = before;
}
