"""How sure a position is: confidence, margin or entropy, from its distribution."""

import torch
from jaxtyping import Float
from torch import Tensor

from depcap.types import Proposal

MEASURES = ("confidence", "margin", "entropy")


def entropy(log_probs: Float[Tensor, "B W V"]) -> Float[Tensor, "B W"]:
    """Entropy of each position's full distribution, in nats."""
    return torch.special.entr(log_probs.exp()).sum(dim=2)


def margin(log_probs: Float[Tensor, "B W V"]) -> Float[Tensor, "B W"]:
    """Probability of the best token less that of the second best."""
    best = log_probs.topk(2, dim=2).values.exp()
    return best[..., 0] - best[..., 1]


def certainty(proposal: Proposal, measure: str) -> Float[Tensor, "B W"]:
    """The named measure, larger where surer (entropy is negated); -inf where not eligible."""
    if measure == "confidence":
        return proposal.confidence
    sure = margin(proposal.log_probs) if measure == "margin" else -entropy(proposal.log_probs)
    return torch.where(proposal.eligible, sure, -torch.inf)
