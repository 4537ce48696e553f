"""Where blocks end in the text: with a line or a sentence, beside what their sizes alone would give."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.rows import Row
from analysis.signals import ENTROPY
from analysis.statistics import clustered, mean
from analysis.strata import corrected, flat
from depcap.trace import Trace

OPENING = ["decode", "block"]
NEAR = 1
"""A boundary this close to the end of a line or sentence is near it."""
LINES = {"arithmetic": "calculation step", "python": "line of code"}
"""What a line of a response is, by task; of other responses nothing is known."""
PROSE = ("arithmetic",)
"""Tasks with sentences: in code a full stop may be anything."""


def ends(trace: Trace, task: str | None) -> dict[str, list[int]]:
    """Positions right after the end of every unit of a response, up to the end token, by the unit's name."""
    header, lines, sentences = trace.header, list[int](), list[int]()
    tokens = header.tokens[: header.response_length]
    for place, token in enumerate(tokens, start=len(header.prompt_ids) + 1):
        piece = header.pieces[token]
        if "\n" in piece:
            lines.append(place)
        if "\n" in piece or piece.rstrip().endswith((".", "?", "!")):
            sentences.append(place)
    found = {LINES.get(task or "", "line"): lines}
    return found | {"sentence": sentences} if task in PROSE else found


def structure(opened: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """How often blocks end with a unit of the text, by task, unit and signal.

    All signals are held to the same `openings`, those of the task's at which each of them ends its block
    inside the response. `chance` is the share that would end so if a signal's sizes were dealt to the task's
    openings in any order, and `p` that of `beyond chance`, also after Holm's correction over the units;
    `beyond entropy only` compares with the signal that ignores the last block, in pairs.

    Args:
        opened: a row per opening and signal, with `start`, `size`, and the `room` up to the response's end.
        units: a row per decode and unit, with the `places` right after its ends.
    """
    opened = opened[["prompt", *OPENING, "task", "signal", "start", "size", "room"]]
    inside = (opened["size"] < opened["room"]).groupby([opened[name] for name in OPENING]).transform("all")
    rows = []
    for (task, unit), texts in units.groupby(["task", "unit"], sort=False):
        common = opened[inside & (opened["task"] == task)].merge(texts[["decode", "places"]], on="decode")
        there = opened.loc[opened["task"] == task, OPENING].drop_duplicates()
        keys = {"task": task, "unit": unit, "of openings": len(there)}
        rows += [keys | row for row in _by_signal(common)]
    if not rows:
        return pd.DataFrame(
            columns=["unit", "signal", *(f"beyond chance{end}" for end in ("", ", low", ", high"))]
        )
    table = pd.DataFrame(rows)
    return table.assign(**{"p, Holm": table.groupby("signal", sort=False)["p"].transform(corrected)})


def _by_signal(common: pd.DataFrame) -> list[Row]:
    """A row per signal, of one task and unit; every signal has a size at each of these openings."""
    if common.empty:
        return []
    groups = {signal: group.sort_values(OPENING) for signal, group in common.groupby("signal", sort=False)}
    at = groups[ENTROPY]
    offsets = np.arange(int(common["size"].max()) + 1)
    inside = offsets < at["room"].to_numpy(int)[:, None]
    far = np.stack([_distance(row.start + offsets, row.places) for row in at.itertuples()])
    sizes = {signal: group["size"].to_numpy(int) for signal, group in groups.items()}
    ended = {signal: _beside_chance(far == 0, inside, size) for signal, size in sizes.items()}
    near = {signal: _beside_chance(far <= NEAR, inside, size) for signal, size in sizes.items()}
    beyond = {signal: hits - chance for signal, (hits, chance) in ended.items()}
    rows = []
    for signal in sizes:
        found = {"beyond chance": clustered(mean, [beyond[signal]], at["prompt"], 0.0)}
        if signal != ENTROPY:
            difference = beyond[signal] - beyond[ENTROPY]
            found["beyond entropy only"] = clustered(mean, [difference], at["prompt"], 0.0)
        rows.append(
            {
                "signal": signal, "openings": len(at), "ends with it": ended[signal][0].mean(),
                "chance": ended[signal][1].mean(), **flat(found), "p": found["beyond chance"].p,
                f"within {NEAR}": near[signal][0].mean(), f"chance within {NEAR}": near[signal][1].mean(),
            }
        )  # fmt: skip
    return rows


def _distance(ends: NDArray[np.int64], places: list[int]) -> NDArray[np.float64]:
    """From each end of a block to the nearest end of a unit; infinite where the text has none."""
    return np.abs(ends[:, None] - np.asarray(places, dtype=float)).min(axis=1, initial=np.inf)


def _beside_chance(
    close: NDArray[np.bool_], inside: NDArray[np.bool_], sizes: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Whether each opening's block ends close, and the share of all the openings' sizes that would there.

    `close` and `inside` are known of every opening and size; sizes that would not end inside do not count.
    """
    dealt = np.bincount(sizes, minlength=close.shape[1])
    hits = close[np.arange(len(sizes)), sizes].astype(float)
    return hits, (close & inside) @ dealt / (inside @ dealt)
