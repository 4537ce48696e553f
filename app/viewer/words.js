// Decisions in words, and token text made visible. No DOM.

import { count, number } from "./dom.js";

const SHOWN = 64;
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
const SPECIAL = /^(<\|.{1,40}\|>|<\/?[a-z_]{1,12}>|\[[A-Z]{2,10}\]|<0x[0-9A-F]{2}>)$/;

/** A token in quotes, short, with line breaks and controls written out. */
export function quote(text) {
  const short = text.length > 24 ? `${text.slice(0, 23)}…` : text;
  return `‘${[...short].map(visible).join("")}’`;
}

function visible(char) {
  if (char === "\n") return "↵";
  if (char === "\t") return "⇥";
  return CONTROL.test(char) ? codePoint(char) : char;
}

export function codePoint(char) {
  return `U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/**
 * A token as lines of runs `{kind, text}`; kind is text, space, newline, control or special.
 * A token that holds a line break has several lines, so that code breaks where it should.
 */
export function runs(text) {
  if (SPECIAL.test(text)) return [[{ kind: "special", text }]];
  const cut = text.length > SHOWN ? text.slice(0, SHOWN) : text;
  const lines = [[]];
  for (const char of cut) {
    const line = lines.at(-1);
    const run = joins(char, line.at(-1)) ? { kind: "text", text: char } : runOf(char);
    if (run.kind === "text" && line.at(-1)?.kind === "text") line.at(-1).text += char;
    else line.push(run);
    if (run.kind === "newline" && lines.length < 4) lines.push([]);
  }
  if (lines.length > 1 && lines.at(-1).length === 0) lines[lines.length - 1] = null;
  if (cut.length < text.length) (lines.at(-1) ?? lines.at(-2)).push({ kind: "control", text: `… ${text.length}` });
  return lines;
}

// Joiners are part of the spelling in Persian, Hindi or an emoji, and suspicious anywhere else.
function joins(char, last) {
  return (char === "\u200c" || char === "\u200d") && last?.kind === "text" && /[^\u0000-\u024f]$/u.test(last.text);
}

function runOf(char) {
  if (char === " ") return { kind: "space", text: " " };
  if (char === "\n") return { kind: "newline", text: "↵" };
  if (char === "\t") return { kind: "control", text: "⇥" };
  if (CONTROL.test(char)) return { kind: "control", text: codePoint(char) };
  return { kind: "text", text: char };
}

/** Columns a line of runs takes in a monospace font. */
export function columns(line) {
  const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;
  let sum = 0;
  for (const { text } of line) for (const char of text) sum += char > "\uffff" || wide.test(char) ? 2 : 1;
  return sum;
}

/** Text that Plotly shows as it is: no pseudo-HTML, no template. */
export function plain(text) {
  const short = text.length > 24 ? `${text.slice(0, 23)}…` : text;
  const safe = [...short].map(visible).join("").replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return safe.replaceAll(">", "&gt;").replaceAll("%{", "%\u200b{").replaceAll("$", "\u200b$\u200b");
}

/** D of the edge between two positions in a step, or null. */
export function edgeBetween(record, a, b) {
  const [i, j] = a < b ? [a, b] : [b, a];
  const edge = (record.edges ?? []).find((found) => found[0] === i && found[1] === j);
  return edge ? edge[2] : null;
}

/** Why position `k` of a step did what it did, in words. */
export function reason(replay, record, k) {
  if (!record.reason) return `unmasked with confidence ${number(record.confidence[k])}`;
  const entry = replay.reasons[record.reason[k]];
  const cause = record.cause[k];
  const at = record.positions.indexOf(cause);
  const places = {
    ...replay.params,
    confidence: record.confidence[k],
    round: record.round[k],
    cause,
    cause_token: at < 0 ? "another token" : quote(replay.text(record.tokens[at])),
    d: edgeBetween(record, record.positions[k], cause),
  };
  // One pass, so that a brace inside a token is never taken for a place.
  return String(entry.words ?? entry.label ?? record.reason[k]).replace(/\{(\w+)\}/g, (whole, name) => {
    if (!Object.hasOwn(places, name)) return whole;
    return typeof places[name] === "string" ? places[name] : number(places[name]);
  });
}

/** The decisions about one position, equal neighbours joined: `{from, to, words, committed}`. */
export function history(replay, position) {
  const entries = [];
  for (const { step, k } of replay.visits[position - replay.start] ?? []) {
    const record = replay.at(step);
    const code = record.reason?.[k] ?? "committed";
    const entry = {
      from: step,
      to: step,
      key: `${code} ${record.cause?.[k]} ${record.tokens[k]}`,
      token: record.tokens[k],
      words: reason(replay, record, k),
      committed: replay.commits(record, k),
      blocked: replay.isBlocked(code),
    };
    const last = entries.at(-1);
    if (last?.key === entry.key) Object.assign(last, { ...entry, from: last.from });
    else entries.push(entry);
  }
  return entries;
}

/** Length of a block with another lambda_u: its wish and what the clamps leave of it. */
export function whatIf(replay, block, lambdaU) {
  const { influence_norm: influence, entropy_norm: entropy } = block.curves;
  const score = influence.map((value, k) => (value === null || entropy[k] === null ? null : value - lambdaU * entropy[k]));
  const failing = score.findIndex((value) => !(value !== null && value >= 0));
  const wanted = failing < 0 ? score.length : failing;
  const left = replay.end - block.start;
  const { min_size: least = 1, max_size: most = left } = replay.params;
  const size = left < least ? left : Math.min(Math.max(wanted, least), most, left);
  return { score, wanted, size, end: block.start + size };
}

/** Why a block ends where it ends. */
export function boundary(replay, block) {
  const size = block.end - block.start;
  const span = `It covers ${block.start}–${block.end - 1}, ${count(size, "position")}.`;
  const { min_size: least, max_size: most } = replay.params;
  const wish = block.wanted === null || block.wanted === undefined ? null : count(block.wanted, "position");
  const turn = block.start + (block.wanted ?? 0);
  switch (block.clamp) {
    case "first":
      return `The first block has no earlier opening to compare with, so it takes the minimum size. ${span}`;
    case "fixed":
      return `This method uses blocks of fixed size, so nothing was scored. ${span}`;
    case "delimiter":
      return `The surest delimiter in sight stands at ${block.end - 1}, so the block ends with it. ${span}`;
    case "default":
      return `No delimiter in sight was sure enough, so the block has its default size. ${span}`;
    case "min_size":
      return wish === null
        ? `The score asked for less than the minimum size${least ? ` of ${least}` : ""}. ${span}`
        : `The score asked for ${wish} (it is below zero at ${turn}), but a block has at least ${least ?? "its minimum"}. ${span}`;
    case "max_size":
      return `The score asked for ${wish ?? "more"}, but a block has at most ${most ?? "its maximum"}. ${span}`;
    case "end":
      return `The text ends here: no positions are left after this block. ${span}`;
    default:
      if (!block.curves) return `This block was not chosen by a score. ${span}`;
      if (size === block.curves.score.length) return `The score stays above zero over the whole window. ${span}`;
      return `The score first falls below zero at ${block.end}, so the block ends before it. ${span}`;
  }
}

/** The conflicts of a step and what each did: `{i, j, d, a, b, kind, waits}`, a and b being indices of i and j. */
export function conflicts(replay, record) {
  const index = new Map((record?.positions ?? []).map((position, k) => [position, k]));
  const known = (record?.edges ?? []).filter(([i, j]) => index.has(i) && index.has(j));
  return known.map(([i, j, d]) => {
    const [a, b] = [index.get(i), index.get(j)];
    const waits = (k, other) => record.cause[k] === other && replay.isBlocked(record.reason[k]);
    const isIgnored = replay.commits(record, a) && replay.commits(record, b);
    const kind = waits(a, j) || waits(b, i) ? "blocked" : isIgnored ? "ignored" : "other";
    return { i, j, d, a, b, kind, waits: waits(a, j) ? i : j };
  });
}

/** The conflicts of a step in a sentence. */
export function conflictSentence(replay, record, edges) {
  if (!record) return "Nothing is decided yet.";
  const waiting = record.reason.filter((code) => replay.isBlocked(code)).length;
  const ignored = edges.filter((edge) => edge.kind === "ignored").length;
  const verb = waiting === 1 ? "waits" : "wait";
  if (edges.length === 0 && waiting === 0) return "No two candidates conflict in this step.";
  const parts = [];
  if (waiting > 0) parts.push(`${count(waiting, "token")} ${verb} because of a conflict`);
  if (ignored > 0) parts.push(`${count(ignored, "conflict")} ignored because both tokens are sure`);
  if (parts.length === 0) parts.push(`${count(edges.length, "conflict")} among tokens that wait`);
  const sentence = parts.join("; ");
  return `${sentence[0].toUpperCase()}${sentence.slice(1)}.`;
}
