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
from analysis.hints import CONFLICTS
from analysis.openings import check_undrawn, check_whole, end_of
from analysis.replay import canvas_at
from analysis.shares import percent, share
from analysis.statistics import Interval, clustered, difference_of_shares, separation, separation_gain
from analysis.strata import corrected, flat
from analysis.study import Decode, Finding, Row, Study
from depcap.errors import DepcapError
from depcap.models.loading import Model
from depcap.trace import Header

STEPS, POSITIONS, VALUES = 6, 12, 4
"""How many steps of a decode, positions of a step and tokens of a position are measured."""
RULE = {"tau_low": 0.8, "tau_high": 0.95, "gamma": -16.0}
"""DepCap's defaults, for decodes of other methods: candidates of the rule, which of them are committed in
conflict too, and where a conflict begins."""
DEPENDENT = (0.01, 0.1)
"""Nats of mutual information from which two positions count as dependent; the verdict is on the first."""
BEYOND, LESS = "beyond the others", "less that of low confidence"
GAMMAS = (-40.0, -32.0, -24.0, -20.0, -16.0, -12.0, -8.0, -4.0, 0.0)
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
            "Unmasked together": unmasked_together(pairs), "By task": _tasks(pairs),
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


def _truths(pairs: pd.DataFrame) -> dict[str, pd.Series]:
    """Which pairs depend, by every meaning of the word."""
    informed = {f"I ≥ {nats} nats": pairs.information >= nats for nats in DEPENDENT}
    return informed | {"the other's token changes": pairs.flips.astype(bool)}


def signals(pairs: pd.DataFrame) -> pd.DataFrame:
    """How often a dependent pair scores above another, by D and by simpler signals.

    `less that of low confidence` is D's AUC less that of low confidence: two unsure positions can depend more
    on each other.
    """
    unsure = -pairs.confidence
    scores = {
        "D": pairs.d, "less confident": unsure, "nearer": -pairs.distance, "same token": pairs.same_token,
    }  # fmt: skip
    rows: list[Row] = []
    for truth, dependent in _truths(pairs).items():
        for name, score in scores.items():
            auc = clustered(separation, [score, dependent], pairs["prompt"], 0.5)
            rows.append({"dependent if": truth, "signal": name, **flat({"AUC": auc}), "p": auc.p})
            if name == "D":
                gain = clustered(separation_gain, [score, unsure, dependent], pairs["prompt"], 0.0)
                rows[-1] |= flat({LESS: gain})
    return _corrected(rows)


def _corrected(rows: list[Row]) -> pd.DataFrame:
    """The rows as a table; its p after Holm's correction."""
    table = pd.DataFrame(rows)
    return table.assign(p=corrected(table["p"]))


def rules(pairs: pd.DataFrame) -> pd.DataFrame:
    """The rule D > gamma at every gamma."""
    return pd.DataFrame(
        {"dependent if": truth, "gamma": gamma, **_flagging(pairs, pairs.d > gamma, dependent)}
        for truth, dependent in _truths(pairs).items()
        for gamma in GAMMAS
    )


def as_decoded(pairs: pd.DataFrame) -> pd.DataFrame:
    """The rule with each decode's own gamma; `beyond the others` is precision less the others' share."""
    flagged, rows = pairs.d > pairs.gamma, list[Row]()
    for truth, dependent in _truths(pairs).items():
        beyond = clustered(difference_of_shares, [flagged, dependent], pairs["prompt"], 0.0)
        others = {"of the others": dependent[~flagged].mean(), **flat({BEYOND: beyond}), "p": beyond.p}
        rows.append({"dependent if": truth, **_flagging(pairs, flagged, dependent), **others})
    return _corrected(rows)


def _flagging(pairs: pd.DataFrame, flagged: pd.Series, dependent: pd.Series) -> Row:
    """Precision and recall; flagging at random would have the share of `dependent` as its precision."""
    precision = share(dependent[flagged], pairs["prompt"][flagged])
    recall = share(flagged[dependent], pairs["prompt"][dependent])
    return {
        "pairs": len(pairs), "flagged": flagged.mean(), "dependent": dependent.mean(),
        **flat({"precision": precision, "recall": recall}),
    }  # fmt: skip


def unmasked_together(pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs that the decoder unmasked in one step: how often one's token would have changed the other's.

    Of pairs that are both sure enough to be unmasked in conflict too: those that are not in conflict would
    otherwise be less sure. The last row is the difference.
    """
    found, both = list[Row](), pairs[pairs.together.astype(bool) & pairs.sure.astype(bool)]
    flagged = both.d > both.gamma
    for conflict, group in both.groupby(flagged):
        changed = flat({"token would have changed": share(group["flips"], group["prompt"])})
        found.append(
            {
                "pair": "in conflict" if conflict else "not in conflict", "pairs": len(group), **changed,
                "mean information": group["information"].mean(),
            }
        )  # fmt: skip
    if len(found) > 1:
        apart = clustered(difference_of_shares, [flagged, both["flips"]], both["prompt"], 0.0)
        found.append({"pair": "difference", "pairs": len(both), **flat({"token would have changed": apart})})
    return pd.DataFrame(found)


def _tasks(pairs: pd.DataFrame) -> pd.DataFrame:
    """AUC of D, task by task, and how much of a position's mass its best `VALUES` tokens have."""
    rows = []
    for task, group in pairs.groupby("task", sort=False):
        dependent = group.information >= DEPENDENT[0]
        auc = clustered(separation, [group.d, dependent], group["prompt"], 0.5)
        covered = {"mass covered": group["covered"].mean(), "least mass covered": group["covered"].min()}
        rows.append({"task": task, "pairs": len(group), **flat({"AUC": auc}), "p": auc.p, **covered})
    return _corrected(rows)


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
