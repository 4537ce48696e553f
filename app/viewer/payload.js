// Is this a payload the viewer can draw? The first thing wrong is reported in one line.

export const SCHEMA = 1;
const STEP_ARRAYS = ["positions", "tokens", "confidence", "reason", "cause", "round"];
const WHOLE = ["positions", "tokens", "cause", "round"];
const MAX_LENGTH = 16384;

class PayloadError extends Error {}

function must(condition, message) {
  if (!condition) throw new PayloadError(message);
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isCount = (value) => Number.isInteger(value) && value >= 0;

/** Throws an error with a one-line message unless `payload` has the documented shape. */
export function check(payload) {
  must(isObject(payload), "it is not a trace document");
  must(isCount(payload.schema), "it has no schema number");
  must(
    payload.schema <= SCHEMA,
    `it uses schema ${payload.schema}, and this viewer reads schema ${SCHEMA}; please update the viewer`,
  );
  checkHeader(payload);
  must(Array.isArray(payload.blocks), "blocks are missing");
  must(Array.isArray(payload.steps), "steps are missing");
  must(isObject(payload.reasons), "reasons are missing");
  const range = [payload.header.prompt_length, payload.header.prompt_length + payload.header.gen_length];
  const blocks = new Set();
  payload.blocks.forEach((block, index) => blocks.add(checkBlock(block, index, range)));
  payload.steps.forEach((step, index) => checkStep(step, index, { range, blocks, reasons: payload.reasons }));
}

/** The shape shared by a payload and the start of a live decode. */
export function checkHeader({ header, pieces, prompt }) {
  must(isObject(header), "the header is missing");
  must(isCount(header.gen_length) && header.gen_length <= MAX_LENGTH, "header.gen_length is not a usable number");
  must(isCount(header.prompt_length), "header.prompt_length is not a number");
  must(isObject(pieces), "pieces are missing");
  must(Object.values(pieces).every((text) => typeof text === "string"), "a piece is not text");
  must(Array.isArray(prompt) && prompt.every(Number.isInteger), "the prompt is not a list of token ids");
}

function checkBlock(block, index, [first, last]) {
  const name = `block ${index}`;
  must(isObject(block) && block.index === index, `${name}: blocks do not count 0, 1, 2, …`);
  must(isCount(block.start) && isCount(block.end) && block.start < block.end, `${name}: its span is empty`);
  must(first <= block.start && block.end <= last, `${name}: it lies outside the generated positions`);
  if (block.curves === null || block.curves === undefined) return block.index;
  const curves = Object.entries(block.curves);
  const length = curves[0]?.[1]?.length;
  for (const [curve, values] of curves) {
    must(Array.isArray(values) && values.length === length, `${name}: its curves differ in length`);
    must(values.every((value) => value === null || Number.isFinite(value)), `${name}: ${curve} has a non-number`);
  }
  return block.index;
}

function checkStep(step, index, { range: [first, last], blocks, reasons }) {
  const name = `step ${index + 1}`;
  must(isObject(step) && step.step === index + 1, `${name}: steps do not count 1, 2, 3, …`);
  must(blocks.has(step.block), `${name}: it names an unknown block`);
  for (const field of STEP_ARRAYS) checkArray(step, field, name);
  must(step.positions.every((at) => first <= at && at < last), `${name}: a position lies outside the canvas`);
  must(step.confidence.every((value) => value >= 0 && value <= 1.001), `${name}: confidence is not a probability`);
  must(step.reason.every((code) => Object.hasOwn(reasons, code)), `${name}: it names an unknown reason`);
  checkTop(step, name);
  const isInside = (at) => Number.isInteger(at) && first <= at && at < last;
  must((step.remasked ?? []).every(isInside), `${name}: a remasked position lies outside the canvas`);
  const edges = step.edges ?? [];
  const isEdge = (edge) => Array.isArray(edge) && edge.length === 3 && edge.every(Number.isFinite);
  must(Array.isArray(edges) && edges.every(isEdge), `${name}: an edge is not [i, j, D]`);
}

function checkArray(step, field, name) {
  const values = step[field];
  must(Array.isArray(values), `${name}: ${field} is missing`);
  must(
    values.length === step.positions.length,
    `${name}: ${field} has ${values.length} entries, positions has ${step.positions.length}`,
  );
  if (field === "reason") return;
  const isGood = WHOLE.includes(field) ? Number.isInteger : Number.isFinite;
  must(values.every(isGood), `${name}: ${field} has a non-number`);
}

function checkTop(step, name) {
  if (step.top === undefined || step.top.length === 0) return;
  must(step.top.length === step.positions.length, `${name}: top and positions differ in length`);
  const isPair = (pair) => Array.isArray(pair) && Number.isInteger(pair[0]) && Number.isFinite(pair[1]);
  must(step.top.every((list) => Array.isArray(list) && list.every(isPair)), `${name}: top is not [id, probability]`);
}

/** The same for what a live decode sends per step. */
export function checkDelta(delta, { start, length }) {
  must(isObject(delta) && Array.isArray(delta.positions), "a live step has no positions");
  for (const field of ["tokens", "confidence"]) checkArray(delta, field, `step ${delta.step}`);
  const isInside = (at) => start <= at && at < start + length;
  must(delta.positions.every(isInside), `step ${delta.step}: a position lies outside the canvas`);
  must((delta.remasked ?? []).every(isInside), `step ${delta.step}: a remasked position lies outside the canvas`);
  must(isObject(delta.block) && isCount(delta.block.index), `step ${delta.step}: it has no block`);
}
