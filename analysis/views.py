"""One recorded decode in figures: a block's boundary, a step's conflicts, a block's timeline."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from analysis import figures
from depcap.errors import DepcapError
from depcap.trace import Trace


def _rows(trace: Trace) -> list[dict[str, Any]]:
    if trace.header.level == "decisions":
        raise DepcapError("this trace holds decisions only: record it at level scores")
    return trace.rows()


def boundary(trace: Trace, block: int) -> go.Figure:
    """Influence, uncertainty and score where a block opened, and where it ends; needs a scored block."""
    row = next((row for row in _rows(trace) if row["opened"] and row["block"] == block), None)
    if row is None or row["score"] is None:
        raise DepcapError(f"block {block} has no score: it is the first one, or not DepCap's, or not there")
    positions = range(row["start"], row["start"] + len(row["score"]))
    weight = float(trace.header.params.get("lambda_u") or 0)  # type: ignore[arg-type]
    uncertainty = [weight * value for value in row["entropy_norm"]]
    return figures.boundary(list(positions), row["influence_norm"], uncertainty, row["score"], row["end"])


def conflicts(trace: Trace, step: int) -> go.Figure:
    """Candidates of a step and the conflicts between them, with the tokens that they propose."""
    if not 1 <= step <= trace.steps.num_rows:
        raise DepcapError(f"step {step} is outside the trace (1 to {trace.steps.num_rows})")
    row = _rows(trace)[step - 1]
    proposed = dict(zip(row["positions"], row["tokens"], strict=True))
    confidence = dict(zip(row["positions"], row["confidence"], strict=True))
    candidates, committed = row["candidates"] or [], set(row["committed"])
    edges = [(edge["i"], edge["j"], edge["d"]) for edge in row["edges"] or []]
    by_chosen = [[edge for edge in edges if len({*edge[:2]} & committed) == chosen] for chosen in range(3)]
    other, blocked, ignored = by_chosen
    sure = [confidence[place] for place in candidates]
    figure = figures.conflicts(candidates, sure, blocked, ignored, other)
    labels = [trace.header.pieces[proposed[place]].strip() or "␣" for place in candidates]
    figure.update_xaxes(tickvals=candidates, ticktext=labels, tickangle=0)
    if not ignored:
        figure.update_yaxes(range=[-0.15, 1.15])
    return figure


def timeline(trace: Trace, block: int) -> go.Figure:
    """Confidence at each position of a block, step by step, and when it was unmasked."""
    rows = [row for row in _rows(trace) if row["block"] == block]
    if not rows:
        raise DepcapError(f"block {block} is not in the trace")
    start, end = rows[0]["start"], rows[0]["end"]
    confidence, unmasked = np.full((len(rows), end - start), np.nan), [0] * (end - start)
    for number, row in enumerate(rows):
        confidence[number, np.array(row["positions"], dtype=int) - start] = row["confidence"]
        for place in row["committed"]:
            unmasked[place - start] = number + 1
    return figures.timeline(confidence, unmasked, start)
