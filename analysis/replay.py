"""Rebuild what the decoder saw from a trace alone."""

from collections.abc import Iterator
from itertools import islice

from depcap.errors import DepcapError
from depcap.trace import Trace


def canvases(trace: Trace) -> Iterator[list[int]]:
    """The full canvas, prompt included, before the first step and after each.

    Length `prompt + gen_length`; undecided positions hold the mask id. One list, which goes on changing.
    """
    header = trace.header
    canvas = header.prompt_ids + [header.mask_id] * header.gen_length
    yield canvas
    for row in trace.steps.select(["committed", "committed_tokens", "remasked"]).to_pylist():
        for position, token in zip(row["committed"], row["committed_tokens"], strict=True):
            canvas[position] = token
        for position in row["remasked"]:
            canvas[position] = header.mask_id
        yield canvas


def canvas_at(trace: Trace, step: int) -> list[int]:
    """The canvas after a step; step 0 is the canvas before anything was unmasked."""
    if not 0 <= step <= trace.steps.num_rows:
        raise DepcapError(f"step {step} is outside the trace (0 to {trace.steps.num_rows})")
    return next(islice(canvases(trace), step, None))


def masked_again(canvas: list[int], begin: int, end: int, mask_id: int) -> list[int]:
    """A canvas with a span of it undecided."""
    return [*canvas[:begin], *[mask_id] * (end - begin), *canvas[end:]]
