"""The additivity of last-block influence, as a study.

Every opening of a recorded decode is measured; the blocks that the decoder itself chose, from left to right,
carry the verdict, and everything else says where it holds.
"""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy import stats

from analysis import charts, checks
from analysis.agreement import agreement, decomposition, moved, noise, verdict
from analysis.blocks import CHOSEN, LEFT_TO_RIGHT, Plan, measure
from analysis.charts import Band, Points
from analysis.openings import LAST, openings
from analysis.statistics import Interval
from analysis.strata import flat, strata, summary
from analysis.study import Decode, Finding, Row, Study
from depcap.models.loading import Model

PARTS = ("T", "X", "kappa", "J - A")
LEAST_BLOCKS = 3


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
    return Study("additivity", question, blocks, conclude, asdict(plan))


def main_blocks(rows: pd.DataFrame) -> pd.DataFrame:
    """The decoder's own blocks, from left to right, that the last block moved."""
    return moved(
        rows[(rows.candidates == CHOSEN) & (rows.order == LEFT_TO_RIGHT) & (rows.masked_again == LAST)]
    )


def conclude(rows: pd.DataFrame) -> Finding:
    """The verdict on the decoder's own blocks, and where it holds."""
    own, real = main_blocks(rows), moved(rows[rows.masked_again == LAST])
    found = agreement(own)
    if len(own) < LEAST_BLOCKS:
        return Finding(verdict(own, found), {"Blocks": own.drop(columns=["joint_curve", "additive_curve"])})
    kinds, parts, places = strata(own), _parts(real), by_place(real)
    tables = {
        "J against A": statistics_table(own, found),
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
    return Finding(verdict(own, found), tables, _figures(own, places, parts, kinds))


def statistics_table(blocks: pd.DataFrame, found: dict[str, Interval]) -> pd.DataFrame:
    """Every statistic with its interval, one a line, and what noise does to them."""
    rows: list[Row] = []
    for name, interval in found.items():
        low, high = interval.bounds
        rows.append({"statistic": name, "value": interval.value, "low": low, "high": high})
    return pd.DataFrame(
        [*rows, *({"statistic": name, "value": value} for name, value in noise(blocks).items())]
    )


def _parts(blocks: pd.DataFrame) -> pd.DataFrame:
    """The mean parts of J - A, by size and order."""
    rows = []
    for (candidates, order), group in blocks.groupby(["candidates", "order"], sort=False):
        row: Row = {"candidates": candidates, "order": order, "blocks": len(group)}
        for name, part in decomposition(group).items():
            row |= flat({name: part}) if isinstance(part, Interval) else {name: part}
        rows.append(row)
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
    ratio = up_to[0] / np.maximum(up_to[1], 1e-9)
    low, middle, high = np.quantile(ratio, (0.25, 0.5, 0.75), axis=0)
    return pd.DataFrame(
        {
            "k": np.arange(1, size + 1), "blocks": len(same), "J at k": joint.mean(axis=0),
            "A at k": additive.mean(axis=0), "J up to k": up_to[0].mean(axis=0),
            "A up to k": up_to[1].mean(axis=0),
            "sum J / sum A up to k": up_to[0].sum(axis=0) / np.maximum(up_to[1].sum(axis=0), 1e-9),
            "median J / A up to k": middle, "quarter": low, "three quarters": high,
        }
    )  # fmt: skip


def point_figures(blocks: pd.DataFrame) -> dict[str, go.Figure]:
    """J against A, and the relative gap, a point per block."""
    groups, gaps = {}, {}
    for task, rows in blocks.groupby("task", sort=False):
        names = [f"{row.prompt}, block {row.block}" for row in rows.itertuples()]
        reach = stats.t.ppf(0.975, (rows.histories - 1).clip(lower=1)) * rows.standard_error
        groups[str(task)] = Points(rows.additive, rows.joint, reach, names)
        gaps[str(task)] = ((rows.joint - rows.additive) / rows.joint).clip(-2, 2)
    return {
        "Joint influence against the sum": charts.scatter(groups, "A, nats", "J, nats", identity=True),
        "Relative gap": charts.histogram(gaps, "(J − A) / J", 0.05),
    }


def _figures(
    own: pd.DataFrame, places: pd.DataFrame, parts: pd.DataFrame, kinds: pd.DataFrame
) -> dict[str, go.Figure]:
    ratio, ltr = "sum J / sum A", parts[parts.order == LEFT_TO_RIGHT]
    made = point_figures(own)
    if len(places):
        middle, low, high = (places[name] for name in ("median J / A up to k", "quarter", "three quarters"))
        sums = {name: Band(places["k"], *[places[f"{name} up to k"]] * 3) for name in ("J", "A")}
        made["Cumulative influence"] = charts.bands(sums, "candidates, from left to right", "nats, mean")
        band = {"median J / A, and quartiles": Band(places["k"], middle, low, high)}
        made["Cumulative ratio"] = charts.bands(band, "candidates, from left to right", "J / A", 1.0)
    made["What the gap is made of"] = charts.bars(
        ltr["candidates"], {name: ltr[name] for name in PARTS}, "candidates, from left to right", "nats"
    )
    labels = (kinds["kind"] + ": " + kinds["stratum"].astype(str)).tolist()
    ends = kinds[f"{ratio}, low"], kinds[f"{ratio}, high"]
    made["Where it holds"] = charts.intervals(labels, kinds[ratio], *ends, ratio, 1.0)
    return made
