"""How well A stands for J over many blocks: ratios, slopes, correlations, with intervals over prompts."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.additivity import reach
from analysis.statistics import Interval, clustered_all, clustered_means

FLOOR = 1e-3
"""Nats. Where J and A are both below this there is no influence whose parts could add up."""
MEDIAN_DEVIATION = float(stats.norm.ppf(0.75))
"""Median distance from zero of what is normally distributed, in standard errors."""
NULLS = 10
"""Nor where they are below so many times the noise of the numbers."""

LEAST = 1e-9
"""Nats. What is divided by is at least this."""
RATIO, GAP = "sum J / sum A", "median |J - A| / max(J, A)"
"""What the verdict is on. The gap has the larger of both under it: of J alone it has no bound."""

Values = NDArray[np.float64]


def ratio_of_sums(joint: Values, additive: Values) -> float:
    """Sum of J over sum of A; NaN of nothing."""
    return float(joint.sum() / additive.sum()) if len(additive) else np.nan


def quantile_of_ratios(share: float, joint: Values, additive: Values) -> float:
    """The block's J / A below which this share of blocks lies: the median, or a quartile."""
    return float(np.quantile(joint / np.maximum(additive, LEAST), share))


def bounded_gap(joint: Values, additive: Values) -> Values:
    """(J - A) / max(J, A), from -1 to 1."""
    return (joint - additive) / np.maximum(np.maximum(joint, additive), LEAST)


def median_bounded_gap(joint: Values, additive: Values) -> float:
    """Median of |J - A| / max(J, A)."""
    return float(np.median(np.abs(bounded_gap(joint, additive))))


def median_gap(joint: Values, additive: Values) -> float:
    """Median of |J - A| / J."""
    return float(np.median(np.abs(joint - additive) / np.maximum(joint, LEAST)))


def median_signed_gap(joint: Values, additive: Values) -> float:
    """Median of (J - A) / J."""
    return float(np.median((joint - additive) / np.maximum(joint, LEAST)))


def slope(joint: Values, additive: Values) -> float:
    """Least squares of J on A, with intercept; NaN where A does not vary."""
    spread = np.cov(joint, additive)
    return float(spread[0, 1] / spread[1, 1]) if _vary(additive) else np.nan


def slope_through_origin(joint: Values, additive: Values) -> float:
    """Least squares of J on A, without intercept."""
    return float((joint * additive).sum() / (additive**2).sum())


def total_slope(joint: Values, additive: Values) -> float:
    """Total least squares, which takes both axes for noisy. NaN where A does not vary.

    A is not: noise in J leaves `slope` unbiased, and tilts this one. It is there to be compared with others.
    """
    centred = np.stack((additive - additive.mean(), joint - joint.mean()))
    direction = np.linalg.svd(centred, full_matrices=False)[0][:, 0]
    return float(direction[1] / direction[0]) if _vary(additive) else np.nan


def determination(joint: Values, additive: Values) -> float:
    """R² of the least-squares line."""
    return pearson(joint, additive) ** 2


def determination_of_logs(joint: Values, additive: Values) -> float:
    """R² of log J on log A, so that large blocks do not decide alone."""
    return determination(np.log(np.maximum(joint, FLOOR)), np.log(np.maximum(additive, FLOOR)))


def pearson(joint: Values, additive: Values) -> float:
    """Linear correlation; NaN where either does not vary."""
    return float(np.corrcoef(joint, additive)[0, 1]) if _vary(joint, additive) else np.nan


def spearman(joint: Values, additive: Values) -> float:
    """Rank correlation; NaN where either does not vary."""
    return pearson(stats.rankdata(joint), stats.rankdata(additive))


def _vary(*columns: Values) -> bool:
    return all(np.ptp(column) > 0 for column in columns)


STATISTICS: dict[str, Callable[[Values, Values], float]] = {
    RATIO: ratio_of_sums,
    "median J / A": partial(quantile_of_ratios, 0.5),
    "first quartile of J / A": partial(quantile_of_ratios, 0.25),
    "third quartile of J / A": partial(quantile_of_ratios, 0.75),
    GAP: median_bounded_gap,
    "median |J - A| / J": median_gap,
    "median (J - A) / J": median_signed_gap,
    "slope": slope,
    "slope through the origin": slope_through_origin,
    "slope, total least squares": total_slope,
    "R²": determination,
    "R² of logs": determination_of_logs,
    "Pearson": pearson,
    "Spearman": spearman,
}
"""What is reported of J against A, by name."""


def whole(blocks: pd.DataFrame) -> pd.DataFrame:
    """Blocks of two and more candidates (one is additive by definition), cut by nothing but the decoder."""
    return blocks[(blocks["size"] > 1) & ~blocks["cut"].astype(bool)]


def moved(blocks: pd.DataFrame, floor: float = FLOOR) -> pd.DataFrame:
    """The blocks that the last block moved at all: by `floor` nats, and by more than the numbers' noise."""
    least = np.maximum(floor, NULLS * blocks["null"]) if "null" in blocks else floor
    return blocks[np.maximum(blocks["joint"], blocks["additive"]) >= least]


def unseen(blocks: pd.DataFrame) -> pd.Series:
    """Blocks all of whose histories were equal: what others would have added is not known, nor J's error."""
    return (blocks["distinct"] == 1) & (blocks["size"] > 1)


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
    asked = {name: STATISTICS[name] for name in statistics}
    return clustered_all(asked, (first, second), prompts, seed=seed)


def decomposition(blocks: pd.DataFrame) -> dict[str, Interval]:
    """Mean parts of the gap, and shares of blocks, with intervals over prompts.

    J - A is T - X + kappa, and (J - A') + (A' - A), A' the sum with the joints' own marginals, where it was
    measured. Blocks count as within 10 % and 25 % of J as they were measured.
    """
    gap, joint = blocks["joint"] - blocks["additive"], blocks["joint"]
    parts = {
        "J - A": gap, "T": blocks["correlation"], "TC": blocks["dependence"], "X": blocks["cross"],
        "kappa": blocks["inconsistency"], "within 10 %": gap.abs() <= 0.1 * joint,
        "within 25 %": gap.abs() <= 0.25 * joint,
    }  # fmt: skip
    if len(proxy := own_proxy(blocks)):
        raw = blocks["own_additive"]
        parts = {
            "J - A'": joint - proxy, "A' - A": proxy - blocks["additive"], **parts,
            "difference of the two": joint - proxy - (proxy - blocks["additive"]),
            "J - A', uncorrected": joint - raw, "A' - A, uncorrected": raw - blocks["additive"],
        }  # fmt: skip
    return clustered_means(pd.DataFrame(parts), blocks["prompt"])


def own_proxy(blocks: pd.DataFrame) -> pd.Series:
    """A', the sum with the joints' own marginals; empty where it was not measured for all blocks.

    Few histories make it too large; twice that of all of them less that of half is free of the first order.
    """
    both = blocks.reindex(columns=["own_additive", "own_additive_half"])
    return (
        2 * both["own_additive"] - both["own_additive_half"] if both.notna().all(axis=None) else pd.Series([])
    )


def beyond_sampling(blocks: pd.DataFrame) -> dict[str, Interval]:
    """Shares of blocks whose gap is larger than the 95 % reach of sampling, of those whose error is known.

    Where all histories were equal it is not; `seen` says how probable the one that was drawn is.
    """
    known = blocks.dropna(subset=["standard_error"])
    gap = known["joint"] - known["additive"]
    sampling = reach(known["standard_error"], known["histories"])
    shares = {"J > A beyond sampling error": gap > sampling, "J < A beyond sampling error": gap < -sampling}
    return clustered_means(pd.DataFrame(shares), known["prompt"])


def noise(blocks: pd.DataFrame) -> dict[str, float]:
    """What the sampling of histories alone does to the numbers, of the blocks whose error is known.

    `median gap of noise` is what the median of |J - A| / max(J, A) would be if J were A; `R², disattenuated`
    is R² (`R² of these`) over the share of J's variance that is not sampling error. The histories that were
    drawn have the share `seen` of all probability: half of the blocks have seen at least the median.
    """
    known = blocks.dropna(subset=["standard_error"])
    error, joint = known["standard_error"], known["joint"]
    relative = float((error / joint.clip(lower=LEAST)).median())
    spread = float(joint.var())
    reliability = 1 - float((error**2).mean()) / spread if spread else np.nan
    r2 = determination(joint.to_numpy(float), known["additive"].to_numpy(float)) if len(known) > 2 else np.nan
    equal = unseen(blocks)
    return {
        "all histories equal": float(equal.mean()), "seen, median": float(blocks["seen"].median()),
        "seen where all are equal, first quartile": float(blocks["seen"][equal].quantile(0.25)),
        "error known, blocks": len(known), "median SE(J) / J": relative,
        "median gap of noise": MEDIAN_DEVIATION * relative, "R² of these": r2,
        "R², disattenuated": min(r2 / reliability, 1.0) if reliability > 0 else np.nan,
    }  # fmt: skip
