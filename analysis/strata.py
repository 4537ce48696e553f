"""How well A stands for J, in one kind of block and in another."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.agreement import GAP, LEAST, RATIO, agreement, moved, unseen
from analysis.statistics import Interval

DISTANCES = {"1–8": slice(0, 8), "9–16": slice(8, 16), "17–32": slice(16, 32), "33–": slice(32, None)}
"""Places after the last block."""
LEVEL = 0.05
"""What a corrected p must be below for a verdict to name what it is of."""
SHOWN = (RATIO, "median J / A", GAP, "Spearman")


def summary(blocks: pd.DataFrame, by: Sequence[str], statistics: Sequence[str] = SHOWN) -> pd.DataFrame:
    """A row per group of blocks: how many, and every statistic with its interval over prompts."""
    rows = []
    for key, group in blocks.groupby(list(by), sort=False, observed=True):
        found = agreement(group, statistics)
        rows.append({**dict(zip(by, key, strict=True)), **counts(group), **flat(found)})
    return pd.DataFrame(rows)


def counts(blocks: pd.DataFrame) -> dict[str, float]:
    """How many blocks of how many prompts, how sure J is in the middle one of those whose error is known."""
    error = (blocks["standard_error"] / blocks["joint"].clip(lower=LEAST)).median()
    return {
        "blocks": len(blocks), "prompts": blocks["prompt"].nunique(), "median SE(J) / J": float(error),
        "all histories equal": float(unseen(blocks).mean()),
    }  # fmt: skip


def flat(found: dict[str, Interval]) -> dict[str, float]:
    """Statistics as columns: value, and both ends of the interval."""
    columns: dict[str, float] = {}
    for name, interval in found.items():
        low, high = interval.bounds
        columns |= {name: interval.value, f"{name}, low": low, f"{name}, high": high}
    return columns


def strata(blocks: pd.DataFrame) -> pd.DataFrame:
    """One row per stratum of every kind; `p` is that of sum J / sum A being 1, after Holm's correction."""
    rows, ps = [], []
    for kind, label, group in _groups(blocks):
        found = agreement(group, SHOWN)
        rows.append({"kind": kind, "stratum": label, **counts(group), **flat(found)})
        ps.append(found[SHOWN[0]].p)
    table = pd.DataFrame(rows)
    table["p, Holm"] = holm(ps)
    return table


def _groups(blocks: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Kind, label and blocks of every stratum; by distance a block counts with its part there, if moved."""
    for kind, labels in _kinds(blocks):
        for label, group in blocks.groupby(labels, observed=True):
            yield kind, str(label), group
    for label, there in DISTANCES.items():
        reaching = blocks[blocks["size"] > there.start]
        parts = {
            name: [float(np.sum(curve[there])) for curve in reaching[f"{name}_curve"]]
            for name in ("joint", "additive")
        }
        if len(there_moved := moved(reaching.assign(**parts, standard_error=np.nan))):
            yield "distance", label, there_moved


def _kinds(blocks: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """What sorts blocks, and the label of each."""
    yield "task", blocks["task"]
    index = blocks["block"].clip(upper=4)
    yield "block", index.map(lambda number: f"{number} or later" if number == 4 else str(number))
    yield "size", pd.cut(blocks["size"], [0, 8, 16, 32, np.inf], labels=["1–8", "9–16", "17–32", "33–"])
    thirds = pd.qcut(blocks["entropy"].rank(method="first"), 3, labels=["1 low", "2 middle", "3 high"])
    yield "mean entropy", thirds
    yield "confidence", blocks["confident"].map({True: "all confident", False: "not all confident"})


def holm(ps: Sequence[float | None]) -> list[float]:
    """Holm's correction of p-values, in the order given; NaN where there was none."""
    known = sorted((p, place) for place, p in enumerate(ps) if p is not None and not np.isnan(p))
    corrected, worst = [np.nan] * len(ps), 0.0
    for rank, (p, place) in enumerate(known):
        worst = max(worst, min(1.0, p * (len(known) - rank)))
        corrected[place] = worst
    return corrected


def corrected(ps: pd.Series) -> pd.Series:
    """Holm's correction of a column."""
    return pd.Series(holm(ps.astype(float).tolist()), ps.index)
