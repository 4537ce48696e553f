"""Does DepCap's conflict rule find tokens that really depend on each other?

The rule (arXiv 2604.15750) calls two confident positions in conflict if they put mass on each other's token:
D = log p_i(x_j) + log p_j(x_i) > gamma. What it stands for is dependence, which the model itself can be asked
for: reveal one, and see how the other's distribution moves.
"""

from itertools import combinations
from random import Random
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from analysis import charts
from analysis.charts import Band
from analysis.dependence import Pairs, dependence
from analysis.replay import canvas_at
from analysis.statistics import Interval, clustered, mean
from analysis.study import Decode, Finding, Row, Study
from depcap.models.loading import Model

STEPS, POSITIONS, VALUES = 6, 12, 4
"""How many steps of a decode, positions of a step and tokens of a position are measured."""
LEAST_CONFIDENCE = 0.5
TAU_LOW, GAMMA = 0.8, -16.0
"""DepCap's defaults, for decodes of other methods: candidates of the rule, and where a conflict begins."""
DEPENDENT = 0.01
"""Nats of mutual information from which two positions count as dependent."""
GAMMAS = (-40.0, -32.0, -24.0, -20.0, -16.0, -12.0, -8.0, -4.0, 0.0)
ENOUGH = 100


def study() -> Study:
    """The study: nothing to choose."""
    question = "Does the conflict rule find tokens that depend on each other?"
    options = {"steps": STEPS, "positions": POSITIONS, "values": VALUES}
    return Study("conflicts", question, measure, conclude, options, needs_scores=True)


def measure(model: Model, decode: Decode) -> list[Row]:
    """Pairs of some steps of a decode in which at least two positions were confident, all drawn at random."""
    draw, trace, rows = Random(decode.seed), decode.trace, list[Row]()
    params = trace.header.params
    rule = {"tau_low": float(params.get("tau_low", TAU_LOW)), "gamma": float(params.get("gamma", GAMMA))}  # type: ignore[arg-type]
    steps = [row for row in trace.rows() if len(_confident(row)) > 1]
    for row in sorted(draw.sample(steps, min(STEPS, len(steps))), key=lambda row: row["step"]):
        seen = _confident(row)
        positions = sorted(draw.sample(seen, min(POSITIONS, len(seen))))
        found = dependence(model.denoiser, canvas_at(trace, row["step"] - 1), positions, VALUES)
        pairs = combinations(range(len(positions)), 2)
        rows += [{**_pair(row, positions, found, i, j), **rule} for i, j in pairs]
    return rows


def _confident(row: dict[str, Any]) -> list[int]:
    """The step's masked positions that are worth a look."""
    pairs = zip(row["positions"], row["confidence"], strict=True)
    return [position for position, confidence in pairs if confidence >= LEAST_CONFIDENCE]


def _pair(row: dict[str, Any], positions: list[int], found: Pairs, i: int, j: int) -> Row:
    together = positions[i] in row["committed"] and positions[j] in row["committed"]
    both = found.information[i, j], found.information[j, i]
    return {
        "step": row["step"], "i": positions[i], "j": positions[j], "distance": positions[j] - positions[i],
        "d": float(found.scores[i, j]), "confidence": float(found.confidence[[i, j]].min()),
        "entropy": float(found.entropy[[i, j]].min()), "same_token": bool(found.tokens[i] == found.tokens[j]),
        "information": float(sum(both) / 2), "flips": bool(found.flips[i, j] | found.flips[j, i]),
        "together": together,
    }  # fmt: skip


def separation(score: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Area under the ROC curve: how often a true one scores above a false one. NaN without both."""
    hits = int(truth.sum())
    misses = len(truth) - hits
    if not hits or not misses:
        return np.nan
    return float((rankdata(score)[truth > 0].sum() - hits * (hits + 1) / 2) / (hits * misses))


def conclude(rows: pd.DataFrame) -> Finding:
    """How well D tells dependent pairs from others, at every gamma, beside simpler signals."""
    pairs = rows[rows.confidence >= rows.tau_low]
    if len(pairs) < ENOUGH:
        return Finding(f"Too few pairs of confident positions to tell ({len(pairs)}).", {"Pairs": rows})
    truths = {
        f"I ≥ {DEPENDENT} nats": pairs.information >= DEPENDENT,
        "the other's token changes": pairs.flips,
    }
    signals = {
        "D": pairs.d,
        "less confident": -pairs.confidence,
        "nearer": -pairs.distance,
        "same token": pairs.same_token,
    }
    auc = pd.DataFrame(
        _interval_row({"dependent if": truth, "signal": name}, separation, [signal, label], pairs, 0.5)
        for truth, label in truths.items()
        for name, signal in signals.items()
    )
    rule = pd.concat(
        [_rule(pairs, label).assign(**{"dependent if": truth}) for truth, label in truths.items()]
    )
    return Finding(
        _verdict(pairs, auc),
        {
            "Signals": auc, "The rule at every gamma": rule, "Unmasked together": _together(rows),
            "By task": _tasks(pairs),
        },
        {
            "Precision and recall of the rule": charts.bands(
                {
                    f"{measure}, {truth}": Band(part["gamma"], part[measure], part[measure], part[measure])
                    for truth, part in rule.groupby("dependent if", sort=False)
                    for measure in ("precision", "recall")
                },
                "γ", "share",
            ),
            "Mutual information against D": charts.scatter(
                {
                    "token kept": _points(pairs[~pairs.flips]), "token changes": _points(pairs[pairs.flips]),
                },
                "D = log p_i(x_j) + log p_j(x_i)", "mutual information, nats",
            ).update_yaxes(type="log"),
        },
    )  # fmt: skip


def _points(pairs: pd.DataFrame) -> charts.Points:
    shown = pairs.sample(min(len(pairs), 2_000), random_state=0)
    names = [f"{row.prompt}, step {row.step}, positions {row.i} and {row.j}" for row in shown.itertuples()]
    return charts.Points(shown.d, shown.information.clip(lower=1e-8), names=names)


def _interval_row(
    keys: dict[str, Any], statistic: Any, columns: list[Any], pairs: pd.DataFrame, null: float
) -> Row:
    found = clustered(statistic, columns, pairs["prompt"], null)
    low, high = found.bounds
    return {**keys, "AUC": found.value, "low": low, "high": high, "p": found.p}


def _rule(pairs: pd.DataFrame, dependent: pd.Series) -> pd.DataFrame:
    """Precision and recall of D > gamma, beside what flagging at random would give."""
    rows = []
    for gamma in GAMMAS:
        flagged = pairs.d > gamma
        hits = int((flagged & dependent).sum())
        rows.append(
            {
                "gamma": gamma, "flagged": flagged.mean(), "dependent": dependent.mean(),
                "precision": hits / flagged.sum() if flagged.any() else np.nan,
                "recall": hits / dependent.sum() if dependent.any() else np.nan,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _together(rows: pd.DataFrame) -> pd.DataFrame:
    """Pairs that the decoder unmasked in one step: how often one's token would have changed the other's."""
    found = []
    for conflict, group in rows[rows.together].groupby(rows.d > rows.gamma):
        share = clustered(mean, [group["flips"]], group["prompt"], 0.0)
        low, high = share.bounds
        found.append(
            {
                "pair": "in conflict" if conflict else "not in conflict", "pairs": len(group),
                "token would have changed": share.value, "low": low, "high": high,
                "mean information": group["information"].mean(),
            }
        )  # fmt: skip
    return pd.DataFrame(found)


def _tasks(pairs: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        _interval_row(
            {"task": task, "pairs": len(group)},
            separation,
            [group.d, group.information >= DEPENDENT],
            group,
            0.5,
        )
        for task, group in pairs.groupby("task", sort=False)
    )


def _beyond_confidence(pairs: pd.DataFrame) -> Interval:
    """AUC of D less that of low confidence alone: two unsure positions can depend more on each other."""

    def gain(d: NDArray[np.float64], confidence: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
        return separation(d, truth) - separation(-confidence, truth)

    columns = [pairs.d, pairs.confidence, pairs.information >= DEPENDENT]
    return clustered(gain, columns, pairs["prompt"], 0.0)


def _verdict(pairs: pd.DataFrame, auc: pd.DataFrame) -> str:
    first, dependent = auc.iloc[0], pairs.information >= DEPENDENT
    if np.isnan(first["low"]):
        depend = f"{dependent.mean():.1%} dependent"
        return f"Too few prompts or dependent pairs to tell ({len(pairs)} pairs, {depend})."
    flagged = pairs.d > pairs.gamma
    numbers = (
        f"AUC {Interval(first['AUC'], (first['low'], first['high']))}; it flags {flagged.mean():.1%} of"
        f" {len(pairs):,} pairs, {dependent[flagged].mean():.1%} of these depend, against"
        f" {dependent.mean():.1%} of all"
    )
    if first["high"] < 0.5:
        return f"The conflict rule flags the wrong pairs: dependent ones score lower ({numbers})."
    if first["low"] <= 0.5:
        return f"The conflict rule is not shown to tell dependent pairs from others ({numbers})."
    gain = _beyond_confidence(pairs)
    low, high = gain.bounds
    beside = "better than" if low > 0 else "worse than" if high < 0 else "about as well as"
    return (
        "The conflict rule tells dependent pairs from others better than chance, and"
        f" {beside} low confidence alone does (AUC {gain.value:+.2f}) ({numbers})."
    )
