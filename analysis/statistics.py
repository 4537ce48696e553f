"""Tests and intervals: the same problems decoded in two ways, and statistics over prompts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, bootstrap, rankdata

from depcap.evaluation import wilson

RESAMPLES, CLUSTER_RESAMPLES = 9_999, 2_000
ENOUGH_PROMPTS = 10
"""Things that come from fewer prompts have no interval."""
MOST_UNDEFINED = 0.01
"""A statistic that does not exist in more resamples than this hangs on a few prompts: no interval either."""


@dataclass(frozen=True, slots=True)
class Paired:
    """Two ways to decode the same problems, the first against the second.

    `difference` is that of the accuracies, `ci95` its 95 % interval; `wins` and `losses` are problems that
    only the first, or only the second, solves; `p` is McNemar's exact two-sided test on these.
    """

    difference: float
    ci95: tuple[float, float]
    wins: int
    losses: int
    p: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of sums over problems, with its 95 % bootstrap interval."""

    value: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Interval:
    """A statistic with its 95 % interval from a cluster bootstrap over prompts; None where it has none.

    `p` is that of the statistic being the null value, from the same bootstrap.
    """

    value: float
    ci95: tuple[float, float] | None
    p: float | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        """Both ends; NaN where there is no interval."""
        return self.ci95 or (np.nan, np.nan)

    def __str__(self) -> str:
        if self.ci95 is None:
            return f"{self.value:.2f}"
        return f"{self.value:.2f} ({self.ci95[0]:.2f} to {self.ci95[1]:.2f})"


def mcnemar(first: ArrayLike, second: ArrayLike) -> Paired:
    """Whether two decoders' accuracies differ. With no discordant problem p is 1."""
    left, right = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    wins, losses = int((left & ~right).sum()), int((~left & right).sum())
    p = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    interval = newcombe(int((left & right).sum()), wins, losses, int((~left & ~right).sum()))
    return Paired((wins - losses) / len(left), interval, wins, losses, float(p))


def newcombe(both: int, first: int, second: int, neither: int) -> tuple[float, float]:
    """95 % interval of the difference of two accuracies on the same problems.

    The counts are of problems that both solve, only the first, only the second, and neither. Wilson's
    intervals of both, joined by their correlation (Newcombe 1998, Statistics in Medicine 17, method 10):
    unlike Wald's it has a width where the decoders agree on every problem.
    """
    n = both + first + second + neither
    one, other = both + first, both + second
    p, q, difference = one / n, other / n, (first - second) / n
    (low_p, high_p), (low_q, high_q) = wilson(one, n), wilson(other, n)
    product = both * neither - first * second
    corrected = max(product - n / 2, 0) if product > 0 else product
    spread = float(one) * (n - one) * other * (n - other)
    correlation = corrected / spread**0.5 if spread else 0.0

    def apart(a: float, b: float) -> float:
        return (a**2 - 2 * correlation * a * b + b**2) ** 0.5

    return difference - apart(p - low_p, high_q - q), difference + apart(high_p - p, q - low_q)


def ratio(first: ArrayLike, second: ArrayLike, seed: int = 0) -> Ratio:
    """Sum of the first over sum of the second; problems are resampled in pairs.

    The interval is the percentile bootstrap's. Where all pairs have one ratio it has no width.
    """
    left, right = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    value = float(left.sum() / right.sum())
    if len(left) < 2 or np.ptp(left / right) == 0:
        return Ratio(value, (value, value))

    def of_sums(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
        return a.sum(axis=axis) / b.sum(axis=axis)

    found = bootstrap(
        (left, right), of_sums, paired=True, vectorized=True, n_resamples=RESAMPLES, method="percentile",
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    low, high = found.confidence_interval
    return Ratio(value, (float(low), float(high)))


def clustered(
    statistic: Callable[..., float],
    columns: Sequence[ArrayLike],
    prompts: ArrayLike,
    null: float = 1.0,
    seed: int = 0,
) -> Interval:
    """A statistic of columns of numbers, prompts resampled whole: things from one prompt hang together.

    Resamples in which the statistic does not exist (NaN) are left out; where they are many there is no
    interval.
    """
    return clustered_all({"": statistic}, columns, prompts, null, seed)[""]


def clustered_all(
    statistics: Mapping[str, Callable[..., float]],
    columns: Sequence[ArrayLike],
    prompts: ArrayLike,
    null: float = 1.0,
    seed: int = 0,
) -> dict[str, Interval]:
    """Several statistics, all on the same resamples. A column has a row per thing, of one number or more."""
    values = [np.asarray(column, dtype=float) for column in columns]
    found = {name: statistic(*values) for name, statistic in statistics.items()}
    clusters = list(pd.Series(np.arange(len(values[0]))).groupby(np.asarray(prompts)).indices.values())
    if len(clusters) < ENOUGH_PROMPTS:
        return {name: Interval(value, None) for name, value in found.items()}

    shape, draws = (CLUSTER_RESAMPLES, len(clusters)), dict[str, list[float]]()
    for chosen in np.random.default_rng(seed).integers(len(clusters), size=shape):
        rows = np.concatenate([clusters[number] for number in chosen])
        parts = [column[rows] for column in values]
        for name, statistic in statistics.items():
            draws.setdefault(name, []).append(statistic(*parts))
    return {name: _interval(value, np.array(draws[name]), null) for name, value in found.items()}


def _interval(value: float, draws: NDArray[np.float64], null: float) -> Interval:
    """A statistic with the interval of its draws."""
    undefined = np.isnan(draws)
    if np.isnan(value) or undefined.mean() > MOST_UNDEFINED:
        return Interval(value, None)
    draws = draws[~undefined]
    low, high = np.quantile(draws, (0.025, 0.975))
    beyond = min((draws <= null).mean(), (draws >= null).mean())
    return Interval(value, (float(low), float(high)), min(1.0, 2 * max(float(beyond), 1 / len(draws))))


def clustered_means(
    columns: pd.DataFrame, prompts: ArrayLike, null: float = 0.0, seed: int = 0
) -> dict[str, Interval]:
    """The mean of every column."""
    means = {str(name): partial(_mean_at, place) for place, name in enumerate(columns.columns)}
    return clustered_all(means, [columns.to_numpy(float)], prompts, null, seed)


def _mean_at(place: int, rows: NDArray[np.float64]) -> float:
    return mean(rows[:, place])


def mean(values: NDArray[np.float64]) -> float:
    """The mean; NaN of nothing."""
    return float(values.mean()) if len(values) else np.nan


def difference_of_shares(group: NDArray[np.float64], hits: NDArray[np.float64]) -> float:
    """The share of hits in a group, less that of all others; NaN where either is empty."""
    return mean(hits[group > 0]) - mean(hits[group == 0])


def separation(score: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Area under the ROC curve: how often a true one scores above a false one. NaN without both."""
    hits = int(truth.sum())
    misses = len(truth) - hits
    if not hits or not misses:
        return np.nan
    return float((rankdata(score)[truth > 0].sum() - hits * (hits + 1) / 2) / (hits * misses))


def separation_gain(
    one: NDArray[np.float64], other: NDArray[np.float64], truth: NDArray[np.float64]
) -> float:
    """How much better one score separates than another."""
    return separation(one, truth) - separation(other, truth)
