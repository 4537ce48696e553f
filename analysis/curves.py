"""What is found along the candidates of a block, one after the other."""

from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]
Some = TypeVar("Some", bound="Curves")


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves with an entry per candidate, in the order of unmasking; fields that are no curve are of all."""

    def first(self: Some, size: int) -> Some:
        """The first candidates alone."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(
            self, **{name: value[:size] for name, value in named.items() if isinstance(value, np.ndarray)}
        )


@dataclass(frozen=True, slots=True)
class Estimate(Curves):
    """What the last block did to one candidate block, in nats.

    The sums of `joint`, `additive`, `correlation`, `cross` and `inconsistency` are J, A, T, X and kappa.
    `truncated` is DepCap's top-K estimate of the additive curve. `marginals` [m 3 V] are the means of P's
    conditionals over histories, and over each half of those that were drawn, `dependence` the mean divergence
    from the first, which sums to the total correlation of the joint that P's conditionals define. The errors
    are the standard errors over histories of the sums up to and with each candidate, `standard_error` that of
    J; zero where all histories were enumerated, NaN where all that were drawn are equal.

    `distinct` counts the histories that differ before each candidate, and `seen` is the probability that they
    have in P together: what they do not hold was never looked at. The curves that end in `along` are those of
    the sums along each history that was drawn, [m N].
    """

    joint: Curve
    additive: Curve
    truncated: Curve
    correlation: Curve
    cross: Curve
    inconsistency: Curve
    marginals: Curve
    dependence: Curve
    standard_error: Curve
    correlation_error: Curve
    cross_error: Curve
    inconsistency_error: Curve
    distinct: NDArray[np.int64]
    seen: Curve
    joint_along: Curve
    correlation_along: Curve
    cross_along: Curve
    inconsistency_along: Curve
    histories: int

    @property
    def total(self) -> float:
        """J."""
        return float(self.joint.sum())

    @property
    def proxy(self) -> float:
        """A."""
        return float(self.additive.sum())

    @property
    def gap(self) -> float:
        """J - A, which is T - X + kappa to the last digit."""
        return self.total - self.proxy


@dataclass(frozen=True, slots=True)
class Realised(Curves):
    """What the last block did along one given history.

    `joint` sums to J along it, which favours what is likely and is no estimate of J; `log_p` are the given
    tokens' log-probabilities in P, each after those before it.
    """

    joint: Curve
    log_p: Curve
