"""DAWN: what attends to each other is not unmasked together; near the sure, less confidence is enough."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from pydantic import Field, model_validator
from torch import Tensor

from depcap.boundary import FixedBlock
from depcap.conflict import conflict_free, ranking
from depcap.methods.base import REREADING_CACHES, Context, Params, Parts, Preset, Probability, Size
from depcap.reasons import code
from depcap.types import Block, Proposal, Selection
from depcap.unmask import Explanation, Ordinary, Selected, explained


@dataclass(frozen=True, slots=True)
class Attentive(Ordinary):
    """Three sets by confidence c and attention A; edges i -> j where A_ij >= `edge`, sinks left out.

    Sure: c >= `threshold`. Induced: c >= `induced`, with an edge to a decided position that is sure by its
    confidence now. Independent: of the others with c >= `low`, greedily by confidence, no two with an edge
    between them. A sink is a position that gets more than `sink` of attention on average. As published, the
    independent set keeps clear of the neighbours of positions that are both sure and induced only. With
    `induced` and `low` above 1 this is `Threshold(threshold)`.
    """

    threshold: float = 0.9
    induced: float = 0.7
    low: float = 0.8
    sink: float = 0.01
    edge: float = 0.07

    attention = True

    def select(self, made: Proposal, block: Block, _state: None) -> Selected:
        """The three sets together; the loop adds the argmax when they are empty."""
        edges, confidence = self._edges(made), made.log_probs.amax(dim=2).exp()
        at = made.window
        decided = at.valid & (at.positions < block.end[:, None]) & ~made.eligible
        anchors = decided & (confidence >= self.threshold)
        sure = made.eligible & (made.confidence >= self.threshold)
        induced = (edges & anchors[:, None]).any(dim=2) & made.eligible & (made.confidence >= self.induced)
        both = edges | edges.transpose(1, 2)
        beside = (both & (sure & induced)[:, None]).any(dim=2)
        others = made.eligible & (made.confidence >= self.low) & ~sure & ~induced & ~beside
        rounds = conflict_free(ranking(made.confidence), both, others)
        evidence = {"sure": sure, "induced": induced & ~sure}
        return Selection(sure | induced | (rounds >= 0), evidence=evidence), None

    def _edges(self, made: Proposal) -> Bool[Tensor, "B W W"]:
        if made.attention is None:
            raise ValueError("the denoiser was not asked for attention")
        among, width = made.attention.among, made.tokens.shape[1]
        sinks = made.attention.received > self.sink
        different = ~torch.eye(width, dtype=torch.bool, device=among.device)
        return (among >= self.edge) & ~sinks[:, None] & different

    def explain(self, _made: Proposal, selection: Selection) -> Explanation:
        """Sure, induced, independent, or none of these."""
        codes, cause, rounds = explained(selection, "committed_independent", "not_independent")
        seen = selection.evidence
        codes = codes.where(~seen["induced"], code("committed_induced"))
        return codes.where(~seen["sure"], code("committed_threshold")), cause, rounds


class DawnParams(Params):
    """DAWN (arXiv 2602.06953): attention tells which confident positions depend on each other.

    Attention shows what a position looks at. Close to a sure token less confidence is enough, and positions
    that look at each other are not unmasked together.

    Formula:

        A       = attention, the mean over heads and over the last eighth of the layers
        i → j   where A_ij ≥ τ_edge, but for sinks: j with mean_i A_ij > τ_sink
        sure    = {c ≥ τ}
        induced = {j: c_j ≥ τ_induce, j → u for a decided u with c_u ≥ τ now}
        rest    = greedy by c: {c ≥ τ_low}, no two with an edge in either direction
        U       = sure ∪ induced ∪ rest, else argmax c

    With τ_induce = τ_low = τ this is fast-dllm.

    Defaults: those for LLaDA: τ 0.9, τ_induce 0.7, τ_sink 0.01, τ_edge 0.07, τ_low 0.8 (0.7 to 0.8 by task).
    For Dream-Base: τ_induce 0.75, τ_sink 0.03, τ_edge 0.05. Other models attend otherwise: to be tuned.

    Differences:

    - The official code takes layers from 28 on, of LLaDA's 32; here the last eighth of any model's.
    - Only positions of the block count, decided or not; there every decided position can induce.
    - Its test that keeps `rest` away from the neighbours of sure and induced positions is passed by those of
      positions that are both only. That is kept.
    - With Dream's shift, for which no rule is published, what predicts a position attends in its stead.
    - Not with cache `dkv`: decided positions are anchors by their confidence now.
    """

    block_size: Size = Field(32, description="positions per block")
    threshold: Probability = Field(0.9, description="confidence that is always enough")
    induced_threshold: Probability = Field(0.7, description="enough when attending to a sure token")
    low_threshold: Probability = Field(0.8, description="enough for an independent set")
    sink_threshold: Probability = Field(0.01, description="mean attention from which a position is a sink")
    edge_threshold: Probability = Field(0.07, description="attention from which two positions depend")

    @model_validator(mode="after")
    def _ordered(self) -> "DawnParams":
        if max(self.induced_threshold, self.low_threshold) > self.threshold:
            raise ValueError(
                f"induced_threshold {self.induced_threshold} and low_threshold {self.low_threshold} must"
                f" be at most threshold {self.threshold}"
            )
        return self

    def parts(self, _context: Context) -> Parts:
        """Fixed blocks, and attention among the block's positions."""
        unmask = Attentive(
            self.threshold, self.induced_threshold, self.low_threshold, self.sink_threshold,
            self.edge_threshold,
        )  # fmt: skip
        return Parts(FixedBlock(self.block_size), unmask, self.model_dump())


PRESET = Preset(
    DawnParams,
    paper="arXiv 2602.06953",
    boundary="fixed size",
    tokens="sure; attending to what is sure; or an independent set of the attention graph",
    headline="4.33× (GSM8K)",
    caches=REREADING_CACHES,
    caveat="thresholds are the published ones for LLaDA-8B, whose attention is another; only positions of the"
    " block count, and with Dream's shift the attention of what predicts a position counts as its own",
)
