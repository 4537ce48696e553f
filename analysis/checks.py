"""What could mislead about additivity, as tables: what is left out, orders, histories, worlds, Q's masks."""

from collections.abc import Callable
from itertools import combinations, product

import numpy as np
import pandas as pd

from analysis.agreement import (
    FLOOR,
    MEDIAN_DEVIATION,
    RATIO,
    compare,
    moved,
    ratio_of_sums,
    spearman,
    whole,
)
from analysis.blocks import LEFT_TO_RIGHT
from analysis.openings import LAST
from analysis.rows import Row
from analysis.statistics import clustered_all
from analysis.strata import flat, holm, summary

BRIEF = ("sum J / sum A", "Spearman")
BLOCK = ["decode", "block"]
"""What names a block."""
SHUFFLES = 1_000


def left_out(own: pd.DataFrame) -> pd.DataFrame:
    """The decoder's own blocks by what the verdict leaves out, and what it would be with other rules."""
    kept = whole(own)
    rules = {
        "all blocks": own, "cut short by the end or the largest size": own[own["cut"].astype(bool)],
        "of one candidate": own[own["size"] == 1], "not moved": kept.drop(moved(kept).index),
        "the verdict's blocks": moved(kept), "with those cut short": moved(own[own["size"] > 1]),
        "with those not moved": kept, "moved by ten times as much": moved(kept, 10 * FLOOR),
    }  # fmt: skip
    return summary(pd.concat(blocks.assign(rule=name) for name, blocks in rules.items()), ("rule",))


def between_orders(real: pd.DataFrame) -> pd.DataFrame:
    """The same block in two orders: how J differs, with intervals over prompts; `p` is of no difference.

    `noise floor` is the noise of the numbers, as a share of J: less than that tells nothing.
    """
    rows, ps = [], list[float | None]()
    pairs = combinations(real["order"].unique(), 2)
    for (first, second), name in product(pairs, real["candidates"].unique()):
        one, other = (real[(real.order == order) & (real.candidates == name)] for order in (first, second))
        both = one.merge(other, on=BLOCK, suffixes=("", " 2"))
        larger = both[["joint", "joint 2"]].max(axis=1)
        off = (both["joint 2"] - both["joint"]).abs() / larger
        error = np.hypot(both["standard_error"], both["standard_error 2"])
        rows.append(
            {
                "orders": f"{second} / {first}", "candidates": name, "blocks": len(both),
                "median |difference|": off.median(),
                "of noise": MEDIAN_DEVIATION * float((error / larger).median()),
                "noise floor": (both["null"] / larger).median(),
                "median |ln P difference|": (both["decoded_log_p 2"] - both["decoded_log_p"]).abs().median(),
                **_beside(both, "joint 2", "joint", "ratio of sums"),
            }
        )  # fmt: skip
        sums = compare(both["joint 2"], both["joint"], both["prompt"], (RATIO,))
        ps.append(sums[RATIO].p)
    table = pd.DataFrame(rows)
    return table.assign(**{"p, Holm": holm(ps)}) if rows else table


def along_decoded(real: pd.DataFrame) -> pd.DataFrame:
    """J along the tokens that the decoder wrote, beside J over all that it might have written there."""
    rows = []
    for (candidates, order), group in real.groupby(["candidates", "order"], sort=False):
        named = _beside(group, "decoded_joint", "joint", "sum along / sum J")
        low, middle, high = group["decoded_log_p"].quantile((0.25, 0.5, 0.75))
        rows.append(
            {
                "candidates": candidates, "order": order, "blocks": len(group), **named,
                "median ln P": middle, "quarter": low, "three quarters": high,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def baselines(rows: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """The verdict's blocks beside worlds that differ in something else than the last block's being there."""
    found: list[Row] = []
    for what in [name for name in rows["masked_again"].unique() if name != LAST]:
        both = own.merge(rows[rows.masked_again == what], on=BLOCK, suffixes=("", " other"))
        columns = [both[name] for name in ("joint other", "additive other", "joint", "additive")]
        ratios = clustered_all(RATIOS, columns, both["prompt"]) if len(both) > 2 else {}
        found.append(
            {
                "masked again": what, "blocks": len(both), "mean J": both["joint other"].mean(),
                "mean A": both["additive other"].mean(), "mean J, last block": both["joint"].mean(),
                "mean A, last block": both["additive"].mean(), **flat(ratios),
            }
        )  # fmt: skip
    return pd.DataFrame([*found, _shuffled(own)])


RATIOS: dict[str, Callable[..., float]] = {
    "sum J / sum A": lambda joint, additive, *_: ratio_of_sums(joint, additive),
    "of the last block": lambda _joint, _additive, *own: ratio_of_sums(*own),
    "difference": lambda joint, additive, *own: ratio_of_sums(joint, additive) - ratio_of_sums(*own),
    "Spearman": lambda joint, additive, *_: spearman(joint, additive),
    "Spearman of the last block": lambda _joint, _additive, *own: spearman(*own),
}


def _shuffled(own: pd.DataFrame) -> Row:
    """Spearman of J with the A of other blocks of that task and about that size, drawn many times.

    Any two sums over the same tokens grow with their number: this is what there would be without any other
    connection. Sizes that are the same to the nearest power of √2 are dealt together; a block that is alone
    there keeps its A, and `dealt` counts the others.
    """
    about = (2 * np.log2(own["size"])).round()
    draw, kinds = np.random.default_rng(0), own.groupby(["task", about], sort=False).indices.values()
    joint, additive = own["joint"].to_numpy(), own["additive"].to_numpy()
    found = []
    for _ in range(SHUFFLES):
        dealt = additive.copy()
        for places in kinds:
            dealt[places] = draw.permutation(additive[places])
        found.append(spearman(joint, dealt))
    low, middle, high = np.quantile(found, (0.025, 0.5, 0.975))
    return {
        "masked again": "last block; A of other blocks of that size", "blocks": len(own),
        "dealt": sum(len(places) for places in kinds if len(places) > 1),
        "Spearman": middle, "Spearman, low": low, "Spearman, high": high,
    }  # fmt: skip


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
