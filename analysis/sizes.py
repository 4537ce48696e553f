"""Whether signals make blocks of the same size at the same opening, and whether J would decide otherwise."""

import numpy as np
import pandas as pd

from analysis.rows import Row
from analysis.shares import percent, share
from analysis.signals import AGAIN, EXACT, JOINT, JOINT_REACH, NEAR, TRUNCATED
from analysis.statistics import clustered, mean
from analysis.strata import LEVEL, corrected, flat

AGREEMENT = {"same": 0, "within 1": 1, "within 4": 4}
ALL, FREE, WANTED = "in all", "where none is clamped", "before the limits"
"""What is compared: the sizes; those that no limit gave; what was wanted, at all openings again."""


def by_signal(opened: pd.DataFrame) -> pd.DataFrame:
    """How long each signal makes blocks, what it wanted, and the share that a limit or the row's end gave."""
    numbers = opened.astype({"size": float, "wanted": float, "clamped": float})
    found = numbers.groupby("signal", sort=False).agg(
        openings=("size", "size"), size=("size", "mean"), wanted=("wanted", "mean"),
        clamped=("clamped", "mean"),
    )  # fmt: skip
    return found.rename(columns={"size": "mean size", "wanted": "mean wanted"}).reset_index()


def agreement(opened: pd.DataFrame) -> pd.DataFrame:
    """Sizes at the same opening: every signal's beside exact A's and DepCap's own, J's beside A's on the same
    window, and J's beside J's.
    """
    signals = list(opened["signal"].unique())
    pairs = [(against, signal) for against in (EXACT, TRUNCATED) for signal in signals if signal != against]
    compared, rows = _compared(opened), list[Row]()
    for against, signal in [*pairs, (NEAR, JOINT), (JOINT, AGAIN)]:
        for what, sizes in compared.items():
            both = sizes[[signal, against]].dropna()
            off, prompts = (both[signal] - both[against]).abs(), _prompts(both)
            found = {name: share(off <= most, prompts) for name, most in AGREEMENT.items()}
            rows.append(
                {"signal": signal, "against": against, "of": what, "openings": len(both), **flat(found)}
            )
    return pd.DataFrame(rows)


def instead(opened: pd.DataFrame) -> pd.DataFrame:
    """How often J gives the size that A gives on the same window, beside how often J drawn again does.

    If A's size were the one that J's histories give most often, J would be as A at least as often as J drawn
    again is as J: a `difference` below zero is more than sampling makes.
    """
    rows: list[Row] = []
    for what, sizes in _compared(opened).items():
        known = sizes[[NEAR, JOINT, AGAIN]].dropna()
        as_a, as_again = (known[JOINT] == known[name] for name in (NEAR, AGAIN))
        prompts = _prompts(known)
        difference = clustered(mean, [as_a.astype(float) - as_again], prompts, 0.0)
        found = {
            "as A": share(as_a, prompts), "as J drawn again": share(as_again, prompts),
            "difference": difference,
        }  # fmt: skip
        rows.append({"of": what, "openings": len(known), **flat(found), "p": difference.p})
    table = pd.DataFrame(rows)
    return table.assign(**{"p, Holm": corrected(table["p"])})


def _compared(opened: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A row per opening and a column per signal, of whatever is compared; NaN where it does not count."""
    opening = ["prompt", "decode", "block"]
    size, wanted, clamped = (
        opened.pivot(index=opening, columns="signal", values=name) for name in ("size", "wanted", "clamped")
    )
    return {ALL: size, FREE: size.where(~clamped.astype(bool)), WANTED: wanted}


def _prompts(openings: pd.DataFrame) -> pd.Index:
    return openings.index.get_level_values("prompt")


def sentence(table: pd.DataFrame) -> str:
    """What `instead` says of the sizes that came out, for a verdict; the rest is for who reads the table."""
    row = table[table["of"] == ALL].iloc[0]
    return (
        f"With J in place of A (both of the first {JOINT_REACH} candidates) the size stays the same at"
        f" {percent(row, 'as A')} of {row['openings']} openings, with J drawn again at"
        f" {percent(row, 'as J drawn again')}: {_judged(row)}."
    )


def _judged(row: pd.Series) -> str:
    if np.isnan(row["difference, high"]):
        return "too few to tell"
    fewer = row["difference, high"] < 0 and row["p, Holm"] < LEVEL
    return "more than sampling changes" if fewer else "no change beyond sampling shows"
