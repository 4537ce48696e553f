// Tables with intervals: a value and its bounds in one cell, as reports have them.

import { number } from "./dom.js";

/**
 * The columns and rows of a table with bounds beside what they are of: 0.5 (0.4 to 0.6).
 * Those of `x` are `x, low` and, right behind it, `x, high`; or `low` and `high` behind x itself.
 */
export function folded(columns, rows) {
  const lows = [...columns.keys()].filter((k) => columns[k] === "low" || columns[k].endsWith(", low"));
  const of = (k) => (columns[k] === "low" ? k - 1 : columns.indexOf(columns[k].slice(0, -", low".length)));
  const bounds = new Map(lows.map((k) => [of(k), k]));
  const kept = [...columns.keys()].filter((k) => !lows.includes(k) && !lows.includes(k - 1));
  const cell = (row, k) => {
    const [low, high] = bounds.has(k) ? row.slice(bounds.get(k), bounds.get(k) + 2) : [null, null];
    if ([row[k], low, high].includes(null)) return row[k];
    return `${number(row[k])} (${number(low)} to ${number(high)})`;
  };
  return [kept.map((k) => columns[k]), rows.map((row) => kept.map((k) => cell(row, k)))];
}
