"""How well A stands for J over many blocks: ratios, slopes, correlations, with intervals over prompts."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

RESAMPLES = 2_000
ENOUGH_BLOCKS, ENOUGH_PROMPTS = 30, 10
"""Fewer blocks, or blocks of fewer prompts, tell nothing."""
CLOSE = 0.1
"""A ratio within a tenth of one, and half of all gaps within a tenth of J, is called additive."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A statistic with its 95 % interval from a cluster bootstrap over prompts; None where it has none."""

    value: float
    ci95: tuple[float, float] | None


def ratio_of_sums(joint: Values, additive: Values) -> float:
    """Sum of J over sum of A."""
    return float(joint.sum() / additive.sum())


def median_ratio(joint: Values, additive: Values) -> float:
    """Median of J / A."""
    return float(np.median(joint / additive))


def median_gap(joint: Values, additive: Values) -> float:
    """Median of |J - A| / J."""
    return float(np.median(np.abs(joint - additive) / joint))


def slope(joint: Values, additive: Values) -> float:
    """Least squares of J on A, with intercept."""
    return float(stats.linregress(additive, joint).slope)


def slope_through_origin(joint: Values, additive: Values) -> float:
    """Least squares of J on A, without intercept."""
    return float((joint * additive).sum() / (additive**2).sum())


def total_slope(joint: Values, additive: Values) -> float:
    """Total least squares: both axes are noisy."""
    centred = np.stack((additive - additive.mean(), joint - joint.mean()))
    direction = np.linalg.svd(centred, full_matrices=False)[0][:, 0]
    return float(direction[1] / direction[0])


def determination(joint: Values, additive: Values) -> float:
    """R² of the least-squares line."""
    return float(stats.linregress(additive, joint).rvalue ** 2)


def pearson(joint: Values, additive: Values) -> float:
    """Linear correlation."""
    return float(stats.pearsonr(joint, additive).statistic)


def spearman(joint: Values, additive: Values) -> float:
    """Rank correlation."""
    return float(stats.spearmanr(joint, additive).statistic)


STATISTICS: dict[str, Callable[[Values, Values], float]] = {
    "sum J / sum A": ratio_of_sums,
    "median J / A": median_ratio,
    "median |J - A| / J": median_gap,
    "slope": slope,
    "slope through the origin": slope_through_origin,
    "slope, total least squares": total_slope,
    "R²": determination,
    "Pearson": pearson,
    "Spearman": spearman,
}
"""What is reported of J against A, by name."""


def agreement(blocks: pd.DataFrame, seed: int = 0) -> dict[str, Interval]:
    """Every statistic over the blocks' `joint` and `additive`, prompts (`prompt`) resampled whole."""
    joint, additive = blocks["joint"].to_numpy(float), blocks["additive"].to_numpy(float)
    clusters = [np.flatnonzero(blocks["prompt"] == prompt) for prompt in blocks["prompt"].unique()]
    return {
        name: Interval(statistic(joint, additive), _interval(statistic, joint, additive, clusters, seed))
        for name, statistic in STATISTICS.items()
    }


def _interval(
    statistic: Callable[[Values, Values], float],
    joint: Values,
    additive: Values,
    clusters: list[NDArray[np.int64]],
    seed: int,
) -> tuple[float, float] | None:
    if len(clusters) < ENOUGH_PROMPTS:
        return None

    def resampled(chosen: NDArray[np.int64]) -> float:
        rows = np.concatenate([clusters[number] for number in chosen])
        return statistic(joint[rows], additive[rows])

    found = stats.bootstrap(
        (np.arange(len(clusters)),), resampled, vectorized=False, n_resamples=RESAMPLES, method="percentile",
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def decomposition(blocks: pd.DataFrame) -> dict[str, float]:
    """Mean parts of the gap J - A = T - X + kappa, and how often either side prevails."""
    gap = blocks["joint"] - blocks["additive"]
    return {
        "T": float(blocks["correlation"].mean()), "X": float(blocks["cross"].mean()),
        "kappa": float(blocks["inconsistency"].mean()), "J - A": float(gap.mean()),
        "synergy (J > A)": float((gap > 0).mean()), "redundancy (J < A)": float((gap < 0).mean()),
        "within 10 %": float((gap.abs() <= 0.1 * blocks["joint"]).mean()),
        "within 25 %": float((gap.abs() <= 0.25 * blocks["joint"]).mean()),
    }  # fmt: skip


def verdict(blocks: pd.DataFrame, found: dict[str, Interval]) -> str:
    """What the numbers say, in one sentence; it says so when they are too few."""
    prompts = blocks["prompt"].nunique()
    ratio, gap = found["sum J / sum A"], found["median |J - A| / J"]
    if len(blocks) < ENOUGH_BLOCKS or ratio.ci95 is None:
        return f"Too few blocks to tell ({len(blocks)} blocks of {prompts} prompts)."
    low, high = ratio.ci95
    numbers = (
        f"sum J / sum A = {ratio.value:.2f} ({low:.2f} to {high:.2f}), half of all blocks are off by more"
        f" than {gap.value:.0%} of J; {len(blocks)} blocks of {prompts} prompts"
    )
    if low > 1 + CLOSE:
        return f"Not additive: the sum under-counts, the last block couples the candidates ({numbers})."
    if high < 1 - CLOSE:
        return f"Not additive: the sum over-counts, the candidates learn the same thing twice ({numbers})."
    if low < 1 - CLOSE or high > 1 + CLOSE:
        return f"Undecided: the interval reaches further than a tenth from one ({numbers})."
    if gap.value > CLOSE:
        return f"Additive in sum, but not block by block ({numbers})."
    return f"Approximately additive, in sum and block by block ({numbers})."
