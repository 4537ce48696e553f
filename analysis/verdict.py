"""What the numbers say about additivity, in one sentence; it says so when they are too few."""

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
COUPLED = "the last block couples the candidates (T > X)"
ALIKE = "candidates learn the same thing from it (X > T)"
INCOHERENT = "the model's conditionals do not agree with its marginals (κ)"


def verdict(blocks: pd.DataFrame, found: dict[str, Interval], fixed: pd.DataFrame | None = None) -> str:
    """The sentence, from blocks that can tell and their statistics.

    `fixed` has a row per fixed size, with the ratio of sums there.
    """
    prompts = blocks["prompt"].nunique()
    ratio, gap = found[RATIO], found[GAP]
    if len(blocks) < ENOUGH_BLOCKS or ratio.ci95 is None or gap.ci95 is None:
        return f"Too few blocks to tell ({len(blocks)} blocks of {prompts} prompts)."
    (low, high), sampling = ratio.ci95, noise(blocks)
    first, third = (found[f"{name} quartile of J / A"].value for name in ("first", "third"))
    numbers = (
        f"median J / A = {found['median J / A']}, quartiles {first:.2f} and {third:.2f}; {RATIO} = {ratio};"
        f" half of the blocks are off by more than {gap.value:.0%} of the larger of J and A"
        f" ({gap.ci95[0]:.0%} to {gap.ci95[1]:.0%}), {_by_chance(sampling)}; {len(blocks)} blocks of"
        f" {prompts} prompts{_at_sizes(fixed)}"
    )
    warning = _warning(sampling["median SE(J) / J"])
    if low > 1 + CLOSE or high < 1 - CLOSE:
        side = "under" if low > 1 else "over"
        return f"Not additive: the sum {side}-counts, {_why(blocks)} ({numbers}).{warning}"
    if low < 1 - CLOSE or high > 1 + CLOSE:
        return f"Undecided: the interval reaches further than a tenth from one ({numbers}).{warning}"
    return f"{_single(gap.value, gap.ci95, sampling['median gap of noise'])} ({numbers}).{warning}"


def _by_chance(sampling: dict[str, float]) -> str:
    """What the gap would be without one, as far as that is known."""
    chance, equal = sampling["median gap of noise"], sampling["all histories equal"]
    if np.isnan(chance):
        return "and what sampling alone would give is not known, since in no block did two histories differ"
    but = f" (of the {equal:.0%} whose histories were all equal that is not known)" if equal else ""
    return f"where sampling alone would give {chance:.0%} were J equal to A{but}"


def _at_sizes(fixed: pd.DataFrame | None) -> str:
    """The ratio at sizes that do not hang on A, from left to right."""
    if fixed is None or fixed.empty:
        return ""
    ratios = (
        f"{Interval(row[RATIO], (row[f'{RATIO}, low'], row[f'{RATIO}, high']))} with {row['candidates']}"
        for _, row in fixed.iterrows()
    )
    return f"; in blocks of a fixed number of candidates {RATIO} is {', '.join(ratios)}"


def _warning(error: float) -> str:
    """That there were too few histories."""
    if not error > LARGEST_ERROR:
        return ""
    return f" More histories are needed: half of the blocks have a standard error above {error:.0%} of J."


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

    A part counts if its interval lies on the gap's side of zero; where none does there is no reason to name.
    """
    parts = decomposition(blocks)
    coupling, kappa, above = parts["T - X"], parts["kappa"], parts["J - A"].value > 0
    why = COUPLED if above else ALIKE
    shown = [part.bounds[0] > 0 if above else part.bounds[1] < 0 for part in (coupling, kappa)]
    low, high = parts["kappa - (T - X)"].bounds
    if low <= 0 <= high and any(shown):
        return f"because {why} and because {INCOHERENT}: which does more is not shown"
    if abs(kappa.value) > abs(coupling.value):
        reason, counts = f"mostly because {INCOHERENT}", shown[1]
    else:
        reason, counts = f"because {why}", shown[0]
    return reason if counts else "for no single reason that shows"
