"""Last-block influence: how much decoding a block moved the distribution at each later position.

DepCap (arXiv 2604.15750). Pure functions of tensors. All log-probabilities are natural logarithms.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

MIN_TAIL = 1e-12
"""Least probability mass outside the top-K, so that the floor stays finite."""
MIN_SPREAD = 1e-15
"""Least interquartile range in the normalisation, as in the reference."""


@dataclass(frozen=True, slots=True)
class TopK:
    """The K most probable tokens at each position of a window, and a floor for all others.

    `floor` is the tail's mass spread evenly: ln(1 - M) - ln(V - K), M the mass of the top K.
    """

    ids: Int[Tensor, "B W K"]
    log_probs: Float[Tensor, "B W K"]
    floor: Float[Tensor, "B W"]

    def head(self, width: int) -> "TopK":
        """That of the first positions."""
        return TopK(self.ids[:, :width], self.log_probs[:, :width], self.floor[:, :width])

    def of_rows(self, rows: Int[Tensor, "R"]) -> "TopK":
        """That of some rows."""
        return TopK(self.ids[rows], self.log_probs[rows], self.floor[rows])


def top_k(log_probs: Float[Tensor, "B W V"], k: int) -> TopK:
    """Keep the K largest log-probabilities of each position (all of them if V < K).

    The tail's mass is summed over the tail itself: 1 - M would lose all its digits in float32.
    """
    vocab = log_probs.shape[2]
    top, ids = log_probs.topk(min(k, vocab), dim=2)
    tail = log_probs.scatter(2, ids, -torch.inf).exp().sum(dim=2).clamp(min=MIN_TAIL)
    spread = torch.tensor(max(vocab - k, 1), dtype=log_probs.dtype, device=log_probs.device).log()
    return TopK(ids, top, tail.log() - spread)


def influence(now: TopK, before: TopK) -> Float[Tensor, "B W"]:
    """Truncated KL(now || before) at each position: sum over now's top K of P (ln P - ln Q).

    Q of a token outside before's top K is before's floor. P is not renormalised, so the sum may be slightly
    negative. Exact when K = V. Both windows must be aligned and of one width.
    """
    same = now.ids[..., :, None] == before.ids[..., None, :]
    known = torch.where(same, before.log_probs[..., None, :], -torch.inf).amax(dim=3)
    q = torch.where(same.any(dim=3), known, before.floor[..., None])
    return (now.log_probs.exp() * (now.log_probs - q)).sum(dim=2)


def smooth(curve: Float[Tensor, "B W"], valid: Bool[Tensor, "B W"]) -> Float[Tensor, "B W"]:
    """Centred mean of three with zeros outside the window: the divisor is 3 at the ends too."""
    inside = torch.where(valid, curve, 0)
    padded = torch.nn.functional.pad(inside, (1, 1))
    return (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3


def normalise(curve: Float[Tensor, "B W"], valid: Bool[Tensor, "B W"]) -> Float[Tensor, "B W"]:
    """(x - median) / IQR over the valid part of each row: lower order statistics, no interpolation."""
    width = valid.sum(dim=1, keepdim=True)
    ordered = torch.where(valid, curve, torch.inf).sort(dim=1).values
    last = (width - 1).clamp(min=0)
    median = ordered.gather(1, last // 2)
    spread = ordered.gather(1, last * 3 // 4) - ordered.gather(1, last // 4)
    return (curve - median) / spread.abs().clamp(min=MIN_SPREAD)


def leading_run(score: Float[Tensor, "B W"], valid: Bool[Tensor, "B W"]) -> Int[Tensor, "B"]:
    """How many leading positions have a score of at least 0; NaN fails."""
    holds = (score >= 0) & valid
    return holds.int().cumprod(dim=1).sum(dim=1)
