"""Rebuild what the decoder saw from a trace alone."""

from depcap.errors import DepcapError
from depcap.trace import Trace


def canvas_at(trace: Trace, step: int) -> list[int]:
    """The full canvas, prompt included, after a step; step 0 is the canvas before anything was unmasked.

    Length `prompt + gen_length`; undecided positions hold the mask id.
    """
    if not 0 <= step <= trace.steps.num_rows:
        raise DepcapError(f"step {step} is outside the trace (0 to {trace.steps.num_rows})")
    header = trace.header
    canvas = header.prompt_ids + [header.mask_id] * header.gen_length
    columns = trace.steps.select(["committed", "committed_tokens", "remasked"]).slice(0, step).to_pylist()
    for row in columns:
        for position, token in zip(row["committed"], row["committed_tokens"], strict=True):
            canvas[position] = token
        for position in row["remasked"]:
            canvas[position] = header.mask_id
    return canvas
