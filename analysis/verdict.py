"""What the numbers say about additivity, a sentence and what it rests on; or that they are too few."""

import math

import numpy as np
import pandas as pd

from analysis.agreement import GAP, RATIO, decomposition, noise
from analysis.statistics import Interval

ENOUGH_BLOCKS = 30
"""Fewer blocks tell nothing."""
CLOSE = 0.1
"""A ratio within a tenth of one, and half of all gaps within a tenth of J or A, is called additive."""
LARGEST_ERROR = 0.1
"""Half of the blocks should know J better than to this share of it."""
COUPLED = "the last block couples the candidates (J > A')"
ALIKE = "candidates learn the same thing from it (J < A')"
ABOVE = "the model's one-shot marginals move less than those of its own joint (A' > A)"
BELOW = "the model's one-shot marginals move more than those of its own joint (A' < A)"
MOST_UNSEEN = 0.5
"""Where of more blocks than this all histories were equal, the error of the others is not that of all."""


def verdict(blocks: pd.DataFrame, found: dict[str, Interval], fixed: pd.DataFrame | None = None) -> str:
    """What the numbers say, from blocks that can tell and their statistics.

    `fixed` has a row per fixed size, with the ratio of sums there.
    """
    prompts = blocks["prompt"].nunique()
    ratio, gap = found[RATIO], found[GAP]
    if len(blocks) < ENOUGH_BLOCKS or ratio.ci95 is None or gap.ci95 is None:
        return f"Too few blocks to tell ({len(blocks)} blocks of {prompts} prompts)."
    (low, high), sampling = ratio.ci95, noise(blocks)
    first, third = (found[f"{name} quartile of J / A"].value for name in ("first", "third"))
    numbers = (
        f"{RATIO} = {ratio}, in {len(blocks)} blocks of {prompts} prompts; median J / A ="
        f" {found['median J / A']}, quartiles {first:.2f} and {third:.2f}. Half of the blocks are off by more"
        f" than {gap.value:.0%} of the larger of J and A ({gap.ci95[0]:.0%} to {gap.ci95[1]:.0%}),"
        f" {_by_chance(sampling)}.{_at_sizes(fixed)}{_warning(sampling)}"
    )
    if low > 1 + CLOSE or high < 1 - CLOSE:
        side = "under" if low > 1 else "over"
        return f"Not additive: the sum {side}-counts, {_why(blocks)}. {numbers}"
    if low < 1 - CLOSE or high > 1 + CLOSE:
        return f"Undecided: the interval reaches further than a tenth from one. {numbers}"
    return f"{_single(gap.value, gap.ci95, sampling['median gap of noise'])}. {numbers}"


def _by_chance(sampling: dict[str, float]) -> str:
    """What the gap would be without one, as far as that is known."""
    chance, equal = sampling["median gap of noise"], sampling["all histories equal"]
    if np.isnan(chance):
        return "and what sampling alone would give is not known, since in no block did two histories differ"
    but = f" (known for the {1 - equal:.0%} in which two histories differ)" if equal else ""
    return f"where sampling alone would give {chance:.0%} were J equal to A{but}"


def _at_sizes(fixed: pd.DataFrame | None) -> str:
    """The ratio at sizes that do not hang on A, from left to right."""
    if fixed is None or fixed.empty:
        return ""
    ratios = (
        f"{Interval(row[RATIO], (row[f'{RATIO}, low'], row[f'{RATIO}, high']))} with {row['candidates']}"
        for _, row in fixed.iterrows()
    )
    return f" In blocks of a fixed number of candidates {RATIO} is {', '.join(ratios)}."


def _warning(sampling: dict[str, float]) -> str:
    """That there were too few histories, or that they were all alike."""
    error, equal = sampling["median SE(J) / J"], sampling["all histories equal"]
    said = ""
    if error > LARGEST_ERROR:
        known = " whose error is known" if equal else ""
        said += f" More histories are needed: half of the blocks{known} have a standard error above"
        said += f" {error:.0%} of J."
    if equal > MOST_UNSEEN:
        least = sampling["seen where all are equal, first quartile"]
        said += f" In {equal:.0%} of the blocks all histories were equal: J is that of the model's likeliest"
        said += f" text, which has a probability of at least {least:.0%} in three quarters of them."
    return said


def _single(gap: float, ci95: tuple[float, float], chance: float) -> str:
    """What holds of single blocks where the sum is right; the noise of sampling is taken off in squares."""
    low, high = ci95
    if high <= CLOSE:
        return "Approximately additive, in sum and block by block"
    if low > CLOSE and math.sqrt(max(gap**2 - chance**2, 0.0)) > CLOSE:
        return "Additive in sum, but not block by block"
    return "Additive in sum; for single blocks it takes more blocks or histories to tell"


def _why(blocks: pd.DataFrame) -> str:
    """The larger part of the gap, or both where none is shown to be larger.

    A part counts if its interval lies on the gap's side of zero, with the correction for few histories and
    without; where none does there is no reason to name.
    """
    parts = decomposition(blocks)
    if "J - A'" not in parts:
        return "for reasons that were not measured"
    above = parts["J - A"].value > 0
    names = {"J - A'": COUPLED if above else ALIKE, "A' - A": ABOVE if above else BELOW}
    shown = {
        name: all(_beyond(parts[end], above) for end in (name, f"{name}, uncorrected")) for name in names
    }
    reasons = [names[name] for name in names if shown[name]]
    low, high = parts["difference of the two"].bounds
    if not reasons:
        return "for no single reason that shows"
    if len(reasons) == 1:
        return f"because {reasons[0]}"
    if low <= 0 <= high:
        return f"because {reasons[0]} and because {reasons[1]}: which does more is not shown"
    more = np.argmax([abs(parts[name].value) for name in names])
    return f"mostly because {reasons[more]}, but also because {reasons[1 - more]}"


def _beyond(part: Interval, above: bool) -> bool:
    """Whether its interval lies on this side of zero."""
    low, high = part.bounds
    return low > 0 if above else high < 0
