"""Where DepCap ends its blocks: against the text's structure, against other signals, and what they cost.

At every opening of a recorded decode each signal says how long the block should be; then the problem is
decoded again with that signal in charge of the blocks (`analysis.swaps`).
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from analysis import charts
from analysis.additivity import log_probs
from analysis.agreement import ratio_of_sums
from analysis.blocks import Plan
from analysis.openings import Opening, openings
from analysis.signals import ADABLOCK, CURVES, ENTROPY, JOINT, JOINT_REACH, TRUNCATED, SignalBlock
from analysis.statistics import clustered, mcnemar, mean
from analysis.study import Decode, Finding, Row, Study
from analysis.swaps import adablock, depcap_rule, swaps
from depcap.boundary import DelimiterBlock
from depcap.models.loading import Model
from depcap.protocols import Denoiser
from depcap.trace import Trace
from depcap.types import Canvas, Window

NEAR = 1
"""A boundary this close to the end of a line or sentence is near it."""


def study(plan: Plan) -> Study:
    """The study; of the plan it takes how many histories stand behind J."""

    def measure(model: Model, decode: Decode) -> list[Row]:
        trace = decode.trace
        rule = depcap_rule(model, trace, plan.samples, decode.seed)
        delimiter, marks = adablock(model, trace.header.gen_length), ends(trace)
        sized = [row for opening in openings(trace) for row in at_opening(opening, rule, delimiter, marks)]
        return [*sized, *swaps(model, decode, rule)]

    question = "Where do blocks end, and what would another signal change?"
    return Study("boundaries", question, measure, conclude, {"samples": plan.samples})


def ends(trace: Trace) -> dict[str, set[int]]:
    """Positions right after the end of a line, or of a sentence or line, up to the end token."""
    header, found = trace.header, {"line": set[int](), "sentence": set[int]()}
    tokens = header.tokens[: header.response_length]
    for place, token in enumerate(tokens, start=len(header.prompt_ids) + 1):
        piece = header.pieces[token]
        if "\n" in piece:
            found["line"].add(place)
        if "\n" in piece or piece.rstrip().endswith((".", "?", "!")):
            found["sentence"].add(place)
    return found


def at_opening(
    opening: Opening, rule: SignalBlock, delimiter: DelimiterBlock, marks: dict[str, set[int]]
) -> list[Row]:
    """One row per signal: how long it would make the block, and whether that ends with a line or sentence.

    `chance_*` is the share of the sizes inside the response that would, of those that the signal's limits
    allow: DepCap's, or for AdaBlock any.
    """
    asked = replace(rule, seed=rule.seed + opening.index)
    found = asked.sizes(opening.after, opening.before, opening.start, CURVES)
    found[ADABLOCK] = _delimited(rule.denoiser, opening, delimiter)
    rows = []
    for signal, size in found.items():
        end = opening.start + size
        least, most = (
            (1, len(opening.after)) if signal == ADABLOCK else (rule.rule.min_size, rule.rule.max_size)
        )
        allowed = range(opening.start + least, min(opening.start + most, opening.end - 1) + 1)
        row: Row = {
            "kind": "opening", "block": opening.index, "start": opening.start, "signal": signal,
            "size": size, "inside": end < opening.end,
        }  # fmt: skip
        for name, places in marks.items():
            near = {place + by for place in places for by in range(-NEAR, NEAR + 1)}
            row |= {
                name: end in places, f"near_{name}": end in near,
                f"chance_{name}": _share(allowed, places), f"chance_near_{name}": _share(allowed, near),
            }  # fmt: skip
        rows.append(row)
    return rows


def _share(allowed: range, places: set[int]) -> float:
    return sum(end in places for end in allowed) / max(len(allowed), 1)


def _delimited(denoiser: Denoiser, opening: Opening, rule: DelimiterBlock) -> int:
    """How long AdaBlock would make the block."""
    end = len(opening.after)
    last = min(opening.start + rule.lookahead, end)
    at = Window.span(torch.tensor([opening.start]), torch.tensor([last]))
    said = log_probs(denoiser, [opening.after], list(range(opening.start, last)))
    canvas = Canvas(torch.tensor([opening.after]), torch.tensor([0]), torch.tensor([end]), denoiser.mask_id)
    found, _ = rule.open(said, at, torch.tensor([True]), canvas, None)
    return min(int(found.size), end - opening.start)


def conclude(rows: pd.DataFrame) -> Finding:
    """Structure, agreement of the signals, and what swapping them does."""
    if not (rows.kind == "opening").any():
        return Finding("Too few blocks to tell: none of these decodes has a second one.", {"Rows": rows})
    opened, decoded = rows[rows.kind == "opening"], rows[rows.kind == "decode"]
    structure, agreeing, swapped = _structure(opened), _agreement(opened), _swapped(decoded)
    line = structure[structure.unit == "line"]
    return Finding(
        _verdict(opened, line, agreeing, swapped),
        {
            "Structure": structure, "Sizes against those of A, top-K": agreeing,
            "Another signal in charge": swapped,
        },
        {
            "Blocks that end with a line, beyond chance": charts.intervals(
                line["signal"].tolist(), line["beyond chance"], line["low"], line["high"], "share", 0.0
            ),
            "Block sizes": charts.histogram(
                {str(name): group["size"] for name, group in opened.groupby("signal", sort=False)}, "size", 4
            ),
            "Forwards with another signal": charts.intervals(
                swapped["signal"].tolist(), swapped["NFE ratio"], swapped["low"], swapped["high"],
                "forwards, relative to A, top-K", 1.0,
            ),
        },
    )  # fmt: skip


def _structure(opened: pd.DataFrame) -> pd.DataFrame:
    """How often a block inside the response ends with a line or a sentence, against chance."""
    rows = []
    for signal, group in opened[opened.inside.astype(bool)].groupby("signal", sort=False):
        for unit in ("line", "sentence"):
            hit, chance = group[unit].astype(float), group[f"chance_{unit}"]
            found = clustered(mean, [hit - chance], group["prompt"], 0.0)
            low, high = found.bounds
            rows.append(
                {
                    "signal": signal, "unit": unit, "blocks": len(group), "ends with it": hit.mean(),
                    "chance": chance.mean(), "beyond chance": found.value, "low": low, "high": high,
                    "p": found.p, "within 1": group[f"near_{unit}"].astype(float).mean(),
                    "chance within 1": group[f"chance_near_{unit}"].mean(),
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=None if rows else ["signal", "unit", "beyond chance", "low", "high"])


def _agreement(opened: pd.DataFrame) -> pd.DataFrame:
    """Sizes at the same opening, beside DepCap's own."""
    sizes = opened.pivot_table(index=["prompt", "block"], columns="signal", values="size", sort=False)
    off = sizes.sub(sizes[TRUNCATED], axis=0).abs()
    return pd.DataFrame(
        {
            "mean size": sizes.mean(), "same": (off == 0).mean(), "within 1": (off <= 1).mean(),
            "within 4": (off <= 4).mean(), "openings": len(sizes),
        }
    ).reset_index()  # fmt: skip


def _swapped(decoded: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and forwards with each signal, paired with DepCap's own."""
    own = decoded[decoded.signal == TRUNCATED]
    rows = []
    for signal, group in decoded.groupby("signal", sort=False):
        both = group.merge(own, on="prompt", suffixes=("", " own"))
        forwards = clustered(ratio_of_sums, [both["nfe"], both["nfe own"]], both["prompt"])
        low, high = forwards.bounds
        row: Row = {
            "signal": signal, "problems": len(both), "NFE": both["nfe"].mean(), "NFE ratio": forwards.value,
            "low": low, "high": high, "blocks": both["blocks"].mean(),
        }  # fmt: skip
        scored = both.dropna(subset=["right", "right own"])
        if len(scored):
            paired = mcnemar(scored["right"].astype(bool), scored["right own"].astype(bool))
            accuracy = scored["right"].astype(float).mean()
            row |= {"accuracy": accuracy, "difference": paired.difference, "p": paired.p}
        rows.append(row)
    return pd.DataFrame(rows)


def _verdict(opened: pd.DataFrame, line: pd.DataFrame, agreeing: pd.DataFrame, swapped: pd.DataFrame) -> str:
    own = line[line.signal == TRUNCATED]
    if own.empty or np.isnan(own["low"].iloc[0]):
        blocks = opened.groupby(["prompt", "block"]).ngroups
        return f"Too few blocks to tell ({blocks} of {opened['prompt'].nunique()} prompts)."
    hit, chance, low, high = (float(own[name].iloc[0]) for name in ("ends with it", "chance", "low", "high"))
    how = "more often than" if low > 0 else "less often than" if high < 0 else "about as often as"
    same = agreeing.set_index("signal")["same"]
    return (
        f"DepCap's blocks end with a line {how} by chance ({hit:.0%} against {chance:.0%}); J in place of A"
        f" (among the first {JOINT_REACH} candidates) gives the same size at {same[JOINT]:.0%} of"
        f" {int(agreeing['openings'].max())} openings, entropy alone at {same[ENTROPY]:.0%};"
        f" {_largest(swapped)}."
    )


def _largest(swapped: pd.DataFrame) -> str:
    """Which signal changes the forwards most, of those that do for certain."""
    sure = swapped[(swapped["low"] > 1) | (swapped["high"] < 1)]
    if sure.empty:
        return "no other signal is shown to change the number of forwards"
    most = sure.loc[np.log(sure["NFE ratio"]).abs().idxmax()]
    return f"the forwards change most with {most['signal']} ({most['NFE ratio']:.2f} times as many)"
