// A titled panel: a sentence, a chart, and the same numbers as a table.

import { Plot } from "./charts.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

export class Panel {
  constructor({ name, title, hint }) {
    this.name = name;
    this.sentence = h("p", { class: "dv-sentence" });
    this.figure = h("div", { class: "dv-plot", role: "img", "aria-label": title });
    this.wait = h("p", { class: "dv-wait" });
    this.tableBox = h("div", { class: "dv-table", tabindex: "0", role: "region", "aria-label": `${title}, table` });
    this.toggle = h("button", { type: "button", class: "dv-small", "aria-pressed": "false" }, "table");
    this.toggle.addEventListener("click", () => this.showTable(this.tableBox.hidden));
    this.expand = h("button", { type: "button", class: "dv-small dv-expand", "aria-label": `${title}: full screen` });
    this.expand.append(icon("expand"));
    this.expand.addEventListener("click", () => this.fullScreen());
    this.tools = h("div", { class: "dv-tools" }, this.toggle, this.expand);
    const heading = h("header", {}, h("h3", {}, title), this.tools);
    this.chartBox = h("div", { class: "dv-chart" }, this.figure, this.wait);
    this.element = h(
      "section",
      { class: `dv-panel dv-panel-${name}`, tabindex: "-1", "aria-label": title },
      heading,
      h("p", { class: "dv-hint" }, hint),
      this.sentence,
      this.chartBox,
      this.tableBox,
    );
    this.tableBox.hidden = true;
    this.plot = new Plot(this.figure);
  }

  say(text) {
    if (this.sentence.textContent !== text) this.sentence.textContent = text;
  }

  /** Draws the spec with `fill`, and keeps `makeTable` for when the table is asked for. */
  show(spec, fill, makeTable) {
    this.makeTable = makeTable;
    const hasData = fill !== null;
    this.toggle.hidden = makeTable === null;
    this.chartBox.hidden = !hasData || !this.tableBox.hidden;
    if (makeTable === null) this.tableBox.replaceChildren();
    if (hasData && spec) this.plot.set(spec, fill);
    else this.plot.forget();
    this.hasData = hasData;
    this.drawTable();
  }

  showTable(shown) {
    this.tableBox.hidden = !shown;
    this.chartBox.hidden = shown || !this.hasData;
    this.toggle.setAttribute("aria-pressed", String(shown));
    this.toggle.textContent = shown ? "chart" : "table";
    this.drawTable();
  }

  drawTable() {
    if (this.tableBox.hidden || !this.makeTable) return;
    const top = this.tableBox.scrollTop;
    this.tableBox.replaceChildren(this.makeTable());
    this.tableBox.scrollTop = top;
  }

  use(Plotly) {
    this.wait.hidden = true;
    this.plot.use(Plotly);
  }

  /** Plotly cannot be had: the table stands in. */
  giveUp() {
    this.wait.textContent = "The chart library is not available; the table has the same numbers.";
    this.wait.hidden = false;
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.element.requestFullscreen?.();
  }

  destroy() {
    this.plot.destroy();
  }
}
