"""The marginals that a network's own conditionals have, beside those that it gives in one shot.

Drawn token by token along an order, a network defines a joint distribution; its marginal at a candidate is
the mean of the conditionals over what was drawn before. A coherent model gives the same in one shot. Masked
diffusion models are trained to, and do not quite: summing divergences of one-shot marginals, as DepCap does,
then counts that difference too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.additivity import draw, log_probs
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
    Both are estimated from few histories, which makes A' too large; `additive_half` has half of Q's
    histories, and 2 A' - A'_half is free of the error's first order.
    """

    additive: Curve
    additive_half: Curve


def own(denoiser: Denoiser, found: Estimate, before: Sequence[int], order: Sequence[int], seed: int) -> Own:
    """For an estimate along `order`: as many histories are drawn in Q as it has in P.

    Every candidate but the first takes at most as many forwards as there are histories.
    """
    p = torch.from_numpy(found.marginals)
    every, one, other = drawn_marginals(denoiser, before, order, found.histories, seed)
    halves = (divergence_of(p, one) + divergence_of(p, other)) / 2
    return Own(divergence_of(p, every).numpy(), halves.numpy())


def drawn_marginals(
    denoiser: Denoiser, canvas: Sequence[int], order: Sequence[int], samples: int, seed: int
) -> Float[Tensor, "3 m V"]:
    """The mean of the conditionals over histories drawn from the network itself: of all, and of each half.

    Of a single history there are no halves (NaN), but for the first candidate, which needs none.
    """
    noise = torch.Generator().manual_seed(seed)
    rows, found = torch.tensor([list(canvas)]).repeat(samples, 1), list[Tensor]()
    for position in order:
        log_p = log_probs(denoiser, rows, [position])[:, 0]
        p = log_p.exp()
        parts = (p[0::2], p[1::2]) if found else (p, p)  # the first candidate needs no history
        halves = (part.mean(dim=0) if len(part) else torch.full_like(p[0], torch.nan) for part in parts)
        found.append(torch.stack((p.mean(dim=0), *halves)))
        rows[:, position] = draw(log_p, noise)
    return torch.stack(found, dim=1)


def divergence_of(p: Float[Tensor, "m V"], q: Float[Tensor, "m V"]) -> Float[Tensor, "m"]:
    """KL(p || q) of probabilities that may be zero."""
    return (p * (p.clamp(min=LEAST).log() - q.clamp(min=LEAST).log())).sum(dim=-1)
