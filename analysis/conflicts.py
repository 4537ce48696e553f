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

from analysis import charts
from analysis.charts import Band
from analysis.dependence import Pairs, dependence
from analysis.flagged import BEYOND, LESS, as_decoded, by_task, rules, signals, unmasked_together
from analysis.hints import CONFLICTS
from analysis.openings import check_undrawn, check_whole, end_of
from analysis.replay import canvas_at
from analysis.rows import Row
from analysis.shares import percent
from analysis.statistics import Interval
from analysis.study import Decode, Finding, Study
from depcap.errors import DepcapError
from depcap.models.loading import Model
from depcap.trace import Header

STEPS, POSITIONS, VALUES = 6, 12, 4
"""How many steps of a decode, positions of a step and tokens of a position are measured."""
RULE = {"tau_low": 0.8, "tau_high": 0.95, "gamma": -16.0}
"""DepCap's defaults, for decodes of other methods: candidates of the rule, which of them are committed in
conflict too, and where a conflict begins."""
ENOUGH, DRAWN = 100, 2_000
"""Fewer pairs tell nothing; the figure shows no more."""
TERMS = (
    "D = log p_i(x_j) + log p_j(x_i), for two masked positions that are sure enough for the rule; above γ it"
    f" calls them in conflict. Of every decode {STEPS} steps with two such positions are drawn at random, of"
    f" each step {POSITIONS} of these positions, and all their pairs are measured, none beyond the end token."
    " Every pair counts once, so that a step with more positions counts for more. I is the mutual information"
    f" that the model itself gives a pair: each position takes each of its {VALUES} best tokens, whose mass"
    " (*mass covered*) is scaled to one, and the other is read. Intervals are 95 %, prompts resampled whole,"
    " and *p* is the bootstrap's, after Holm's"
    " correction over its table."
)


def study() -> Study:
    """The study: nothing to choose."""
    question = "Does the conflict rule find tokens that depend on each other?"
    options = {"steps": STEPS, "positions": POSITIONS, "values": VALUES}
    return Study(
        "conflicts", question, measure, conclude, options, needs_scores=True, terms=TERMS, hints=CONFLICTS
    )


def measure(model: Model, decode: Decode) -> list[Row]:
    """Pairs of candidates in some steps of a decode that had at least two, all drawn at random."""
    draw, trace, rows = Random(decode.seed), decode.trace, list[Row]()
    check_whole(trace.header)
    _check_recomputed(trace.header)
    rule = {name: float(trace.header.params.get(name, value)) for name, value in RULE.items()}  # type: ignore[arg-type]
    end = end_of(trace.header)
    steps = [row for row in trace.rows() if len(candidates(row, rule["tau_low"], end)) > 1]
    for row in sorted(draw.sample(steps, min(STEPS, len(steps))), key=lambda row: row["step"]):
        seen = candidates(row, rule["tau_low"], end)
        positions = sorted(draw.sample(seen, min(POSITIONS, len(seen))))
        found = dependence(model.denoiser, canvas_at(trace, row["step"] - 1), positions, VALUES)
        pairs = combinations(range(len(positions)), 2)
        for i, j in pairs:
            pair = _pair(row, positions, found, i, j)
            rows.append(pair | {"gamma": rule["gamma"], "sure": pair["confidence"] >= rule["tau_high"]})
    return rows


def _check_recomputed(header: Header) -> None:
    """DepcapError where D, computed anew from likeliest tokens without a cache, is not the decoder's."""
    check_undrawn(header, "conflicts")
    if header.cache != "none":
        raise DepcapError(f"cache {header.cache}: conflicts are studied on decodes without a cache")


def candidates(row: Row, tau_low: float, end: int) -> list[int]:
    """The step's masked positions before `end` that were confident enough for the rule."""
    pairs = zip(row["positions"], row["confidence"], strict=True)
    return [position for position, confidence in pairs if confidence >= tau_low and position < end]


def _pair(row: dict[str, Any], positions: list[int], found: Pairs, i: int, j: int) -> Row:
    together = positions[i] in row["committed"] and positions[j] in row["committed"]
    both = found.information[i, j], found.information[j, i]
    return {
        "step": row["step"], "i": positions[i], "j": positions[j], "distance": positions[j] - positions[i],
        "d": float(found.scores[i, j]), "confidence": float(found.confidence[[i, j]].min()),
        "entropy": float(found.entropy[[i, j]].min()), "same_token": bool(found.tokens[i] == found.tokens[j]),
        "information": float(sum(both) / 2), "covered": float(found.covered[[i, j]].min()),
        "flips": bool(found.flips[i, j] | found.flips[j, i]),
        "together": together,
    }  # fmt: skip


def conclude(pairs: pd.DataFrame) -> Finding:
    """How well D tells dependent pairs from others, at every gamma, beside simpler signals."""
    if len(pairs) < ENOUGH:
        return Finding(f"Too few pairs of confident positions to tell ({len(pairs)}).", {"Pairs": pairs})
    auc, rule, own = signals(pairs), rules(pairs), as_decoded(pairs)
    shown = pairs.sample(min(len(pairs), DRAWN), random_state=0)
    return Finding(
        _verdict(pairs, auc, own),
        {
            "Signals": auc, "The rule as decoded": own, "The rule at every gamma": rule,
            "Unmasked together": unmasked_together(pairs), "By task": by_task(pairs),
        },
        {
            "Precision and recall of the rule": charts.bands(
                {
                    f"{measure}, {truth}": Band(
                        part["gamma"], part[measure], part[f"{measure}, low"], part[f"{measure}, high"]
                    )
                    for truth, part in rule.groupby("dependent if", sort=False)
                    for measure in ("precision", "recall")
                },
                "γ", "share",
            ),
            "Mutual information against D": charts.scatter(
                {"token kept": _points(shown[~shown.flips]), "token changes": _points(shown[shown.flips])},
                "D = log p_i(x_j) + log p_j(x_i)", "mutual information, nats",
            ).update_yaxes(type="log"),
        },
    )  # fmt: skip


def _points(shown: pd.DataFrame) -> charts.Points:
    names = [f"{row.decode}, step {row.step}, positions {row.i} and {row.j}" for row in shown.itertuples()]
    return charts.Points(shown.d, shown.information.clip(lower=1e-8), names=names)


def _verdict(pairs: pd.DataFrame, auc: pd.DataFrame, own: pd.DataFrame) -> str:
    (_, first), *others = auc[auc.signal == "D"].iterrows()
    if np.isnan(first["AUC, low"]):
        depend = own["dependent"].iloc[0]
        return f"Too few prompts or dependent pairs to tell ({len(pairs)} pairs, {depend:.1%} dependent)."
    beside = "".join(
        f" Where dependent means that {row['dependent if']}, it {_claim(row)} ({_auc(row)})."
        for _, row in others
        if not np.isnan(row["AUC, low"]) and _claim(row) != _claim(first)
    )
    return f"{_rule(own.iloc[0])}. The score D itself {_claim(first)} ({_auc(first)}).{beside}"


def _rule(row: pd.Series) -> str:
    """What the rule shows, with the decode's own gamma."""
    pairs, flagged = f"{row['pairs']:,} pairs", row["flagged"]
    if not 0 < flagged < 1:
        all_or_none = "all" if flagged else "none"
        return f"The conflict rule flags {all_or_none} of {pairs}, of which {row['dependent']:.1%} depend"
    low, high = row[f"{BEYOND}, low"], row[f"{BEYOND}, high"]
    how = (
        "too few to tell" if np.isnan(low) else "more often" if low > 0 else "less often" if high < 0
        else "not shown to be more or less often"
    )  # fmt: skip
    numbers = f"{percent(row, 'precision', 1)} depend, of the others {row['of the others']:.1%}"
    return f"Of the {flagged:.1%} of {pairs} that the conflict rule flags {numbers}: {how}"


def _auc(row: pd.Series) -> str:
    return f"AUC {Interval(row['AUC'], (row['AUC, low'], row['AUC, high']))}"


def _claim(row: pd.Series) -> str:
    """What D's AUC shows."""
    if row["AUC, high"] < 0.5:
        return "flags the wrong pairs: dependent ones score lower"
    if row["AUC, low"] <= 0.5:
        return "is not shown to tell dependent pairs from others"
    low, high = row[f"{LESS}, low"], row[f"{LESS}, high"]
    beside = (
        "does so better than" if low > 0 else "does so worse than" if high < 0
        else "is not shown to do so better or worse than"
    )  # fmt: skip
    return f"tells dependent pairs from others better than chance, and {beside} low confidence alone"
