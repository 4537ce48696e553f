"""The additivity of last-block influence, as a study.

Every opening of a recorded decode is measured; the blocks that the decoder itself chose, from left to right,
carry the verdict, and everything else says where it holds.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis import charts, checks
from analysis.additivity import reach
from analysis.agreement import (
    LEAST,
    RATIO,
    agreement,
    beyond_sampling,
    bounded_gap,
    decomposition,
    moved,
    noise,
    ratio_of_sums,
    slope_through_origin,
    unseen,
    whole,
)
from analysis.blocks import CHOSEN, LEFT_TO_RIGHT, Plan, measure
from analysis.charts import Band, Points
from analysis.hints import ADDITIVITY
from analysis.openings import LAST, openings
from analysis.rows import Row
from analysis.statistics import Interval, clustered_all
from analysis.strata import flat, strata, summary
from analysis.study import Decode, Finding, Study
from analysis.verdict import verdict
from depcap.models.loading import Model

PARTS = ("J - A'", "A' - A", "J - A")
LEAST_BLOCKS = 3
TERMS = (
    "J is the joint influence of the last block on a candidate block, in nats; A the sum of its influences on"
    " the block's tokens; A' the same sum with the marginals of the joint distributions that J is of. J − A'"
    " is what dependence between the tokens does, A' − A how far the model's one-shot marginals are from"
    " those of its own joint. Intervals are 95 %, prompts resampled whole. How it is measured:"
    " docs/additivity.md."
)


def study(plan: Plan) -> Study:
    """The study with a plan of what to measure; K is the decoder's own where it has one."""

    def blocks(model: Model, decode: Decode) -> list[Row]:
        top = decode.trace.header.params.get("top_k")
        asked = replace(plan, top=top) if isinstance(top, int) else plan
        return [
            row
            for opening in openings(decode.trace)
            for row in measure(model.denoiser, opening, asked, decode.seed + opening.index)
        ]

    question = "Is last-block influence additive across the tokens of a candidate block?"
    return Study("additivity", question, blocks, conclude, asdict(plan), terms=TERMS, hints=ADDITIVITY)


def conclude(rows: pd.DataFrame) -> Finding:
    """The verdict on the decoder's own blocks, from left to right, and where it holds."""
    last = rows[rows.masked_again == LAST]
    chosen = last[(last.candidates == CHOSEN) & (last.order == LEFT_TO_RIGHT)]
    own, real = moved(whole(chosen)), moved(whole(last))
    found, left_out = agreement(own), {"Blocks left out": checks.left_out(chosen)}
    marks = {"in_verdict": pd.Series(rows.index.isin(own.index), rows.index)}
    if len(own) < LEAST_BLOCKS:
        return Finding(verdict(own, found), left_out, marks=marks)
    kinds, parts, places = strata(own), _parts(real), by_place(real)
    fixed = summary(
        real[(real.order == LEFT_TO_RIGHT) & (real.candidates != CHOSEN)], ("candidates",), (RATIO,)
    )
    tables = {
        "J against A": statistics_table(own, found),
        **left_out,
        "By size and order": summary(real, ("candidates", "order")),
        "Parts of the gap": parts,
        "By stratum": kinds,
        "By place in the block": places,
        "Between orders": checks.between_orders(real),
        "Along the decoded tokens": checks.along_decoded(real),
        "Compared with": checks.baselines(rows, own),
        "Drawn instead of masked": checks.drawn(real),
        "Top-K influence": checks.truncation(real),
    }
    return Finding(verdict(own, found, fixed), tables, _figures(own, places, parts, kinds), marks)


def statistics_table(blocks: pd.DataFrame, found: dict[str, Interval]) -> pd.DataFrame:
    """Every statistic with its interval, one a line, and what noise does to them."""
    rows: list[Row] = []
    for name, interval in found.items():
        low, high = interval.bounds
        rows.append({"statistic": name, "value": interval.value, "low": low, "high": high})
    floor = {
        "noise of the numbers, nats, median": blocks["null"].median(),
        "noise of the numbers, nats, largest": blocks["null"].max(),
    }
    known = {**noise(blocks), **floor}.items()
    return pd.DataFrame([*rows, *({"statistic": name, "value": value} for name, value in known)])


def _parts(blocks: pd.DataFrame) -> pd.DataFrame:
    """The mean parts of J - A, by size and order."""
    rows = []
    for (candidates, order), group in blocks.groupby(["candidates", "order"], sort=False):
        row: Row = {"candidates": candidates, "order": order, "blocks": len(group)}
        known = {"error known": int(group["standard_error"].notna().sum())}
        rows.append(row | flat(decomposition(group)) | known | flat(beyond_sampling(group)))
    return pd.DataFrame(rows)


def by_place(real: pd.DataFrame) -> pd.DataFrame:
    """Sums over blocks at the k-th candidate from left to right, and of all up to it.

    All blocks are of one size, so that no k has other blocks than the next: the largest fixed size that at
    least half of the openings have room for.
    """
    fixed = real[(real.order == LEFT_TO_RIGHT) & (real.candidates != CHOSEN)]
    counted = fixed.groupby("size").size()
    if counted.empty:
        return pd.DataFrame(columns=["k"])
    size = int(counted[counted >= counted.max() / 2].index.max())
    same = fixed[fixed["size"] == size]
    joint, additive = (
        np.stack(same[f"{name}_curve"].map(np.asarray).tolist()) for name in ("joint", "additive")
    )
    up_to = joint.cumsum(axis=1), additive.cumsum(axis=1)
    ratio = up_to[0] / np.maximum(up_to[1], LEAST)
    low, middle, high = np.quantile(ratio, (0.25, 0.5, 0.75), axis=0)
    table = pd.DataFrame(
        {
            "k": np.arange(1, size + 1), "blocks": len(same), "J at k": joint.mean(axis=0),
            "A at k": additive.mean(axis=0), "J up to k": up_to[0].mean(axis=0),
            "A up to k": up_to[1].mean(axis=0), "median J / A up to k": middle, "quarter": low,
            "three quarters": high,
        }
    )  # fmt: skip
    for name, statistic in ((RATIO, ratio_of_sums), ("slope", slope_through_origin)):
        every = {f"{k}": partial(_at, statistic, k) for k in range(size)}
        found = clustered_all(every, up_to, same["prompt"]).values()
        table = table.join(pd.DataFrame([flat({f"{name} up to k": interval}) for interval in found]))
    return table


def _at(
    statistic: Callable[..., float], k: int, joint: NDArray[np.float64], additive: NDArray[np.float64]
) -> float:
    """A statistic of what is there up to the k-th candidate."""
    return statistic(joint[:, k], additive[:, k])


def point_figures(blocks: pd.DataFrame) -> dict[str, go.Figure]:
    """J against A, and the relative gap, a point per block."""
    groups, gaps = {}, {}
    for task, rows in blocks.groupby("task", sort=False):
        names = [f"{row.decode}, block {row.block}" for row in rows.itertuples()]
        errors = reach(rows.standard_error, rows.histories)
        groups[str(task)] = Points(rows.additive, rows.joint, errors, names, unseen(rows))
        gaps[str(task)] = bounded_gap(rows.joint, rows.additive)
    return {
        "Joint influence against the sum": charts.scatter(groups, "A, nats", "J, nats", identity=True),
        "Relative gap": charts.histogram(gaps, "(J − A) / max(J, A)", 0.05),
    }


def _figures(
    own: pd.DataFrame, places: pd.DataFrame, parts: pd.DataFrame, kinds: pd.DataFrame
) -> dict[str, go.Figure]:
    ltr = parts[parts.order == LEFT_TO_RIGHT]
    made = point_figures(own)
    if len(places):
        sums = {name: Band(places["k"], *[places[f"{name} up to k"]] * 3) for name in ("J", "A")}
        made["Cumulative influence"] = charts.bands(sums, "candidates, from left to right", "nats, mean")
        shown = {
            "sum J / sum A, 95 % interval": [f"{RATIO} up to k{end}" for end in ("", ", low", ", high")],
            "median J / A, and quartiles": ["median J / A up to k", "quarter", "three quarters"],
        }
        curves = {name: Band(places["k"], *(places[end] for end in ends)) for name, ends in shown.items()}
        made["Cumulative ratio"] = charts.bands(curves, "candidates, from left to right", "J / A", 1.0)
    made["What the gap is made of"] = charts.bars(
        ltr["candidates"], {name: ltr[name] for name in PARTS}, "candidates, from left to right", "nats"
    )
    labels = (kinds["kind"] + ": " + kinds["stratum"].astype(str)).tolist()
    ends = kinds[f"{RATIO}, low"], kinds[f"{RATIO}, high"]
    made["Where it holds"] = charts.intervals(labels, kinds[RATIO], *ends, RATIO, 1.0)
    return made
