"""What could mislead about additivity, as tables: orders, histories, worlds, and what stands for Q."""

from itertools import combinations

import numpy as np
import pandas as pd

from analysis.agreement import MEDIAN_DEVIATION, compare, determination, moved
from analysis.blocks import LEFT_TO_RIGHT
from analysis.openings import LAST
from analysis.strata import flat
from analysis.study import Row

BRIEF = ("sum J / sum A", "Spearman")


def between_orders(real: pd.DataFrame) -> pd.DataFrame:
    """The same block in two orders: how J differs, with intervals over prompts."""
    rows = []
    for first, second in combinations(real["order"].unique(), 2):
        one, other = (real[real.order == order] for order in (first, second))
        both = one.merge(other, on=["prompt", "block", "candidates"], suffixes=("", " 2"))
        off = (both["joint 2"] - both["joint"]).abs() / both[["joint", "joint 2"]].max(axis=1)
        error = np.hypot(both["standard_error"], both["standard_error 2"])
        rows.append(
            {
                "orders": f"{second} / {first}", "blocks": len(both), "median |difference|": off.median(),
                "of noise": MEDIAN_DEVIATION * float((error / both["joint"]).median()),
                "median |ln P difference|": (both["decoded_log_p 2"] - both["decoded_log_p"]).abs().median(),
                **_beside(both, "joint 2", "joint", "ratio of sums"),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def along_decoded(real: pd.DataFrame) -> pd.DataFrame:
    """J along the tokens that the decoder wrote, beside J over all that it might have written there."""
    rows = []
    for (candidates, order), group in real.groupby(["candidates", "order"], sort=False):
        named = _beside(group, "decoded_joint", "joint", "sum along / sum J")
        likelihood = group["decoded_log_p"].median()
        rows.append(
            {
                "candidates": candidates,
                "order": order,
                "blocks": len(group),
                **named,
                "median ln P": likelihood,
            }
        )
    return pd.DataFrame(rows)


def baselines(rows: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """The last block beside worlds in which the same could be seen without its doing, on the same blocks."""
    keys, found = ["prompt", "block", "candidates"], list[Row]()
    last = rows[(rows.masked_again == LAST) & (rows.order == LEFT_TO_RIGHT)]
    for what in [name for name in rows["masked_again"].unique() if name != LAST]:
        other = rows[rows.masked_again == what]
        both = moved(last.merge(other, on=keys, suffixes=("", " other")))
        shown = compare(both["joint other"], both["additive other"], both["prompt"], BRIEF)
        found.append(
            {
                "masked again": what, "blocks": len(both), "mean J": both["joint other"].mean(),
                "mean A": both["additive other"].mean(), "mean J, last block": both["joint"].mean(),
                "mean A, last block": both["additive"].mean(), **flat(shown),
            }
        )  # fmt: skip
    mixed = own["additive"].sample(frac=1, random_state=0).to_numpy(float)
    r2 = determination(own["joint"].to_numpy(float), mixed)
    return pd.DataFrame(
        [*found, {"masked again": "last block; A of other blocks", "blocks": len(own), "R²": r2}]
    )


def drawn(real: pd.DataFrame) -> pd.DataFrame:
    """A with last blocks drawn from the model in Q's place, beside A with masks, which stand for all of them.

    `half / all` tells how far the number of draws is from enough: it would be 1.
    """
    rows: list[Row] = []
    if "drawn_additive" not in real:
        return pd.DataFrame(columns=["candidates"])
    for name, group in real[real.order == LEFT_TO_RIGHT].groupby("candidates", sort=False):
        half = group["drawn_additive_half"].sum() / group["drawn_additive"].sum()
        rows.append(
            {
                "candidates": name, "blocks": len(group), "total variation": group["drawn_distance"].mean(),
                "of noise": group["drawn_noise"].mean(),
                **_beside(group, "drawn_additive", "additive", "sum A drawn / sum A"), "half / all": half,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def truncation(blocks: pd.DataFrame) -> pd.DataFrame:
    """DepCap's own estimate of A beside the exact one."""
    rows = []
    for name, group in blocks[blocks.order == LEFT_TO_RIGHT].groupby("candidates", sort=False):
        named = _beside(group, "truncated", "additive", "sum top-K / sum A")
        rows.append({"candidates": name, "blocks": len(group), **named})
    return pd.DataFrame(rows)


def _beside(blocks: pd.DataFrame, first: str, second: str, ratio: str) -> Row:
    """One column beside another, in a table's columns: `ratio` names that of their sums."""
    found = compare(blocks[first], blocks[second], blocks["prompt"], BRIEF)
    return {name.replace("sum J / sum A", ratio): value for name, value in flat(found).items()}
