"""From a trace to the viewer's payload, one JSON document (docs/viewer.md)."""

import json
import math
from functools import cache
from typing import Any

from analysis import figures
from depcap.errors import DepcapError
from depcap.reasons import REASONS
from depcap.trace import CURVES, Trace, json_params

PAYLOAD_SCHEMA = 1
DIGITS = 5
HEADER_FIELDS = (
    "model", "method", "cache", "params", "gen_length", "nfe", "seconds", "tokens_per_second", "text", "stop",
    "seed", "temperature",
)  # fmt: skip

Row = dict[str, Any]


def payload(trace: Trace) -> dict[str, Any]:
    """Everything the viewer shows of one decode; needs a trace of level `scores` or `distributions`."""
    header = trace.header
    if header.level == "decisions":
        raise DepcapError("the viewer needs a trace of level scores or distributions, not decisions")
    rows = trace.rows()
    start = len(header.prompt_ids)
    summary = {name: getattr(header, name) for name in HEADER_FIELDS} | {"prompt_length": start}
    summary["params"] = json_params(header.params)
    return {
        "schema": PAYLOAD_SCHEMA,
        "header": summary,
        "pieces": {str(token): piece for token, piece in header.pieces.items()},
        "prompt": header.prompt_ids,
        "mask_id": header.mask_id,
        "end_id": header.end_ids[0],
        "end_ids": header.end_ids,
        "blocks": [_block(row) for row in rows if row["opened"]],
        "steps": [_step(row) for row in rows],
        "reasons": {name: reason._asdict() for name, reason in REASONS.items()},
        "figures": _figures(),
    }


@cache
def _figures() -> dict[str, Any]:
    """The chart specs, empty: the viewer fills them from `blocks` and `steps`."""
    made = {
        "boundary": figures.boundary(),
        "conflicts": figures.conflicts(),
        "timeline": figures.timeline(),
    }
    return {name: json.loads(figure.to_json()) | {"config": figures.CONFIG} for name, figure in made.items()}


def _block(row: Row) -> dict[str, Any]:
    scored = row["score"] is not None
    return {
        "index": row["block"], "start": row["start"], "end": row["end"], "step": row["step"],
        "clamp": row["clamp"], "wanted": row["wanted"],
        "curves": {name: _rounded(row[name]) for name in CURVES} if scored else None,
    }  # fmt: skip


def _step(row: Row) -> dict[str, Any]:
    tops = row["top_ids"] or [[] for _ in row["positions"]]
    scores = row["top_log_probs"] or tops
    return {
        "step": row["step"], "block": row["block"], "nfe": row["step"], "seconds": round(row["seconds"], 6),
        "computed": row["computed"], "positions": row["positions"], "tokens": row["tokens"],
        "confidence": _rounded(row["confidence"]), "reason": row["reason"], "cause": row["cause"],
        "round": row["round"], "remasked": row["remasked"],
        "top": [
            [[token, round(math.exp(score), DIGITS)] for token, score in zip(ids, log_probs, strict=True)]
            for ids, log_probs in zip(tops, scores, strict=True)
        ],
        "edges": [[edge["i"], edge["j"], round(edge["d"], 3)] for edge in row["edges"] or []],
    }  # fmt: skip


def _rounded(values: list[float]) -> list[float | None]:
    """Five significant digits: what a chart can show, in half the bytes. JSON has no infinities: null."""
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in values]
