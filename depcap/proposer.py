"""From log-probabilities to a token and a confidence at every position."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from depcap.draws import Generators, generators, token_noise
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
        return proposal(log_probs, log_probs, at, eligible), None


@dataclass(frozen=True, slots=True)
class Gumbel:
    """A draw from the distribution at `temperature`; the confidence stays the untempered probability.

    Each row draws from its own generator, only for its own window, so that a row does not depend on its
    batch. With temperature 0 use `Greedy`.
    """

    temperature: float
    seed: int = 0

    def init(self, canvas: Canvas) -> Generators:
        """One generator per row."""
        return generators(canvas, self.seed)

    def propose(
        self, log_probs: Float[Tensor, "B W V"], at: Window, eligible: Bool[Tensor, "B W"], state: Any
    ) -> tuple[Proposal, Generators]:
        """Argmax of log p + T * Gumbel noise: a sample of softmax(log p / T)."""
        noised = log_probs + token_noise(state, at, eligible.any(dim=1), log_probs, self.temperature)
        return proposal(noised, log_probs, at, eligible), state


def proposal(
    scores: Float[Tensor, "B W V"],
    log_probs: Float[Tensor, "B W V"],
    at: Window,
    eligible: Bool[Tensor, "B W"],
) -> Proposal:
    """The token of the largest score, with its probability as confidence."""
    tokens = scores.argmax(dim=2)
    confidence = log_probs.gather(2, tokens[..., None]).squeeze(2).exp()
    return Proposal(at, tokens, torch.where(eligible, confidence, -math.inf), log_probs, eligible)


def proposer(temperature: float, seed: int) -> Greedy | Gumbel:
    """`Greedy` at temperature 0, else `Gumbel`."""
    return Gumbel(temperature, seed) if temperature > 0 else Greedy()
