"""What the numbers say about additivity, in one sentence; it says so when they are too few."""

import math

import pandas as pd

from analysis.agreement import decomposition, noise
from analysis.statistics import Interval

ENOUGH_BLOCKS = 30
"""Fewer blocks tell nothing."""
CLOSE = 0.1
"""A ratio within a tenth of one, and half of all gaps within a tenth of J, is called additive."""


def verdict(blocks: pd.DataFrame, found: dict[str, Interval]) -> str:
    """The sentence, from blocks that can tell and their statistics."""
    prompts = blocks["prompt"].nunique()
    ratio, gap = found["sum J / sum A"], found["median |J - A| / J"]
    if len(blocks) < ENOUGH_BLOCKS or ratio.ci95 is None or gap.ci95 is None:
        return f"Too few blocks to tell ({len(blocks)} blocks of {prompts} prompts)."
    low, high = ratio.ci95
    chance = noise(blocks)["median gap of noise"]
    numbers = (
        f"sum J / sum A = {ratio}; half of the blocks are off by more than {gap.value:.0%} of J"
        f" ({gap.ci95[0]:.0%} to {gap.ci95[1]:.0%}), where sampling alone would give {chance:.0%} were J"
        f" equal to A; {len(blocks)} blocks of {prompts} prompts"
    )
    if low > 1 + CLOSE or high < 1 - CLOSE:
        side = "under" if low > 1 else "over"
        return f"Not additive: the sum {side}-counts, {_why(blocks)} ({numbers})."
    if low < 1 - CLOSE or high > 1 + CLOSE:
        return f"Undecided: the interval reaches further than a tenth from one ({numbers})."
    return f"{_single(gap.value, gap.ci95, chance)} ({numbers})."


def _single(gap: float, ci95: tuple[float, float], chance: float) -> str:
    """What holds of single blocks where the sum is right; the noise of sampling is taken off in squares."""
    low, high = ci95
    if high <= CLOSE:
        return "Approximately additive, in sum and block by block"
    if low > CLOSE and math.sqrt(max(gap**2 - chance**2, 0.0)) > CLOSE:
        return "Additive in sum, but not block by block"
    return "Additive in sum; for single blocks it takes more blocks or histories to tell"


def _why(blocks: pd.DataFrame) -> str:
    """The larger part of the gap, if its interval lies on the gap's side of zero."""
    parts = decomposition(blocks)
    coupling, kappa, above = parts["T - X"], parts["kappa"], parts["J - A"].value > 0
    if abs(kappa.value) > abs(coupling.value):
        part, why = kappa, "mostly because the model's conditionals do not agree with its marginals (κ)"
    elif above:
        part, why = coupling, "because the last block couples the candidates (T > X)"
    else:
        part, why = coupling, "because candidates learn the same thing from it (X > T)"
    low, high = part.bounds
    return why if (low > 0 if above else high < 0) else "for no single reason that shows"
