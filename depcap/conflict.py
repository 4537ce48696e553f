"""The conflict graph: which confident positions must not be unmasked together.

DepCap (arXiv 2604.15750). Pure functions of tensors.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def pair_scores(log_probs: Float[Tensor, "B W V"], tokens: Int[Tensor, "B W"]) -> Float[Tensor, "B W W"]:
    """D_ij = log p_i(x_j) + log p_j(x_i): how plausible each finds the other's token at its own place."""
    width = tokens.shape[1]
    crossed = log_probs.gather(2, tokens[:, None, :].expand(-1, width, -1))
    return crossed + crossed.transpose(1, 2)


def conflicts(
    scores: Float[Tensor, "B W W"], candidates: Bool[Tensor, "B W"], gamma: float
) -> Bool[Tensor, "B W W"]:
    """Pairs of different candidates with D above gamma. With gamma = inf there is none."""
    width = scores.shape[1]
    both = candidates[:, :, None] & candidates[:, None, :]
    different = ~torch.eye(width, dtype=torch.bool, device=scores.device)
    return both & different & (scores > gamma)


def ranking(confidence: Float[Tensor, "B W"]) -> Int[Tensor, "B W"]:
    """Rank of each position by confidence, 0 the most confident; ties go to the leftmost."""
    order = confidence.argsort(dim=1, descending=True, stable=True)
    return order.argsort(dim=1)


def conflict_free(
    rank: Int[Tensor, "B W"], conflict: Bool[Tensor, "B W W"], allowed: Bool[Tensor, "B W"]
) -> Int[Tensor, "B W"]:
    """Greedy selection of allowed positions, by rank, no two in conflict: the round of each, or -1.

    A round takes every remaining position that outranks all its remaining conflicting neighbours, which
    gives what taking one at a time gives, in few rounds and for all rows at once.
    """
    width = rank.shape[1]
    rounds = torch.full_like(rank, -1)
    remaining = allowed
    number = 0
    while remaining.any():
        rival = torch.where(conflict & remaining[:, None, :], rank[:, None, :], width).amin(dim=2)
        chosen = remaining & (rank < rival)
        rounds = torch.where(chosen, number, rounds)
        beaten = (conflict & chosen[:, None, :]).any(dim=2)
        remaining = remaining & ~chosen & ~beaten
        number += 1
    return rounds


def blocker(
    rank: Int[Tensor, "B W"], conflict: Bool[Tensor, "B W W"], chosen: Bool[Tensor, "B W"]
) -> Int[Tensor, "B W"]:
    """The best-ranked chosen position in conflict with each position; -1 where there is none."""
    width = rank.shape[1]
    rivals = torch.where(conflict & chosen[:, None, :], rank[:, None, :], width)
    best = rivals.min(dim=2)
    return torch.where(best.values < width, best.indices, -1)
