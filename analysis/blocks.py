"""Where a decode opened its blocks, as pairs of worlds in which the last block's influence is measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np

from analysis.additivity import log_probs, sampled
from analysis.replay import canvas_at
from depcap.errors import DepcapError
from depcap.measures import entropy
from depcap.protocols import Denoiser
from depcap.trace import Trace

ORDERS = ("left-to-right", "confidence", "random")
CONFIDENT = 0.9
"""A candidate whose confidence is at least this counts as confident."""


@dataclass(frozen=True, slots=True)
class Opening:
    """One block of a decode that opened after another: the canvas then, and that with the last block masked.

    `start` is where the new block begins, `size` how long the decoder made it, `last` the span of the block
    before it, `end` one past the last position worth looking at: the row's end, or the end token.
    """

    index: int
    after: list[int]
    before: list[int]
    start: int
    size: int
    last: tuple[int, int]
    end: int


def openings(trace: Trace) -> list[Opening]:
    """All but the first block of a decode; nothing after the final response's end token."""
    rows, found = [row for row in trace.rows() if row["opened"]], []
    header = trace.header
    ends = [place for place, token in enumerate(header.tokens) if token in header.end_ids]
    end = len(header.prompt_ids) + (ends[0] + 1 if ends else len(header.tokens))
    for previous, row in pairwise(rows):
        if row["start"] >= end:
            break
        after = canvas_at(trace, row["step"] - 1)
        before = list(after)
        before[previous["start"] : row["start"]] = [header.mask_id] * (row["start"] - previous["start"])
        found.append(
            Opening(
                row["block"], after, before, row["start"], row["end"] - row["start"],
                (previous["start"], row["start"]), end,
            )
        )  # fmt: skip
    return found


def candidates(opening: Opening, size: int) -> list[int]:
    """The next positions, at most `size` and none beyond the end."""
    return list(range(opening.start, min(opening.start + size, opening.end)))


def ordered(kind: str, positions: list[int], confidence: np.ndarray, seed: int) -> list[int]:
    """The candidates in the order in which they are unmasked; `confidence` is theirs at the opening."""
    if kind == "left-to-right":
        return positions
    if kind == "confidence":
        return [positions[place] for place in np.argsort(-confidence, kind="stable")]
    if kind == "random":
        return Random(seed).sample(positions, len(positions))
    raise DepcapError(f"unknown order {kind!r} (known: {', '.join(ORDERS)})")


def measure(
    denoiser: Denoiser, opening: Opening, size: int, order: str, samples: int, seed: int, top: int = 64
) -> dict[str, Any]:
    """J, A and the parts of their gap for one candidate block, with what it can be sorted by."""
    positions = candidates(opening, size)
    now = log_probs(denoiser, [opening.after], positions)
    confidence = now[0].max(dim=1).values.exp().numpy()
    way = ordered(order, positions, confidence, seed)
    found = sampled(denoiser, opening.after, opening.before, way, samples, seed, top)
    return {
        "block": opening.index, "size": len(positions), "order": order, "chosen": opening.size,
        "last_size": opening.last[1] - opening.last[0], "joint": found.total, "additive": found.proxy,
        "truncated": float(found.truncated.sum()), "standard_error": found.standard_error,
        "correlation": found.correlation, "cross": found.cross, "inconsistency": found.inconsistency,
        "entropy": float(entropy(now).mean()), "confident": bool((confidence >= CONFIDENT).all()),
        "joint_curve": found.joint.tolist(), "additive_curve": found.additive.tolist(),
        "truncated_curve": found.truncated.tolist(), "positions": way,
    }  # fmt: skip


def grid(opening: Opening, sizes: tuple[int, ...], orders: tuple[str, ...]) -> Iterator[tuple[str, int, str]]:
    """What to measure at an opening: every fixed size that fits, and the decoder's own, in every order."""
    room = opening.end - opening.start
    named = [(str(size), size) for size in sizes if size <= room] + [("chosen", min(opening.size, room))]
    for name, size in named:
        for order in orders if size > 1 else orders[:1]:
            yield name, size, order
