"""The marginals that a network's own conditionals have, beside those that it gives in one shot.

Drawn token by token along an order, a network defines a joint distribution; its marginal at a candidate is
the mean of the conditionals over what was drawn before. A coherent model gives the same in one shot. Masked
diffusion models are trained to, and do not quite: a sum of divergences of one-shot marginals, which are
DepCap's influences, then counts that difference too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analysis.additivity import draw, log_probs, with_halves
from analysis.curves import Curve, Curves, Estimate
from depcap.protocols import Denoiser

LEAST = 1e-300
"""So that logarithms stay finite."""


@dataclass(frozen=True, slots=True)
class Own(Curves):
    """The additive proxy of the joints' own marginals, in nats, an entry per candidate.

    `additive` sums to A' = Σ_i KL(P'_i || Q'_i), P' and Q' the means of the conditionals over histories drawn
    in each world, so that

        J - A = (J - A') + (A' - A)

    is what the last block does to how candidates depend on each other, and what one-shot marginals miss.
    Both are estimated from few histories, which makes A' too large; `additive_half` has half of each world's,
    and 2 A' - A'_half is free of the error's first order.
    """

    additive: Curve
    additive_half: Curve


def own(denoiser: Denoiser, found: Estimate, before: Sequence[int], order: Sequence[int], seed: int) -> Own:
    """For an estimate along `order`: as many histories are drawn in Q as it has in P.

    Every candidate but the first takes at most as many forwards as there are histories.
    """
    means = drawn_marginals(denoiser, before, order, found.histories, seed)
    return Own(*divergences(torch.from_numpy(found.marginals).transpose(0, 1), means))


def drawn_marginals(
    denoiser: Denoiser, canvas: Sequence[int], order: Sequence[int], samples: int, seed: int
) -> Float[Tensor, "3 m V"]:
    """The mean of the conditionals over histories drawn from the network itself: of all, and of each half.

    Of a single history there are no halves (NaN), but for the first candidate, which needs none.
    """
    rows, found = torch.tensor([list(canvas)]).repeat(samples, 1), list[Tensor]()
    for log_p in drawing(denoiser, rows, order, seed):
        p = log_p.exp()
        found.append(with_halves(p) if found else p.mean(dim=0).expand(3, -1))
    return torch.stack(found, dim=1)


def drawing(
    denoiser: Denoiser, rows: Int[Tensor, "N L"], places: Sequence[int], seed: int
) -> Iterator[Float[Tensor, "N V"]]:
    """Decide these masks of every row, one place after the other, as the model would draw them.

    Yields the log-probabilities at each place, and then writes what was drawn into `rows`.
    """
    noise = torch.Generator().manual_seed(seed)
    for place in places:
        log_p = log_probs(denoiser, rows, [place])[:, 0]
        yield log_p
        rows[:, place] = draw(log_p, noise)


def divergences(p: Float[Tensor, "3 m V"], q: Float[Tensor, "3 m V"]) -> tuple[Curve, Curve]:
    """KL(p || q) of means, and the same of means over half as much: the mean of both halves'."""
    every, one, other = divergence_of(p, q).numpy()
    return every, (one + other) / 2


def divergence_of(p: Float[Tensor, "*rows V"], q: Float[Tensor, "*rows V"]) -> Float[Tensor, "*rows"]:
    """KL(p || q) of probabilities that may be zero."""
    return (p * (p.clamp(min=LEAST).log() - q.clamp(min=LEAST).log())).sum(dim=-1)
