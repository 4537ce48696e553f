"""WINO: unmask widely, and take back what looks wrong with hindsight."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from pydantic import Field
from torch import Tensor

from depcap.boundary import FixedBlock
from depcap.conflict import ranking
from depcap.methods.base import REREADING_CACHES, Context, Params, Parts, Preset, Probability, Size
from depcap.reasons import code
from depcap.types import Block, Canvas, Proposal, Selection
from depcap.unmask import Explanation, Ordinary, Selected, best, explained

FIRST_ACCEPTED = 30
"""What counts as accepted before a block's first step."""
LEAST, MOST, SHARE = 5, 20, 0.7
"""A step unmasks at most `SHARE` of what is masked, this bounded by `LEAST` and `MOST`."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The tokens of the window, where they are decided, and how many the last step accepted."""

    ids: Int[Tensor, "B L"]
    accepted: Int[Tensor, "B"]


@dataclass(frozen=True, slots=True)
class Revocable(Ordinary):
    """Unmask what has confidence > `draft`; mask again what a mask in its place would say with < `keep`.

    At most min(max(trunc(0.7 m), 5), 20) of m masked positions are unmasked in a step. If more than one was,
    every position decided in an earlier step is looked at again through a mask in its place that sees all but
    it; those whose token has too little probability there are masked again, but fewer than were accepted in
    the step before. With `keep` 0 nothing is taken back.
    """

    draft: float = 0.7
    keep: float = 0.9

    shadows = True

    def init(self, canvas: Canvas) -> Accepted:
        """Nothing decided."""
        return Accepted(torch.zeros_like(canvas.ids), torch.zeros_like(canvas.end))

    def select(self, made: Proposal, block: Block, state: Accepted) -> Selected:
        """What to unmask, and what to mask again."""
        width = made.tokens.shape[1]
        ids, live = state.ids[:, :width], made.eligible.any(dim=1)
        before = torch.where(block.step == 0, FIRST_ACCEPTED, state.accepted)
        unmask = self._drafted(made)
        count = unmask.sum(dim=1)
        revoked = self._doubted(made, block, ids) & (count > 1)[:, None]
        most = torch.where(revoked.sum(dim=1) >= before, before - 1, width)
        worst = -made.doubt_of(ids)
        revoked = best(worst, revoked, most)
        kept = torch.where(unmask, made.tokens, ids)
        whole = torch.cat((kept, state.ids[:, width:]), dim=1)
        state = Accepted(whole, torch.where(live, count, state.accepted))
        return Selection(unmask, remask=revoked), state

    def _drafted(self, made: Proposal) -> Bool[Tensor, "B W"]:
        masked = made.eligible.sum(dim=1)
        cap = (SHARE * masked).long().clamp(LEAST, MOST)
        confident = made.eligible & (made.confidence > self.draft)
        few = best(made.confidence, confident, cap)
        one = made.eligible & (ranking(made.confidence) == 0)
        return torch.where(few.any(dim=1, keepdim=True), few, one)

    def _doubted(self, made: Proposal, block: Block, ids: Int[Tensor, "B W"]) -> Bool[Tensor, "B W"]:
        at = made.window
        inside = at.valid & (at.positions < block.end[:, None]) & ~made.eligible
        return inside & (made.doubt_of(ids) < self.keep)

    def explain(self, made: Proposal, selection: Selection) -> Explanation:
        """Confident, the most confident of none, beyond the cap, or too unsure."""
        codes, cause, rounds = explained(selection, "committed_threshold", "below_threshold")
        confident = made.confidence > self.draft
        codes = codes.where(selection.unmask | ~confident, code("beyond_cap"))
        return codes.where(~selection.unmask | confident, code("committed_forced")), cause, rounds


class WinoParams(Params):
    """WINO (arXiv 2507.18578): unmask widely, and mask again what looks wrong with hindsight.

    Every position of the block has a shadow besides: a mask in its place that sees everything but the token
    there. A token that its shadow does not confirm, now that more is decided around it, is taken back.

    Formula:

        U = {c_i > τ₁}, of these at most min(max(⌊0.7 m⌋, 5), 20), the most confident; else argmax c
        R = {i decided in an earlier step: q_i(x_i) < τ₂}, only if |U| > 1; fewer than the last |U|

    m is the number of masked positions, q_i what the shadow of i says; of too many in R the least confirmed
    are taken, and before a block's first step |U| counts as 30. `threshold` is τ₁, `keep_threshold` τ₂. With
    τ₂ = 0 nothing is taken back.

    Defaults: τ₂ 0.9 and blocks of 128; τ₁ is tuned by task: 0.6 for GSM8K, 0.7 for HumanEval and MATH, the
    default, 0.8 for MBPP.

    Differences:

    - For Dream's shift no rule is published: its shadow is here the token before, which does not see what it
      predicts.
    - The shadows' positions are counted as computed.
    - A stop rule cuts a row only once its block is full, as until then all can be taken back.
    - Not with cache `dkv`: every decided position of the block is looked at again.
    """

    block_size: Size = Field(128, description="positions per block")
    threshold: Probability = Field(0.7, description="confidence that must be exceeded to be unmasked")
    keep_threshold: Probability = Field(
        0.9, description="least probability, seen from a mask in its place, for a token to stay"
    )

    def parts(self, _context: Context) -> Parts:
        """Fixed blocks with shadows."""
        unmask = Revocable(self.threshold, self.keep_threshold)
        return Parts(FixedBlock(self.block_size), unmask, self.model_dump())


PRESET = Preset(
    WinoParams,
    paper="arXiv 2507.18578",
    boundary="fixed size",
    tokens="confidence > threshold; taken back where a mask in its place disagrees",
    headline="6× fewer steps (GSM8K)",
    caches=REREADING_CACHES,
    caveat="the paper tunes the threshold per task (0.6 to 0.8); for Dream's shift no rule is published:"
    " there the shadow is the token before, which does not see what it predicts",
)
