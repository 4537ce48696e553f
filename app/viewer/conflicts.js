// Conflicts of a step as arcs over token positions.

import { h, number, table } from "./dom.js";
import { Panel } from "./panel.js";
import { conflicts, conflictSentence, plain, quote } from "./words.js";

const POINTS = 25;
const MAX_LABELS = 36;
const MAX_ARCS = 600;
const RANK = { blocked: 0, ignored: 1, other: 2 };
const DOTS = { blocked: 8, ignored: 8, other: 4 };
const EFFECT = { blocked: "made a token wait", ignored: "ignored, both sure", other: "not decisive" };

export class ConflictPanel extends Panel {
  constructor({ onSelect }) {
    super({
      name: "conflicts",
      title: "Conflicts",
      hint: "Two tokens conflict if their chances in each other’s place multiply to more than e^γ (D above γ). Above the line: one waits. Below: ignored.",
    });
    this.onSelect = onSelect;
    this.plot.onClick = (points) => onSelect(Math.round(points[0].customdata ?? points[0].x));
    this.tableBox.addEventListener("click", (event) => {
      const button = event.target.closest("[data-position]");
      if (button) onSelect(Number(button.dataset.position));
    });
  }

  load(replay) {
    this.plot.forget();
    this.replay = replay;
    this.step = -1;
    this.hasIgnored = replay.steps.some((record) => conflicts(replay, record).some((edge) => edge.kind === "ignored"));
  }

  draw(step, selected) {
    if (step === this.step && selected === this.selected) return;
    Object.assign(this, { step, selected });
    const record = this.replay.at(step);
    if (this.replay.live || (record && !record.reason)) return;
    const edges = record ? conflicts(this.replay, record) : [];
    this.say(conflictSentence(this.replay, record, edges));
    const nodes = record ? this.candidates(record, edges) : [];
    if (nodes.length === 0) {
      this.show(null, null, null);
      return;
    }
    const drawn = [...edges].sort((p, q) => RANK[p.kind] - RANK[q.kind] || q.d - p.d).slice(0, MAX_ARCS);
    if (drawn.length < edges.length) this.say(`${this.sentence.textContent} The ${MAX_ARCS} that matter most are drawn.`);
    const fill = (traces, layout, colour) => this.fill({ record, edges: drawn, nodes, traces, layout, colour });
    this.show(this.replay.figures.conflicts, fill, edges.length === 0 ? null : () => this.tabulate(record, edges));
  }

  // Which of a step's positions are drawn: those sure enough to be unmasked, and any in a conflict.
  candidates(record, edges) {
    const inEdge = new Set(edges.flatMap((edge) => [edge.i, edge.j]));
    const limit = this.replay.params.tau_low ?? 0;
    const isShown = (k) => record.confidence[k] >= limit || inEdge.has(record.positions[k]) || this.replay.commits(record, k);
    return record.positions.map((_, k) => k).filter(isShown);
  }

  fill({ record, edges, nodes, traces, layout, colour }) {
    const widest = Math.max(1, ...edges.map((edge) => edge.j - edge.i));
    const apex = { x: [], y: [], text: [], customdata: [], marker: { size: [], color: [], opacity: 0.9 } };
    for (const kind of ["blocked", "ignored", "other"]) {
      const trace = traces[kind];
      const own = edges.filter((edge) => edge.kind === kind);
      const arcs = own.map((edge) => arc(edge, widest));
      if (trace) Object.assign(trace, { x: arcs.flatMap((found) => found.x), y: arcs.flatMap((found) => found.y), visible: own.length > 0 });
      own.forEach((edge, k) => {
        apex.x.push((edge.i + edge.j) / 2);
        apex.y.push(arcs[k].top);
        apex.text.push(this.describe(record, edge));
        apex.customdata.push(edge.waits);
        apex.marker.color.push(colour(kind));
        apex.marker.size.push(DOTS[kind]);
      });
    }
    Object.assign(traces.apex ?? {}, apex);
    layout.yaxis.range = [this.hasIgnored ? -1.15 : -0.2, 1.15];
    this.fillNodes(record, nodes, traces.node ?? {}, layout, colour);
  }

  fillNodes(record, shown, trace, layout, colour) {
    const { replay } = this;
    const state = (k) => (replay.commits(record, k) ? "now" : replay.isBlocked(record.reason[k]) ? "blocked" : "other");
    const names = shown.map((k) => (replay.isEnd(record.tokens[k]) ? "end" : plain(replay.text(record.tokens[k]))));
    Object.assign(trace, {
      x: shown.map((k) => record.positions[k]),
      y: shown.map(() => 0),
      text: shown.map((k, at) => `${record.positions[k]}: ${names[at]}<br>confidence ${number(record.confidence[k])}`),
      marker: {
        opacity: 1,
        size: shown.map((k) => 8 + 7 * record.confidence[k]),
        color: shown.map((k) => (replay.commits(record, k) ? colour("now") : colour("surface"))),
        symbol: shown.map((k) => (replay.commits(record, k) ? "circle" : "square")),
        line: {
          width: shown.map((k) => (record.positions[k] === this.selected ? 4 : 2)),
          color: shown.map((k) => colour(record.positions[k] === this.selected ? "selected" : state(k))),
        },
      },
    });
    const first = Math.min(...trace.x);
    const last = Math.max(...trace.x);
    const pad = Math.max(1, 0.06 * (last - first));
    layout.xaxis.range = [first - pad, last + pad];
    if (shown.length > MAX_LABELS) return;
    layout.xaxis.tickvals = trace.x;
    layout.xaxis.ticktext = names.map((name) => (name.length > 12 && !name.includes("&") ? `${name.slice(0, 11)}…` : name));
    layout.xaxis.tickfont = { family: colour("mono"), size: 11, color: colour("ink") };
  }

  describe(record, { i, j, d, a, b, kind }) {
    const [first, second] = [a, b].map((k) => plain(this.replay.text(record.tokens[k])));
    const gamma = this.replay.params.gamma;
    const limit = gamma === undefined ? "" : ` &gt; γ = ${number(gamma)}`;
    return `${i}: ${first}<br>${j}: ${second}<br>D = ${number(d)}${limit}<br>${EFFECT[kind]}`;
  }

  tabulate(record, edges) {
    const name = (k) => quote(this.replay.text(record.tokens[k]));
    const sorted = [...edges].sort((p, q) => q.d - p.d);
    const rows = sorted.map(({ i, j, d, a, b, kind }) => [i, name(a), j, name(b), d, EFFECT[kind]]);
    const made = table(`Conflicts of step ${this.step}`, ["position", "token", "position", "token", "D", "effect"], rows);
    for (const row of made.tBodies[0].rows) for (const at of [0, 2]) selectable(row.cells[at]);
    return made;
  }
}

function selectable(cell) {
  const position = cell.textContent;
  cell.replaceChildren(h("button", { type: "button", class: "dv-link", "data-position": position }, position));
}

function arc({ i, j, kind }, widest) {
  const side = kind === "ignored" ? -1 : 1;
  const top = side * ((j - i) / widest) ** 0.7;
  const x = [];
  const y = [];
  for (let k = 0; k < POINTS; k++) {
    const angle = Math.PI * (1 - k / (POINTS - 1));
    x.push((i + j) / 2 + ((j - i) / 2) * Math.cos(angle));
    y.push(top * Math.sin(angle));
  }
  return { x: [...x, null], y: [...y, null], top };
}
