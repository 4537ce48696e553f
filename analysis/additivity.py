"""Is last-block influence additive across the tokens of a candidate block?

DepCap (arXiv 2604.15750) looks at how far the last block moved each candidate position's distribution, as
if what it did to a block were the sum of these. Exactly it would be the divergence of the joint
distributions, in two worlds that differ in the last block only: P, where it stands, and Q, where it is
masked again.

    J = KL(P || Q) = sum_i E_P KL(P(x_i | x_<i) || Q(x_i | x_<i))      joint influence
    A = sum_i KL(P_i || Q_i)                                         additive proxy
    J - A = T - X + kappa                                            the gap, exactly

In a coherent model T is the total correlation that the candidates have in P, X the cross term (how much of
the dependence Q knew already), and kappa is zero. Where averaging the conditionals does not give the one-shot
marginals back, all three hold some of that: T = TC + sum_i KL(P'_i || P_i), P'_i the average. What is due to
dependence alone is told by the marginals that the joints have themselves: `analysis.marginals`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from torch import Tensor

from analysis.curves import Curve, Estimate, Realised
from depcap.draws import gumbel
from depcap.influence import influence as truncated_influence
from depcap.influence import top_k
from depcap.protocols import Denoiser
from depcap.types import Query, Window

NEVER = 1e-30
"""Histories less likely than this are not followed."""


@dataclass(frozen=True, slots=True)
class Terms:
    """At one candidate, for every history so far: d = KL(p || q), T, X, Y, and the histories' weights.

    p and q are the worlds' conditionals given the history, P0 and Q0 the one-shot marginals: T = E_p ln p/P0,
    X = E_p ln q/Q0, Y = E_p ln P0/Q0, so that d = T - X + Y. `marginal` is the mean of p over histories, and
    over each half of those that were drawn; `dependence` the mean of KL(p || marginal). `distinct` is how
    many histories differ, `seen` how probable these are in P together.
    """

    d: Float[Tensor, "N"]
    correlation: Float[Tensor, "N"]
    cross: Float[Tensor, "N"]
    shared: Float[Tensor, "N"]
    weights: Float[Tensor, "N"]
    marginal: Float[Tensor, "3 V"]
    dependence: float
    distinct: int
    seen: float

    def mean(self, values: Float[Tensor, "N"]) -> float:
        """Over histories."""
        return float((self.weights * values).sum())


SUMMED = ("d", "correlation", "cross", "shared")
"""The terms whose sums are J, T, X and kappa + A."""

Expand = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
"""From log p [N V] and weights [N]: which histories go on, with which token, with which weight."""


def sampled(
    denoiser: Denoiser,
    after: Sequence[int],
    before: Sequence[int],
    order: Sequence[int],
    samples: int = 16,
    seed: int = 0,
    top: int = 64,
) -> Estimate:
    """J by ancestral sampling along `order`; every conditional is summed over the whole vocabulary.

    Args:
        denoiser: what is asked; no cache.
        after: the canvas with the last block decided, the candidates and all later positions masked.
        before: the same canvas with the last block masked again.
        order: the candidate positions, in the order in which they are unmasked.
        samples: histories; the first candidate needs none.
        seed: of the draws.
        top: K of DepCap's truncated influence.

    2 forwards, and at most 2 x `samples` for every further candidate.
    """
    noise = torch.Generator().manual_seed(seed)

    def follow(log_p: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        first = len(weights) == 1  # all histories begin alike
        parents = torch.zeros(samples, dtype=torch.long) if first else torch.arange(samples)
        tokens = draw(log_p[parents], noise)
        return parents, tokens, torch.full((samples,), 1 / samples, dtype=torch.float64)

    one_shot = log_probs(denoiser, [list(after), list(before)], order)
    steps = _walk(denoiser, after, before, order, one_shot, follow, drawn=True)
    names = [[getattr(terms, name).expand(samples) for terms in steps] for name in SUMMED]
    each = torch.stack([torch.stack(curves) for curves in names])
    return _estimate(one_shot, steps, top, each)


def realised(
    denoiser: Denoiser,
    after: Sequence[int],
    before: Sequence[int],
    order: Sequence[int],
    tokens: Sequence[int],
) -> Realised:
    """J along `tokens`, those of `order`'s positions, instead of along draws. Arguments as for `sampled`.

    A coherent model gives the sum of `log_p` the same value in every order.
    """
    log_p = list[float]()

    def follow(now: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        token = tokens[len(log_p)]
        log_p.append(float(now[0, token]))
        return torch.zeros(1, dtype=torch.long), torch.tensor([token]), weights

    one_shot = log_probs(denoiser, [list(after), list(before)], order)
    steps = _walk(denoiser, after, before, order, one_shot, follow)
    return Realised(np.array([float(terms.d[0]) for terms in steps]), np.array(log_p))


def enumerated(
    denoiser: Denoiser, after: Sequence[int], before: Sequence[int], order: Sequence[int], top: int = 64
) -> Estimate:
    """J exactly, over all V^m histories: for small vocabularies. Arguments as for `sampled`."""

    def branch(log_p: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        chance = weights[:, None] * log_p.exp()
        parents, tokens = (chance > NEVER).nonzero(as_tuple=True)
        return parents, tokens, chance[parents, tokens]

    one_shot = log_probs(denoiser, [list(after), list(before)], order)
    steps = _walk(denoiser, after, before, order, one_shot, branch)
    return _estimate(one_shot, steps, top, None)


def _walk(
    denoiser: Denoiser,
    after: Sequence[int],
    before: Sequence[int],
    order: Sequence[int],
    one_shot: Float[Tensor, "2 m V"],
    expand: Expand,
    drawn: bool = False,
) -> list[Terms]:
    """The terms at every candidate in turn; what is unmasked in P stands in both worlds.

    `one_shot` are both worlds' marginals; for the first candidate they are the conditionals too. Histories
    that are `drawn` have halves; of others, which are not a sample, each half is the whole.
    """
    worlds = torch.tensor([[after], [before]])  # [2 N L]
    weights, likelihood = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    found: list[Terms] = []
    for place, position in enumerate(order):
        now = log_probs(denoiser, worlds.flatten(0, 1), [position])[:, 0] if found else one_shot[:, 0]
        log_p, log_q = now.chunk(2)
        p0, q0 = one_shot[:, place]
        p = log_p.exp()
        d, correlation, cross, shared = (
            (p * part).sum(dim=1) for part in (log_p - log_q, log_p - p0, log_q - q0, p0 - q0)
        )
        whole = (weights[:, None] * p).sum(dim=0)
        marginal = with_halves(p) if drawn and found else whole.expand(3, -1)
        from_it = (p * (log_p - whole.clamp(min=NEVER).log())).sum(dim=1)
        different, whose = torch.unique(worlds[0], dim=0, return_inverse=True)
        likely = torch.zeros(len(different), dtype=torch.float64).scatter(0, whose, likelihood.exp())
        found.append(
            Terms(
                d, correlation, cross, shared, weights, marginal, float((weights * from_it).sum()),
                len(different), float(likely.sum()),
            )
        )  # fmt: skip
        parents, tokens, weights = expand(log_p, weights)
        likelihood = likelihood[parents] + log_p[parents, tokens]
        worlds = worlds[:, parents]
        worlds[:, :, position] = tokens
    return found


def draw(log_p: Float[Tensor, "N V"], noise: torch.Generator) -> Int[Tensor, "N"]:
    """A token of every distribution."""
    uniform = torch.rand(log_p.shape, generator=noise, dtype=torch.float64)
    return (log_p + gumbel(uniform)).argmax(dim=1)


def log_probs(denoiser: Denoiser, rows: Tensor | list[list[int]], positions: Sequence[int]) -> Tensor:
    """Log-probabilities [N m V] in float64, on the CPU, for the same positions of every row.

    Equal rows are asked for once: where the model is sure, most histories are the same.
    """
    ids, whose = torch.unique(torch.as_tensor(rows), dim=0, return_inverse=True)
    ids = ids.to(getattr(denoiser, "device", "cpu"))
    first = torch.full((len(ids),), min(positions), device=ids.device)
    last = torch.full_like(first, max(positions) + 1)
    whole = torch.ones_like(ids, dtype=torch.bool)
    with torch.inference_mode():
        answer = denoiser(ids, Query(whole, Window.span(first, last), whole), None)
    asked = answer.log_probs[:, [position - min(positions) for position in positions]]
    return asked.cpu().double()[whose]  # in this order: not every device has float64


def with_halves(each: Float[Tensor, "N *rest"]) -> Float[Tensor, "3 *rest"]:
    """The mean of all, and of those at even and at odd places; NaN of none."""
    return torch.stack([part.mean(dim=0) for part in (each, each[0::2], each[1::2])])


def reach(standard_error: ArrayLike, histories: ArrayLike) -> Curve:
    """Half the width of the 95 % interval of a mean over histories: Student's t."""
    degrees = np.maximum(np.asarray(histories) - 1, 1)
    return np.asarray(stats.t.ppf(0.975, degrees) * np.asarray(standard_error), dtype=float)


def _errors(each: Float[Tensor, "4 m N"], distinct: NDArray[np.int64]) -> Curve:
    """Standard errors over histories of the terms' sums up to each candidate, [4 m].

    NaN where all histories are equal, as with one: what else could have been drawn is not known. The first
    candidate needs no history, and its error is zero.
    """
    samples = each.shape[2]
    errors = each.cumsum(dim=1).std(dim=2, correction=min(1, samples - 1)).numpy() / samples**0.5
    alone = (distinct == 1) & (np.arange(len(distinct)) > 0)
    return np.where(alone, np.nan, errors)


def _estimate(
    one_shot: Float[Tensor, "2 m V"], steps: list[Terms], top: int, each: Float[Tensor, "4 m N"] | None
) -> Estimate:
    """From the terms at every candidate; `each` are those of equally likely histories, if they were drawn."""
    p0, q0 = one_shot
    additive = (p0.exp() * (p0 - q0)).sum(dim=1).numpy()
    truncated = truncated_influence(top_k(p0[None], top), top_k(q0[None], top))[0].numpy()
    joint, correlation, cross, shared = (
        np.array([terms.mean(getattr(terms, name)) for terms in steps]) for name in SUMMED
    )
    distinct = np.array([terms.distinct for terms in steps])
    if each is None:
        along, errors = np.zeros((len(SUMMED), len(steps), 0)), np.zeros((len(SUMMED), len(steps)))
    else:
        along, errors = each.numpy(), _errors(each, distinct)
    marginals = torch.stack([terms.marginal for terms in steps]).numpy()
    dependence, seen = (
        np.array([getattr(terms, name) for terms in steps]) for name in ("dependence", "seen")
    )
    joint_error, correlation_error, cross_error, shared_error = errors
    joint_along, correlation_along, cross_along, shared_along = along
    return Estimate(
        joint, additive, truncated, correlation, cross, shared - additive, marginals, dependence,
        joint_error, correlation_error, cross_error, shared_error, distinct, seen,
        joint_along, correlation_along, cross_along, shared_along - additive[:, None],
        max(len(terms.weights) for terms in steps),
    )  # fmt: skip
