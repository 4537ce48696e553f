"""Is confidence what it says, and how early is a token already right?

A proposal is right if it is the token that stands there in the end: what the decoder would have written, not
what the task wanted. Both come from traces alone.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis import charts
from analysis.charts import Band
from analysis.figures import GRID
from analysis.hints import CALIBRATION
from analysis.openings import end_of
from analysis.rows import Row
from analysis.shares import percent, share
from analysis.statistics import Interval, clustered, mean
from analysis.strata import flat
from analysis.study import Decode, Finding, Study
from depcap.models.loading import Model
from depcap.trace import Trace

BINS = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0])
ALL = "all"
DRAWS = 200
ENOUGH = 200
"""Fewer proposals tell nothing."""
TERMS = (
    "A proposal is the token that a masked position of the open block would take; it is right if that token"
    " stands there in the end, whatever the task wanted. Only proposals that waited for a later step are held"
    " to their confidence: what is unmasked is final by definition. The calibration error is the mean of"
    " |confidence − share right| over bins of confidence, weighted by proposals. Intervals are 95 %, prompts"
    " resampled whole."
)


@dataclass(frozen=True, slots=True)
class History:
    """Everything that was proposed at one position while its block was open, step by step.

    `right[s]` says whether that proposal is the final token, `unmasked[s]` whether it was committed: the last
    one always was, and with methods that mask again others too.
    """

    position: int
    block: int
    confidence: list[float]
    right: list[bool]
    unmasked: list[bool]


def right_before_unmasked(right: list[bool]) -> int:
    """Steps in which a position's proposal was the final token already, for good, and yet waited."""
    wrong = [step for step, is_right in enumerate(right) if not is_right]
    return len(right) - 1 - (wrong[-1] + 1 if wrong else 0)


def histories(trace: Trace) -> list[History]:
    """One per position up to the end token, in order; what was never seen in a block is left out."""
    header, found = trace.header, dict[int, History]()
    start = len(header.prompt_ids)
    stop = end_of(header)
    for row in trace.rows():
        committed = set(row["committed"])
        for position, token, confidence in zip(
            row["positions"], row["tokens"], row["confidence"], strict=True
        ):
            if position < stop:
                seen = found.setdefault(position, History(position, row["block"], [], [], []))
                seen.confidence.append(confidence)
                seen.right.append(token == header.tokens[position - start])
                seen.unmasked.append(position in committed)
    return [found[position] for position in sorted(found)]


def study() -> Study:
    """The study: nothing to choose."""

    def measure(_model: Model, decode: Decode) -> list[Row]:
        return [asdict(history) for history in histories(decode.trace)]

    question = "Is confidence what it says, and how early is a token already right?"
    return Study(
        "calibration", question, measure, conclude, needs_scores=True, terms=TERMS, hints=CALIBRATION
    )


def conclude(rows: pd.DataFrame) -> Finding:
    """Reliability of proposals that waited, and how early tokens are right."""
    waiting = proposals_that_waited(rows)
    gaps, early, bins = by_task(waiting), earliness(rows), reliability(waiting)
    sight = first_sight(rows)
    band = Band(bins["confidence"], bins["right"], bins["low"], bins["high"])
    figure = charts.bands({"proposals that waited": band}, "confidence", "share that is the final token")
    figure.add_shape(type="line", x0=0, x1=1, y0=0, y1=1, line={"color": GRID, "dash": "dot"})
    lead = early.groupby("steps right before unmasked", as_index=False)["share"].sum()
    steps = lead["steps right before unmasked"].astype(str).tolist()
    return Finding(
        _verdict(waiting, gaps, sight),
        {
            "Reliability": bins, "How early a token is right": early, "Right at first sight": sight,
            "By task": gaps,
        },
        {
            "Reliability of proposals that waited": figure,
            "Steps that a right token still waited": charts.bars(
                steps, {"tokens": lead["share"]}, "steps", "share of tokens"
            ),
        },
    )  # fmt: skip


def proposals_that_waited(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per position and step in which it was not unmasked: `confidence`, and whether it was `right`.

    A proposal that is unmasked is the final token by definition; its confidence has nothing to be held to.
    """
    lists = ["confidence", "right", "unmasked"]
    long = rows[["prompt", "decode", "task", "position", *lists]].explode(lists, ignore_index=True)
    long = long[~long["unmasked"].astype(bool)].drop(columns="unmasked")
    return long.assign(confidence=long["confidence"].astype(float), right=long["right"].astype(bool))


def reliability(proposals: pd.DataFrame) -> pd.DataFrame:
    """Mean confidence and share right, with its interval over prompts, in bins of confidence."""
    which = np.clip(np.digitize(proposals["confidence"], BINS) - 1, 0, len(BINS) - 2)
    rows = []
    for place, group in proposals.groupby(which):
        right = share(group["right"], group["prompt"])
        low, high = right.bounds
        rows.append(
            {
                "from": BINS[place], "to": BINS[place + 1], "proposals": len(group),
                "confidence": group["confidence"].mean(), "right": right.value, "low": low, "high": high,
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["from", "to", "proposals", "confidence", "right", "low", "high"])


def expected_error(confidence: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Expected calibration error: |confidence - share right| over the bins, weighted by their sizes."""
    if not len(confidence):
        return np.nan
    which = np.clip(np.digitize(confidence, BINS) - 1, 0, len(BINS) - 2)
    gaps = np.bincount(which, weights=confidence - right)
    return float(np.abs(gaps).sum() / len(confidence))


def error_of_sampling(confidence: NDArray[np.float64], positions: NDArray[np.int64]) -> float:
    """What the calibration error would be, in the mean, of confidences that are what they say.

    `positions` numbers the position that each is of: what it proposes in one step and in the next is right or
    wrong together. Positions are drawn as if independent; those of one prompt are not quite, so that it is
    rather more.
    """
    if not len(positions):
        return np.nan
    draw = np.random.default_rng(0)
    lucks = (draw.random(int(positions.max()) + 1)[positions] for _ in range(DRAWS))
    return float(np.mean([expected_error(confidence, (luck < confidence).astype(float)) for luck in lucks]))


def earliness(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of tokens by how many steps they were seen, and in how many of these they were right already."""
    found = pd.DataFrame(
        {
            "steps seen": rows["right"].map(len),
            "steps right before unmasked": rows["right"].map(right_before_unmasked),
        }
    )
    counted = found.value_counts(normalize=True).rename("share").reset_index()
    return counted.sort_values(["steps seen", "steps right before unmasked"], ignore_index=True)


def first_sight(rows: pd.DataFrame) -> pd.DataFrame:
    """One row: of the tokens that waited, how many were right from the first step on; how long all waited so.

    A token waits while it is right already and not yet unmasked; intervals are over prompts.
    """
    seen, lead = rows["right"].map(len), rows["right"].map(right_before_unmasked)
    waited = seen > 1
    found = {
        "right at first sight": share((lead == seen - 1)[waited], rows["prompt"][waited]),
        "steps waited while right": clustered(mean, [lead], rows["prompt"], 0.0),
    }
    return pd.DataFrame([{"tokens": len(rows), "that waited": int(waited.sum()), **flat(found)}])


def by_task(waiting: pd.DataFrame) -> pd.DataFrame:
    """Confidence beside the share right: of all proposals (`all`), and task by task.

    `right - confidence` is above zero where proposals are under-confident.
    """
    rows = []
    for task, group in [(ALL, waiting), *waiting.groupby("task")]:
        confidence, right = (group[name].to_numpy(float) for name in ("confidence", "right"))
        positions = group.groupby(["decode", "position"]).ngroup().to_numpy()
        gap = clustered(mean, [group["right"] - group["confidence"]], group["prompt"], 0.0)
        rows.append(
            {
                "task": task, "proposals": len(group), "mean confidence": group["confidence"].mean(),
                "share right": group["right"].mean(),
                **flat({"right - confidence": gap}), "calibration error": expected_error(confidence, right),
                "of sampling": error_of_sampling(confidence, positions),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _verdict(waiting: pd.DataFrame, gaps: pd.DataFrame, sight: pd.DataFrame) -> str:
    whole, early = gaps.iloc[0], sight.iloc[0]
    low, high = whole["right - confidence, low"], whole["right - confidence, high"]
    if len(waiting) < ENOUGH or np.isnan(low):
        return f"Too few proposals to tell ({len(waiting)} of {waiting['prompt'].nunique()} prompts)."
    side = (
        "under-confident" if low > 0 else "over-confident" if high < 0
        else "not shown to be over- or under-confident"
    )  # fmt: skip
    name = "steps waited while right"
    steps = Interval(early[name], (early[f"{name}, low"], early[f"{name}, high"]))
    return (
        f"While they wait, proposals are {side} on average. The share that is right less confidence is"
        f" {percent(whole, 'right - confidence')}, the calibration error"
        f" {whole['calibration error']:.1%}, where sampling alone would make {whole['of sampling']:.1%}. Of"
        f" the tokens that waited {percent(early, 'right at first sight')} were right at first sight, and a"
        f" token waits {steps} steps while it is right already."
    )
