"""Which masked positions depend on each other, according to the model itself."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analysis.additivity import log_probs
from analysis.marginals import divergence_of
from depcap.conflict import pair_scores
from depcap.measures import entropy
from depcap.protocols import Denoiser


@dataclass(frozen=True, slots=True)
class Pairs:
    """How the masked positions of one canvas hang together, according to the model.

    `information[i, j]` is the mutual information of X_i and X_j in nats, X_i revealed first; `flips[i, j]`
    says that j would say another token once i's is revealed.
    """

    tokens: Int[Tensor, "W"]
    confidence: Float[Tensor, "W"]
    entropy: Float[Tensor, "W"]
    scores: Float[Tensor, "W W"]
    information: Float[Tensor, "W W"]
    flips: Bool[Tensor, "W W"]
    covered: Float[Tensor, "W"]


def dependence(denoiser: Denoiser, canvas: list[int], positions: list[int], values: int) -> Pairs:
    """Ask the model: each position in turn takes each of its `values` best tokens, and all others are read.

    I(X_i; X_j) = sum_v p_i(v) KL(p(X_j | X_i = v) || sum_u p_i(u) p(X_j | X_i = u)), over the best tokens v
    with p_i scaled to one. It is exact with `values` of the whole vocabulary, and at least zero.
    1 + len(positions) x values forwards, in two calls.
    """
    now = log_probs(denoiser, [canvas], positions)
    best, ids = now[0].topk(min(values, now.shape[2]), dim=1)
    rows = torch.tensor(canvas).repeat(len(positions), ids.shape[1], 1)
    for place, position in enumerate(positions):
        rows[place, :, position] = ids[place]
    then = log_probs(denoiser, rows.flatten(0, 1), positions).view(
        *ids.shape, len(positions), -1
    )  # [W T W V]
    weights = best.softmax(dim=1)[..., None, None]
    mixture = (weights * then.exp()).sum(dim=1, keepdim=True)
    information = (weights[..., 0] * divergence_of(then.exp(), mixture)).sum(dim=1).clamp(min=0)
    tokens = ids[:, 0]
    return Pairs(
        tokens, best[:, 0].exp(), entropy(now)[0], pair_scores(now, tokens[None])[0], information,
        then[:, 0].argmax(dim=2) != tokens, best.exp().sum(dim=1),
    )  # fmt: skip
