"""Where DepCap ends its blocks: against the text's structure, against other signals, and what they cost.

At every opening of a recorded decode each signal says how long the block should be; then the problem is
decoded again with that signal in charge of the blocks (`analysis.swaps`).
"""

from dataclasses import asdict

import numpy as np
import pandas as pd
import torch

from analysis import charts, sizes
from analysis.additivity import log_probs
from analysis.agreement import ratio_of_sums
from analysis.blocks import Plan
from analysis.endings import ends, structure
from analysis.hints import BOUNDARIES
from analysis.openings import Opening, openings
from analysis.rows import Row
from analysis.signals import AGAIN, CURVES, JOINT, JOINT_REACH, NEAR, TRUNCATED, Length, SignalBlock
from analysis.statistics import Interval, clustered, mcnemar
from analysis.strata import LEVEL, corrected
from analysis.study import Decode, Finding, Study
from analysis.swaps import depcap_rule, others, swaps
from depcap.models.loading import Model
from depcap.protocols import BoundaryPolicy, Denoiser
from depcap.types import Canvas, Window

SHORT_SIGHTED = (JOINT, NEAR)
"""Signals that see fewer candidates than DepCap: what they change may be their window's doing."""
TERMS = (
    "A signal says how far the last block moved each position; DepCap's rule makes a block's size of it. *A,"
    " top-K* is DepCap's own, *A* the exact divergence, *J* the growth of the joint influence, *A, same"
    " window as J* what J is held to, since the rule scales a curve by its own spread: both see"
    f" {JOINT_REACH} candidates. *Chance* deals a signal's own sizes to the openings in any order. Forwards"
    " are those of the decode alone: what a signal itself asks the model at an opening, for *J* hundreds of"
    " forwards, is not counted. Intervals are 95 %, prompts resampled whole. *p* of a difference of accuracy"
    " is McNemar's and its interval Newcombe's; every other *p* is the bootstrap's of the interval before it."
    " Holm's correction is over the signals, the units or the rows of a table."
)


def study(plan: Plan) -> Study:
    """The study; of the plan it takes how many histories stand behind J."""

    def measure(model: Model, decode: Decode) -> list[Row]:
        trace = decode.trace
        rule = depcap_rule(model, trace, plan.samples, decode.seed)
        sized = [
            row
            for opening in openings(trace)
            for row in at_opening(opening, lengths(model, decode, opening, rule))
        ]
        units = [
            {"kind": "unit", "unit": unit, "places": places}
            for unit, places in ends(trace, decode.task).items()
        ]
        return [*sized, *units, *swaps(model, decode, rule)]

    question = "Where do blocks end, and what would another signal change?"
    options = {"samples": plan.samples}
    return Study("boundaries", question, measure, conclude, options, terms=TERMS, hints=BOUNDARIES)


def lengths(model: Model, decode: Decode, opening: Opening, rule: SignalBlock) -> dict[str, Length]:
    """How long every signal would make the block; J twice, from other histories."""
    found = rule.lengths(opening.after, opening.before, opening.start, (*CURVES, AGAIN))
    for signal, boundary in others(model, decode.trace.header, rule.seed + opening.index).items():
        found[signal] = _length(model.denoiser, opening, boundary)
    return found


def _length(denoiser: Denoiser, opening: Opening, boundary: BoundaryPolicy) -> Length:
    """How long a boundary without a curve would make the block."""
    end = len(opening.after)
    last = min(opening.start + boundary.lookahead, end)
    at = Window.span(torch.tensor([opening.start]), torch.tensor([last]))
    said = log_probs(denoiser, [opening.after], list(range(opening.start, last)))
    canvas = Canvas(torch.tensor([opening.after]), torch.tensor([0]), torch.tensor([end]), denoiser.mask_id)
    found, _ = boundary.open(said, at, torch.tensor([True]), canvas, boundary.init(canvas))
    wanted, left = int(found.size), end - opening.start
    return Length(wanted, min(wanted, left), wanted > left)


def at_opening(opening: Opening, found: dict[str, Length]) -> list[Row]:
    """One row per signal; `room` is what is left up to the response's end, or its end token."""
    return [
        {
            "kind": "opening", "block": opening.index, "start": opening.start, "signal": signal,
            **asdict(length), "room": opening.end - opening.start,
        }
        for signal, length in found.items()
    ]  # fmt: skip


def conclude(rows: pd.DataFrame) -> Finding:
    """Structure, agreement of the signals, and what swapping them does."""
    opened, units, decoded = (rows[rows.kind == kind] for kind in ("opening", "unit", "decode"))
    if opened.empty:
        return Finding("Too few blocks to tell: none of these decodes has a second one.", {"Rows": rows})
    ended, instead, swapped = structure(opened, units), sizes.instead(opened), swapped_in(decoded)
    labels = (ended["unit"] + ": " + ended["signal"]).tolist()
    own = swapped[swapped.against == TRUNCATED]
    return Finding(
        _verdict(opened, ended, instead, swapped),
        {
            "Ends of blocks and of text": ended, "Sizes": sizes.by_signal(opened),
            "J in place of A": instead, "Sizes at the same opening": sizes.agreement(opened),
            "Another signal in charge": swapped,
        },
        {
            "Blocks that end with a line or sentence, beyond chance": charts.intervals(
                labels, ended["beyond chance"], ended["beyond chance, low"], ended["beyond chance, high"],
                "share", 0.0,
            ),
            "Block sizes": charts.histogram(
                {str(name): group["size"] for name, group in opened.groupby("signal", sort=False)}, "size", 4
            ),
            "Forwards with another signal": charts.intervals(
                own["signal"].tolist(), own["NFE ratio"], own["low"], own["high"],
                "forwards of the decode, relative to A, top-K", 1.0,
            ),
        },
    )  # fmt: skip


def swapped_in(decoded: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and forwards with each signal, paired with DepCap's own, and J's also with A's on its window.

    Holm's correction is over what is compared with DepCap's own.
    """
    by = {str(signal): group for signal, group in decoded.groupby("signal", sort=False)}
    own = pd.DataFrame(_paired(by, signal, TRUNCATED) for signal in by)
    for p in [name for name in ("p", "p of NFE") if name in own]:
        own[f"{p}, Holm"] = corrected(own[p].where(own["signal"] != TRUNCATED))
    if NEAR not in by:
        return own
    return pd.concat([own, pd.DataFrame([_paired(by, JOINT, NEAR)])], ignore_index=True)


def _paired(by: dict[str, pd.DataFrame], signal: str, against: str) -> Row:
    """One signal's decodes beside another's of the same problems."""
    both = by[signal].merge(by[against], on="decode", suffixes=("", " own"))
    forwards = clustered(ratio_of_sums, [both["nfe"], both["nfe own"]], both["prompt"])
    low, high = forwards.bounds
    row: Row = {
        "signal": signal, "against": against, "problems": len(both), "NFE": both["nfe"].mean(),
        "NFE ratio": forwards.value, "low": low, "high": high, "p of NFE": forwards.p,
        "blocks": both["blocks"].mean(),
    }  # fmt: skip
    scored = both.dropna(subset=["right", "right own"])
    if len(scored):
        paired = mcnemar(scored["right"].astype(bool), scored["right own"].astype(bool))
        accuracy = scored["right"].astype(float).mean()
        ends = {"difference, low": paired.ci95[0], "difference, high": paired.ci95[1]}
        row |= {"accuracy": accuracy, "difference": paired.difference, **ends, "p": paired.p}
    return row


def _verdict(opened: pd.DataFrame, ended: pd.DataFrame, instead: pd.DataFrame, swapped: pd.DataFrame) -> str:
    if np.isnan(instead["difference, low"].iloc[0]):
        blocks = opened.groupby(["decode", "block"]).ngroups
        return f"Too few blocks to tell ({blocks} of {opened['prompt'].nunique()} prompts)."
    own = ended[ended.signal == TRUNCATED].dropna(subset=["beyond chance, low"])
    ends_with = ", ".join(_ending(row) for _, row in own.iterrows())
    where = f"DepCap's blocks end {ends_with}." if ends_with else "Too few end in a response to tell where."
    said = sizes.sentence(instead), _joint(swapped), where, _largest(swapped), _accuracy(swapped)
    return " ".join(filter(None, said))


def _ending(row: pd.Series) -> str:
    """How often DepCap's blocks end with one unit."""
    low, high = row["beyond chance, low"], row["beyond chance, high"]
    sure = row["p, Holm"] < LEVEL
    how = (
        "more often than by" if sure and low > 0 else "less often than by" if sure and high < 0
        else "no more or less often than may be"
    )  # fmt: skip
    kept = f"at {row['openings']} of {row['of openings']} openings"
    return f"with a {row['unit']} {how} chance ({row['ends with it']:.0%} against {row['chance']:.0%} {kept})"


def _largest(swapped: pd.DataFrame) -> str:
    """Which signal changes the forwards most, of those that do beyond chance after Holm's correction."""
    sure = swapped[~swapped["signal"].isin(SHORT_SIGHTED) & (swapped["p of NFE, Holm"] < LEVEL)]
    if sure.empty:
        return "No signal on DepCap's window is shown to change the number of forwards."
    most = sure.loc[np.log(sure["NFE ratio"]).abs().idxmax()]
    return (
        f"Of the signals on DepCap's window {most['signal']} changes the forwards most"
        f" ({most['NFE ratio']:.2f} times as many, its own not counted)."
    )


def _joint(swapped: pd.DataFrame) -> str:
    """How many forwards decodes take with J in place of A on the same window."""
    beside = swapped[(swapped["signal"] == JOINT) & (swapped["against"] == NEAR)]
    if beside.empty:
        return ""
    found = Interval(beside["NFE ratio"].iloc[0], (beside["low"].iloc[0], beside["high"].iloc[0]))
    return f"Decodes with it take {found} times as many forwards."


def _accuracy(swapped: pd.DataFrame) -> str:
    """Which signal changes the accuracy most, of those that do beyond chance after Holm's correction."""
    if "difference" not in swapped:
        return "Of accuracy nothing is known, since these are no decodes of problems."
    seen = swapped[~swapped["signal"].isin((TRUNCATED, *SHORT_SIGHTED))]
    sure = seen[seen["p, Holm"] < LEVEL]
    if sure.empty:
        most = seen[["difference, low", "difference, high"]].abs().max(axis=None)
        return f"None is shown to change the accuracy (by up to {100 * most:.0f} points it may)."
    most = sure.loc[sure["difference"].abs().idxmax()]
    points = f"{100 * most['difference']:+.1f} points, p = {most['p, Holm']:.2g}"
    return f"The accuracy changes most with {most['signal']} ({points})."
