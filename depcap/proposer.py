"""From log-probabilities to a token and a confidence at every position."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from depcap.types import Canvas, Proposal, Window


@dataclass(frozen=True, slots=True)
class Greedy:
    """The most probable token (ties: the lowest id) and its probability."""

    def init(self, _canvas: Canvas) -> None:
        """No run state."""
        return None

    def propose(
        self, log_probs: Float[Tensor, "B W V"], at: Window, eligible: Bool[Tensor, "B W"], _state: Any
    ) -> tuple[Proposal, None]:
        """The argmax at every position of the window."""
        return _proposal(log_probs, log_probs, at, eligible), None


@dataclass(frozen=True, slots=True)
class Gumbel:
    """A draw from the distribution at `temperature`; the confidence stays the untempered probability.

    Each row draws from its own generator, only for its own window, so that a row does not depend on its
    batch. With temperature 0 use `Greedy`.
    """

    temperature: float
    seed: int = 0

    def init(self, canvas: Canvas) -> list[torch.Generator]:
        """One generator per row; row r of a batch draws as a single decode with seed `seed + r` does."""
        device = canvas.ids.device
        return [torch.Generator(device).manual_seed(self.seed + row) for row in range(len(canvas.ids))]

    def propose(
        self, log_probs: Float[Tensor, "B W V"], at: Window, eligible: Bool[Tensor, "B W"], state: Any
    ) -> tuple[Proposal, list[torch.Generator]]:
        """Argmax of log p + T * Gumbel noise: a sample of softmax(log p / T)."""
        noised = log_probs.clone()
        for row in eligible.any(dim=1).nonzero().flatten().tolist():
            width = int(at.valid[row].sum())
            shape = (width, log_probs.shape[2])
            draw = torch.rand(shape, generator=state[row], dtype=torch.float64, device=log_probs.device)
            noise = -torch.log(-torch.log(draw.clamp(min=1e-300)))
            noised[row, :width] += (self.temperature * noise).to(noised.dtype)
        return _proposal(noised, log_probs, at, eligible), state


def _proposal(
    scores: Float[Tensor, "B W V"],
    log_probs: Float[Tensor, "B W V"],
    at: Window,
    eligible: Bool[Tensor, "B W"],
) -> Proposal:
    tokens = scores.argmax(dim=2)
    confidence = log_probs.gather(2, tokens[..., None]).squeeze(2).exp()
    return Proposal(at, tokens, torch.where(eligible, confidence, -math.inf), log_probs, eligible)


def proposer(temperature: float, seed: int) -> Greedy | Gumbel:
    """`Greedy` at temperature 0, else `Gumbel`."""
    return Gumbel(temperature, seed) if temperature > 0 else Greedy()
