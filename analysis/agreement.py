"""How well A stands for J over many blocks: ratios, slopes, correlations, with intervals over prompts."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics import Interval, clustered, mean

ENOUGH_BLOCKS = 30
"""Fewer blocks tell nothing."""
CLOSE = 0.1
"""A ratio within a tenth of one, and half of all gaps within a tenth of J, is called additive."""
FLOOR = 1e-3
"""Nats. Where J and A are both below this there is no influence whose parts could add up."""
MEDIAN_DEVIATION = float(stats.norm.ppf(0.75))
"""Median distance from zero of what is normally distributed, in standard errors."""
NULLS = 10
"""Nor where they are below so many times the noise of the numbers."""

Values = NDArray[np.float64]


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
    """Least squares of J on A, with intercept; NaN where A does not vary."""
    return float(stats.linregress(additive, joint).slope) if np.ptp(additive) else np.nan


def slope_through_origin(joint: Values, additive: Values) -> float:
    """Least squares of J on A, without intercept."""
    return float((joint * additive).sum() / (additive**2).sum())


def total_slope(joint: Values, additive: Values) -> float:
    """Total least squares: both axes are noisy. NaN where A does not vary."""
    centred = np.stack((additive - additive.mean(), joint - joint.mean()))
    direction = np.linalg.svd(centred, full_matrices=False)[0][:, 0]
    return float(direction[1] / direction[0]) if np.ptp(additive) else np.nan


def determination(joint: Values, additive: Values) -> float:
    """R² of the least-squares line."""
    return pearson(joint, additive) ** 2


def determination_of_logs(joint: Values, additive: Values) -> float:
    """R² of log J on log A, so that large blocks do not decide alone."""
    return determination(np.log(np.maximum(joint, FLOOR)), np.log(np.maximum(additive, FLOOR)))


def pearson(joint: Values, additive: Values) -> float:
    """Linear correlation; NaN where either does not vary."""
    return float(stats.pearsonr(joint, additive).statistic) if _vary(joint, additive) else np.nan


def spearman(joint: Values, additive: Values) -> float:
    """Rank correlation; NaN where either does not vary."""
    return float(stats.spearmanr(joint, additive).statistic) if _vary(joint, additive) else np.nan


def _vary(*columns: Values) -> bool:
    return all(np.ptp(column) > 0 for column in columns)


STATISTICS: dict[str, Callable[[Values, Values], float]] = {
    "sum J / sum A": ratio_of_sums,
    "median J / A": median_ratio,
    "median |J - A| / J": median_gap,
    "slope": slope,
    "slope through the origin": slope_through_origin,
    "slope, total least squares": total_slope,
    "R²": determination,
    "R² of logs": determination_of_logs,
    "Pearson": pearson,
    "Spearman": spearman,
}
"""What is reported of J against A, by name."""


def moved(blocks: pd.DataFrame) -> pd.DataFrame:
    """The blocks that the last block moved at all, by more than the numbers' noise."""
    floor = np.maximum(FLOOR, NULLS * blocks["null"]) if "null" in blocks else FLOOR
    return blocks[np.maximum(blocks["joint"], blocks["additive"]) >= floor]


def agreement(
    blocks: pd.DataFrame, statistics: Sequence[str] = tuple(STATISTICS), seed: int = 0
) -> dict[str, Interval]:
    """Statistics of the blocks' `joint` and `additive`, prompts (`prompt`) resampled whole.

    All are NaN where there are fewer than three blocks.
    """
    return compare(blocks["joint"], blocks["additive"], blocks["prompt"], statistics, seed)


def compare(
    first: pd.Series, second: pd.Series, prompts: pd.Series, statistics: Sequence[str], seed: int = 0
) -> dict[str, Interval]:
    """The same statistics of any two quantities, the first in J's place and the second in A's."""
    if len(first) < 3:
        return {name: Interval(np.nan, None) for name in statistics}
    return {name: clustered(STATISTICS[name], (first, second), prompts, seed=seed) for name in statistics}


def decomposition(blocks: pd.DataFrame) -> dict[str, Interval | float]:
    """Mean parts of the gap J - A = T - X + kappa with their intervals, and how often J is the larger."""
    gap = blocks["joint"] - blocks["additive"]
    parts = {
        "T": blocks["correlation"], "X": blocks["cross"], "T - X": blocks["correlation"] - blocks["cross"],
        "kappa": blocks["inconsistency"], "J - A": gap,
    }  # fmt: skip
    return {name: clustered(mean, [part], blocks["prompt"], 0.0) for name, part in parts.items()} | {
        "J > A": float((gap > 0).mean()), "J < A": float((gap < 0).mean()),
        "within 10 %": float((gap.abs() <= 0.1 * blocks["joint"]).mean()),
        "within 25 %": float((gap.abs() <= 0.25 * blocks["joint"]).mean()),
    }  # fmt: skip


def noise(blocks: pd.DataFrame) -> dict[str, float]:
    """What the sampling of histories alone does to the numbers.

    `median gap of noise` is what the median of |J - A| / J would be if J were A; `R², disattenuated` is R²
    over the share of J's variance that is not sampling error.
    """
    error, joint = blocks["standard_error"], blocks["joint"]
    relative = float((error / joint.clip(lower=1e-9)).median())
    spread = float(joint.var())
    reliability = 1 - float((error**2).mean()) / spread if spread else np.nan
    r2 = (
        determination(joint.to_numpy(float), blocks["additive"].to_numpy(float))
        if len(blocks) > 2
        else np.nan
    )
    return {
        "median SE(J) / J": relative, "median gap of noise": MEDIAN_DEVIATION * relative,
        "R², disattenuated": min(r2 / reliability, 1.0) if reliability > 0 else np.nan,
    }  # fmt: skip


def verdict(blocks: pd.DataFrame, found: dict[str, Interval]) -> str:
    """What the numbers say, in one sentence; it says so when they are too few."""
    prompts = blocks["prompt"].nunique()
    ratio, gap = found["sum J / sum A"], found["median |J - A| / J"]
    if len(blocks) < ENOUGH_BLOCKS or ratio.ci95 is None:
        return f"Too few blocks to tell ({len(blocks)} blocks of {prompts} prompts)."
    low, high = ratio.ci95
    chance = noise(blocks)["median gap of noise"]
    numbers = (
        f"sum J / sum A = {ratio}, half of all blocks are off by more than {gap.value:.0%} of J, of which"
        f" sampling alone would give {chance:.0%}; {len(blocks)} blocks of {prompts} prompts"
    )
    if low > 1 + CLOSE or high < 1 - CLOSE:
        side = "under" if low > 1 else "over"
        return f"Not additive: the sum {side}-counts, {_why(blocks)} ({numbers})."
    if low < 1 - CLOSE or high > 1 + CLOSE:
        return f"Undecided: the interval reaches further than a tenth from one ({numbers})."
    if gap.value <= CLOSE:
        return f"Approximately additive, in sum and block by block ({numbers})."
    if chance > CLOSE / 2:
        return f"Additive in sum; for single blocks it takes more histories to tell ({numbers})."
    return f"Additive in sum, but not block by block ({numbers})."


def _why(blocks: pd.DataFrame) -> str:
    """Which part of the gap makes most of it, if that can be told."""
    parts = decomposition(blocks)
    coupling, kappa, gap = parts["T - X"], parts["kappa"], parts["J - A"]
    assert isinstance(coupling, Interval)
    assert isinstance(kappa, Interval)
    assert isinstance(gap, Interval)
    if abs(kappa.value) > abs(coupling.value):
        return "mostly because the model's conditionals do not agree with its marginals (κ)"
    low, high = coupling.bounds
    if low > 0 and gap.value > 0:
        return "because the last block couples the candidates (T > X)"
    if high < 0 and gap.value < 0:
        return "because candidates learn the same thing from it (X > T)"
    return "for no single reason that shows"
