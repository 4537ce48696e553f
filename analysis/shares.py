"""Shares of things, with intervals over prompts; and shares as a verdict quotes them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis.statistics import Interval, clustered, mean
from depcap.evaluation import wilson


def share(hits: ArrayLike, prompts: ArrayLike) -> Interval:
    """Share of hits, prompts resampled whole.

    Where all or none are hits, resampling changes nothing and would claim certainty: the interval is then
    Wilson's, with the prompts as its n.
    """
    found = clustered(mean, [hits], prompts, 0.0)
    if found.ci95 is None or 0 < found.value < 1:
        return found
    n = len(np.unique(np.asarray(prompts)))
    return Interval(found.value, wilson(round(found.value * n), n), found.p)


def percent(row: Mapping[Any, Any], name: str, digits: int = 0) -> str:
    """A share and its interval, from a row that names them as `strata.flat` does: `34% (28% to 41%)`."""
    value, low, high = (f"{row[key]:.{digits}%}" for key in (name, f"{name}, low", f"{name}, high"))
    return value if np.isnan(row[f"{name}, low"]) else f"{value} ({low} to {high})"
