"""What decodes cost, from their traces alone: forwards, positions, and how full the steps are."""

from collections.abc import Mapping

import pandas as pd

from depcap.trace import Trace


def efficiency(traces: Mapping[str, Trace]) -> pd.DataFrame:
    """One row per trace: its cost, and how its steps were used.

    `tokens` are those before the first end token; `tokens per forward` counts these alone. `one-token steps`
    is the share of steps that unmasked a single position, `first step` the share of a block's positions that
    its first forward decided already.
    """
    return pd.DataFrame(_row(name, trace) for name, trace in traces.items())


def per_step(trace: Trace) -> pd.DataFrame:
    """One row per step: its block, and how many positions were unmasked and computed."""
    rows = trace.rows()
    return pd.DataFrame(
        {
            "step": [row["step"] for row in rows], "block": [row["block"] for row in rows],
            "unmasked": [len(row["committed"]) for row in rows],
            "computed": [row["computed"] for row in rows], "seconds": [row["seconds"] for row in rows],
        }
    )  # fmt: skip


def _row(name: str, trace: Trace) -> dict[str, object]:
    header, rows = trace.header, trace.rows()
    tokens = header.response_length
    opened = [row for row in rows if row["opened"]]
    covered = sum(row["end"] - row["start"] for row in opened)
    return {
        "decode": name, "method": header.method, "cache": header.cache, "NFE": header.nfe, "tokens": tokens,
        "tokens per forward": tokens / header.nfe, "blocks": len(header.block_sizes),
        "positions computed": sum(row["computed"] for row in rows),
        "one-token steps": sum(len(row["committed"]) == 1 for row in rows) / len(rows),
        "first step": sum(len(row["committed"]) for row in opened) / max(covered, 1),
        "seconds": header.seconds,
    }  # fmt: skip
