// One decode as a value: what the canvas holds after any step. No DOM.

import { check, checkDelta, checkHeader } from "./payload.js";

/** What a position can be after a step, from least to most decided. */
export const STATE = Object.freeze({
  far: "far", // masked, outside the current block
  open: "open", // masked, in the current block
  blocked: "blocked", // masked, and a conflict made it wait in this step
  now: "now", // unmasked in this step
  earlier: "earlier", // unmasked before this step
});

export class Replay {
  constructor({ header, pieces, prompt, end_id, end_ids, mask_id, reasons = {}, figures = {} }) {
    Object.assign(this, { header, prompt, reasons, figures });
    this.pieces = { ...pieces };
    this.endIds = new Set(end_ids ?? (Number.isInteger(end_id) ? [end_id] : []));
    this.maskId = mask_id ?? null;
    this.params = header.params ?? {};
    this.start = header.prompt_length;
    this.length = header.gen_length;
    this.end = this.start + this.length;
    this.blocks = [];
    this.steps = [];
    this.live = false;
    this.stopped = false;
    this.unmaskedAt = new Int32Array(this.length);
    this.token = new Int32Array(this.length).fill(-1);
    this.blockOf = new Int32Array(this.length).fill(-1);
    this.visits = Array.from({ length: this.length }, () => []);
    this.spells = Array.from({ length: this.length }, () => []);
  }

  addBlock(block) {
    this.blocks[block.index] = block;
    this.blockOf.fill(block.index, block.start - this.start, block.end - this.start);
  }

  addStep(step) {
    this.steps.push(step);
    for (let k = 0; k < step.positions.length; k++) {
      const cell = step.positions[k] - this.start;
      this.visits[cell].push({ step: step.step, k });
      if (!this.commits(step, k)) continue;
      this.unmaskedAt[cell] = step.step;
      this.token[cell] = step.tokens[k];
      const held = { from: step.step, to: Infinity, token: step.tokens[k], confidence: step.confidence[k] };
      this.spells[cell].push(held);
    }
    for (const position of step.remasked ?? []) this.remask(position - this.start, step.step);
  }

  /** A method may take back what it has decided: the position is masked again from this step on. */
  remask(cell, step) {
    const last = this.spells[cell].at(-1);
    if (last) last.to = step;
    this.unmaskedAt[cell] = 0;
    this.token[cell] = -1;
  }

  /** What a cell holds after `step`: `{from, to, token, confidence}`, or null while it is masked. */
  held(cell, step) {
    return this.spells[cell]?.findLast((spell) => spell.from <= step && step < spell.to) ?? null;
  }

  commits(step, k) {
    return step.reason === undefined || this.reasons[step.reason[k]].committed === true;
  }

  isBlocked(code) {
    return code === "blocked_by_high" || code === "blocked_by_pick";
  }

  isEnd(id) {
    return this.endIds.has(id);
  }

  /** Text of a token id; an id without a piece is shown by its number. */
  text(id) {
    return Object.hasOwn(this.pieces, id) ? this.pieces[id] : `[${id}]`;
  }

  /** The record of step `step`, or null before the first. */
  at(step) {
    return step > 0 ? this.steps[step - 1] : null;
  }

  /** The block being filled at `step`; the first block before the first step. */
  blockAt(step) {
    const record = this.steps[Math.max(step, 1) - 1];
    return record ? (this.blocks[record.block] ?? null) : null;
  }

  isOpened(block, step) {
    return block !== null && block !== undefined && step > 0 && block.step <= step;
  }

  /** State, shown token (id, or -1) and confidence (NaN while masked) of each generated position after `step`. */
  canvasAt(step) {
    const states = new Array(this.length).fill(STATE.far);
    const tokens = new Int32Array(this.length).fill(-1);
    const confidences = new Float64Array(this.length).fill(NaN);
    const current = step > 0 ? this.at(step).block : -1;
    for (let cell = 0; cell < this.length; cell++) {
      const held = this.held(cell, step);
      if (held) {
        states[cell] = held.from === step ? STATE.now : STATE.earlier;
        tokens[cell] = held.token;
        confidences[cell] = held.confidence;
      } else if (this.blockOf[cell] === current && step > 0) {
        states[cell] = STATE.open;
      }
    }
    this.markBlocked(step, states, tokens);
    return { states, tokens, confidences };
  }

  markBlocked(step, states, tokens) {
    const record = this.at(step);
    if (!record?.reason) return;
    record.reason.forEach((code, k) => {
      if (!this.isBlocked(code)) return;
      const cell = record.positions[k] - this.start;
      states[cell] = STATE.blocked;
      tokens[cell] = record.tokens[k];
    });
  }

  /** Whether more steps are to come. */
  get running() {
    return this.live && !this.stopped;
  }

  /** How many tokens of the response are decided: those before the first end token. */
  responseTokens() {
    const end = this.token.findIndex((id) => this.isEnd(id));
    return this.unmaskedAt.subarray(0, end < 0 ? this.length : end).reduce((sum, at) => sum + (at > 0), 0);
  }

  /** How many positions `step` unmasked. */
  unmaskedIn(step) {
    const record = this.at(step);
    if (!record) return 0;
    return record.positions.reduce((sum, _, k) => sum + this.commits(record, k), 0);
  }

  /** The step that opened the next (`direction` 1) or this or the previous block (-1). */
  blockJump(step, direction) {
    const openings = this.steps.filter((record, k) => k === 0 || record.block !== this.steps[k - 1].block);
    const steps = openings.map((record) => record.step);
    if (direction > 0) return steps.find((at) => at > step) ?? this.steps.length;
    return steps.findLast((at) => at < step) ?? 0;
  }

  /** The last evaluation of a position at or before `step`, else its first one, else null. */
  visit(position, step) {
    const visits = this.visits[position - this.start] ?? [];
    const found = visits.findLast((visit) => visit.step <= step) ?? visits[0];
    return found ? { ...found, record: this.at(found.step) } : null;
  }

  /** A position worth looking at first: one that had to wait, else the first one. */
  telling() {
    for (const step of this.steps) {
      const k = step.reason.findIndex((code) => this.isBlocked(code));
      if (k >= 0) return step.positions[k];
    }
    return this.length > 0 ? this.start : null;
  }

  /** First position of the trailing run of end tokens (`end` when there is none). */
  tail() {
    let cell = this.length;
    while (cell > 0 && this.isEnd(this.token[cell - 1])) cell--;
    return cell + this.start;
  }
}

/** A replay of a finished decode; throws an error with a one-line message on a malformed payload. */
export function fromPayload(payload) {
  check(payload);
  const replay = new Replay(payload);
  for (const block of payload.blocks) replay.addBlock(block);
  for (const step of payload.steps) replay.addStep(step);
  return replay;
}

/** A replay with no steps yet, to be filled by `append`. */
export function liveReplay(start) {
  const header = { prompt_length: start.prompt?.length, ...start.header, gen_length: start.gen_length };
  checkHeader({ ...start, header });
  const replay = new Replay({ ...start, header });
  replay.live = true;
  return replay;
}

/** Adds one live step. */
export function append(replay, delta) {
  checkDelta(delta, replay);
  Object.assign(replay.pieces, delta.pieces);
  if (!replay.blocks[delta.block.index]) {
    replay.addBlock({ ...delta.block, step: replay.steps.length + 1, curves: null, clamp: null });
  }
  const { block, positions, tokens, confidence, remasked, nfe, seconds } = delta;
  const step = { step: replay.steps.length + 1, block: block.index, positions, tokens, confidence, remasked, nfe, seconds };
  replay.addStep(step);
}
