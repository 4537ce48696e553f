"""Pairs of masked positions that the conflict rule flags, beside those that depend, as tables."""

import pandas as pd

from analysis.rows import Row
from analysis.shares import share
from analysis.statistics import clustered, difference_of_shares, separation, separation_gain
from analysis.strata import corrected, flat

DEPENDENT = (0.01, 0.1)
"""Nats of mutual information from which two positions count as dependent; the verdict is on the first."""
BEYOND, LESS = "beyond the others", "less that of low confidence"
GAMMAS = (-40.0, -32.0, -24.0, -20.0, -16.0, -12.0, -8.0, -4.0, 0.0)


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


def by_task(pairs: pd.DataFrame) -> pd.DataFrame:
    """AUC of D, task by task, and how much of a position's mass its best tokens that are looked at have."""
    rows = []
    for task, group in pairs.groupby("task", sort=False):
        dependent = group.information >= DEPENDENT[0]
        auc = clustered(separation, [group.d, dependent], group["prompt"], 0.5)
        covered = {"mass covered": group["covered"].mean(), "least mass covered": group["covered"].min()}
        rows.append({"task": task, "pairs": len(group), **flat({"AUC": auc}), "p": auc.p, **covered})
    return _corrected(rows)
