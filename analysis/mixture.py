"""Does a masked last block mean a last block that is not known?

Q is the network's answer to masks. A coherent model's would be the mean of its answers over all last blocks,
each with its probability: the mixture M. Here last blocks are drawn from the model itself, from left to
right, and the candidates' marginals averaged over them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analysis.additivity import log_probs, with_halves
from analysis.curves import Curve, Curves
from analysis.marginals import divergences, drawing
from depcap.protocols import Denoiser


@dataclass(frozen=True, slots=True)
class Mixture(Curves):
    """The candidates under M.

    `additive` is KL(P_i || M_i), in nats; `additive_half` the same with half of the draws. Few draws hold few
    of the last blocks that could have been, so that both are too large, and the second more so.
    `distance` is the total variation between Q_i and M_i, `noise` what it would be if M were Q but for the
    draws.
    """

    additive: Curve
    additive_half: Curve
    distance: Curve
    noise: Curve


def mixture(
    denoiser: Denoiser,
    after: Sequence[int],
    before: Sequence[int],
    order: Sequence[int],
    draws: int,
    seed: int = 0,
) -> Mixture:
    """Q's marginals at `order`'s positions beside the mean of those with a drawn last block.

    The last block is where `after` and `before` differ. `draws` is even; every position of the last block
    takes `draws` forwards at most, and so do the candidates together.
    """
    last = [place for place, (a, b) in enumerate(zip(after, before, strict=True)) if a != b]
    means = with_halves(log_probs(denoiser, drawn(denoiser, before, last, draws, seed), order).exp())
    every, one, other = means
    p, q = log_probs(denoiser, [list(after), list(before)], order).exp()
    return Mixture(
        *divergences(p.expand_as(means), means), _variation(q, every).numpy(),
        # halves differ by twice the standard error of the whole
        _variation(one, other).numpy() / 2,
    )  # fmt: skip


def drawn(
    denoiser: Denoiser, canvas: Sequence[int], places: Sequence[int], draws: int, seed: int
) -> Int[Tensor, "N L"]:
    """Canvases in which these masks are decided, one after the other, as the model would draw them."""
    rows = torch.tensor([list(canvas)]).repeat(draws, 1)
    for _ in drawing(denoiser, rows, places, seed):
        pass
    return rows


def _variation(one: Float[Tensor, "m V"], other: Float[Tensor, "m V"]) -> Float[Tensor, "m"]:
    return (one - other).abs().sum(dim=1) / 2
