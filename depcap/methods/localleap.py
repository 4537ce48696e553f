"""LocalLeap: near a very confident position, moderate confidence is enough."""

from dataclasses import dataclass

from pydantic import Field, model_validator
from torch.nn import functional

from depcap.boundary import FixedBlock
from depcap.methods.base import Context, Params, Parts, Preset, Probability, Size
from depcap.reasons import code
from depcap.types import Block, Proposal, Selection
from depcap.unmask import Explanation, Ordinary, Selected, explained


@dataclass(frozen=True, slots=True)
class Anchored(Ordinary):
    """Anchors (confidence >= `threshold`), and what lies within `radius` of one with >= `relaxed`.

    Anchors are this step's masked positions of the block. With `radius` 0, and with `relaxed` equal to
    `threshold`, this is `Threshold(threshold)`.
    """

    threshold: float = 0.9
    relaxed: float = 0.75
    radius: int = 4

    def select(self, proposal: Proposal, _block: Block, _state: None) -> Selected:
        """Anchors and their confident neighbours; the loop adds the argmax when there is no anchor."""
        anchors = proposal.eligible & (proposal.confidence >= self.threshold)
        reach = 2 * self.radius + 1
        near = functional.max_pool1d(anchors.float(), reach, stride=1, padding=self.radius) > 0
        relaxed = proposal.eligible & near & (proposal.confidence >= self.relaxed)
        return Selection(anchors | relaxed, evidence={"anchors": anchors}), None

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """An anchor, near one, or below the threshold that holds for it."""
        codes, cause, rounds = explained(selection, "committed_near", "below_threshold")
        return codes.where(~selection.evidence["anchors"], code("committed_threshold")), cause, rounds


class LocalleapParams(Params):
    """LocalLeap (arXiv 2510.07081): a lower threshold close to a very confident position.

    What is nearly certain (an anchor) makes its close neighbours reliable even at moderate confidence.

    Formula:

        A = {j masked: c_j ≥ τ}
        U = {i: c_i ≥ τ_r and |i − j| ≤ W for some j in A} ∪ A, else argmax c

    `threshold` is τ, `relaxed_threshold` τ_r, `radius` W. With τ_r = τ or W = 0 this is fast-dllm.

    Defaults: those of DAWN's scripts for LLaDA. For Dream they have τ_r = 0.8.

    Differences:

    - No official code is to be had; the rule is that of DAWN's re-implementation.
    - Not known is whether anchors may be decided already or lie outside the block. Here they are this step's
      masked positions of the block.
    - Nor is it known whether the official code has a cache. Here every one goes.
    """

    block_size: Size = Field(32, description="positions per block")
    threshold: Probability = Field(0.9, description="least confidence of an anchor")
    relaxed_threshold: Probability = Field(0.75, description="least confidence near an anchor")
    radius: int = Field(4, ge=0, le=4096, description="how far an anchor reaches, in positions")

    @model_validator(mode="after")
    def _ordered(self) -> "LocalleapParams":
        if self.relaxed_threshold > self.threshold:
            raise ValueError(
                f"relaxed_threshold {self.relaxed_threshold} must be at most threshold {self.threshold}"
            )
        return self

    def parts(self, _context: Context) -> Parts:
        """Fixed blocks, anchored thresholds."""
        unmask = Anchored(self.threshold, self.relaxed_threshold, self.radius)
        return Parts(FixedBlock(self.block_size), unmask, self.model_dump())


PRESET = Preset(
    LocalleapParams,
    paper="arXiv 2510.07081",
    boundary="fixed size",
    tokens="confidence ≥ threshold, less near one that reaches it",
    headline="6.94× throughput",
    caveat="no official code to be had: anchors are taken to be this step's masked positions of the block",
)
