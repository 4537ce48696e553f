"""EB-Sampler: as many positions as an entropy budget allows."""

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field

from depcap import measures
from depcap.boundary import FixedBlock
from depcap.conflict import ranking
from depcap.draws import widest
from depcap.methods.base import Context, NotNegative, Params, Parts, Preset, Size
from depcap.types import Block, Proposal, Selection
from depcap.unmask import Explanation, Ordinary, Selected, explained


@dataclass(frozen=True, slots=True)
class EntropyBudget(Ordinary):
    """The largest set U of the surest positions with sum H - max H <= `budget`, H the entropies in U.

    The left side bounds what is lost by drawing U from its marginals, KL(p_U || prod p_l). Positions are
    taken in the order of `measure`. `budget` 0: one position a step (more only at entropy zero); inf: all.
    """

    budget: float
    measure: str = "entropy"

    def select(self, proposal: Proposal, _block: Block, _state: None) -> Selected:
        """The leading run of the order that the budget allows; its first position always."""
        rank = ranking(measures.certainty(proposal, self.measure))
        entropy = torch.where(proposal.eligible, measures.entropy(proposal.log_probs), torch.inf)
        # in float32 a small entropy would be lost beside a large one
        entropy = entropy.to(widest(entropy.device))
        ordered = torch.zeros_like(entropy).scatter(1, rank, entropy)
        spent = ordered.cumsum(dim=1) - ordered.cummax(dim=1).values
        count = (spent <= self.budget).int().cumprod(dim=1).sum(dim=1)  # inf - inf is nan, which fails
        count = count.clamp(min=1)
        return Selection(proposal.eligible & (rank < count[:, None])), None

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """Within the budget, or beyond it."""
        return explained(selection, "committed_budget", "beyond_budget")


class EbSamplerParams(Params):
    """EB-Sampler (arXiv 2505.24857): the surest positions, as many as an entropy budget allows.

    What is lost by drawing positions from their marginals, KL(p_U ‖ Π p_l), is at most the sum of their
    entropies less the largest one: each step takes as many as keep that within a budget.

    Formula:

        U = the longest prefix of the order with Σ_{l in U} H(p_l) − max_{l in U} H(p_l) ≤ γ

    The order is by entropy, confidence or margin, the surest first; one position is always taken. `budget` is
    γ, in nats. With γ = 0 this is one token per step (more only where entropies are zero), with γ = ∞ all of
    the block at once.

    Defaults: γ and block size are those of d2Cache's re-implementation; the paper tunes γ.

    Differences:

    - There is no official code. The rule and the default order are the paper's.
    - d2Cache's re-implementation orders by confidence and, taking its maximum over the batch instead of the
      positions, tests the sum of the entropies before a position.
    """

    block_size: Size = Field(64, description="positions per block")
    budget: NotNegative = Field(
        0.001, description="γ, nats: the most that entropies may sum to, less the largest"
    )
    measure: Literal["confidence", "margin", "entropy"] = Field("entropy", description="orders the positions")

    def parts(self, _context: Context) -> Parts:
        """Fixed blocks, an entropy budget per step."""
        return Parts(FixedBlock(self.block_size), EntropyBudget(self.budget, self.measure), self.model_dump())


PRESET = Preset(
    EbSamplerParams,
    paper="arXiv 2505.24857",
    boundary="fixed size",
    tokens="the surest, while the sum of entropies less their maximum is ≤ γ",
    headline="2–3× fewer NFE (code and math)",
    caveat="no official code; budget and block size are those of d2Cache's re-implementation, which orders by"
    " confidence",
)
