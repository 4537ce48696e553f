"""Prophet: one token per step until the answer is settled, then everything at once."""

from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float, Int
from pydantic import BeforeValidator, Field
from torch import Tensor

from depcap.boundary import FixedBlock
from depcap.errors import DepcapError
from depcap.methods.base import Context, Params, Parts, Preset, Size, listed
from depcap.reasons import code
from depcap.types import Block, Canvas, Proposal, Selection
from depcap.unmask import Explanation, Ordinary, Selected, best, explained

Gaps = Annotated[
    tuple[float, float, float], BeforeValidator(listed), Field(description="mean gap needed in each third")
]
PHASES = (0.33, 0.67)
"""Where the second and the last third of the steps begin."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the generation begins, and how many steps it has had."""

    first: Int[Tensor, "B"]
    taken: Int[Tensor, "B"]


@dataclass(frozen=True, slots=True)
class EarlyCommit(Ordinary):
    """The most confident position of the block; every masked one of the row, once the gap is wide.

    The gap is the mean over the answer's positions of the difference between the two largest logits; what is
    needed falls with progress. Without `answer` (offset, length) it is the mean over all masked positions
    before the first that proposes an end token, or all where none is: what fills the row after the response
    is sure from the start and says nothing of it.
    What a cache does not compute in a step neither counts nor is unmasked. With infinite gaps this is
    `Quota(block_size)`.
    """

    gen_length: int
    end_ids: tuple[int, ...]
    answer: tuple[int, int] | None
    gaps: tuple[float, float, float]

    whole = True

    def init(self, canvas: Canvas) -> Progress:
        """No step taken."""
        return Progress(canvas.prompt_length, torch.zeros_like(canvas.end))

    def select(self, proposal: Proposal, block: Block, state: Progress) -> Selected:
        """One position of the block, or all that are left."""
        inside = proposal.eligible & (proposal.window.positions < block.end[:, None])
        one = best(proposal.confidence, inside, torch.ones_like(block.start))
        taken = state.taken + proposal.eligible.any(dim=1)
        settled = self._gap(proposal, state.first) >= self._needed(taken)
        unmask = torch.where(settled[:, None], proposal.eligible, one)
        return Selection(unmask, evidence={"settled": settled}), Progress(state.first, taken)

    def _gap(self, proposal: Proposal, first: Int[Tensor, "B"]) -> Float[Tensor, "B"]:
        """Mean difference of the two largest log-probabilities, which is that of the logits."""
        top = proposal.log_probs.topk(2, dim=2).values
        counted = proposal.eligible
        if self.answer is None:
            ends = torch.isin(proposal.tokens, torch.tensor(self.end_ids, device=top.device)) & counted
            before = counted & (ends.cumsum(dim=1) == 0)
            counted = torch.where(before.any(dim=1, keepdim=True), before, counted)
        else:
            start, length = self.answer
            offset = proposal.window.positions - first[:, None]
            counted = proposal.window.valid & (offset >= start) & (offset < start + length)
        gap = torch.where(counted, top[..., 0] - top[..., 1], 0.0).sum(dim=1)
        return gap / counted.sum(dim=1).clamp(min=1)

    def _needed(self, taken: Int[Tensor, "B"]) -> Float[Tensor, "B"]:
        progress = taken / self.gen_length
        early, middle, late = self.gaps
        needed = torch.where(progress < PHASES[1], middle, late)
        return torch.where(progress < PHASES[0], early, needed)

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """The next, one that waits, or part of the early commit."""
        codes, cause, rounds = explained(selection, "committed_quota", "beyond_quota")
        return codes.where(~selection.evidence["settled"][:, None], code("committed_early")), cause, rounds


class ProphetParams(Params):
    """Prophet (arXiv 2508.19982): one token per step until the answer is settled, then all at once.

    A model often knows the answer long before its last step. Once the two best tokens of the answer's
    positions are far enough apart, everything that is masked is unmasked in one step.

    Formula:

        g = mean over the answer's positions of z_(1) − z_(2)                 the two largest logits
        U = all masked positions  if g ≥ γ(p), else argmax c of the block     p = steps, with this one, / G
        γ = 7.5 for p < 0.33, 5.0 for p < 0.67, then 2.5

    `gaps` are the three values of γ. With infinite gaps this is llada at one token per step.

    Defaults: the published gaps, blocks of 32 and five positions of an answer; none for where it stands.

    Differences:

    - The official scripts force the text "The answer is" at positions 200 to 202, so that they know where
      the answer stands. Here nothing is forced: `answer_start` says where it is.
    - Without `answer_start` the gap is the mean over the masked positions before the first that proposes an
      end token, which is our reading for tasks whose answer has no known place.
    - There p counts the steps of a schedule; here every step unmasks one token, so that it counts of G.
    - It has no cache. With `prefix`, `dual` and `vicinity` only what a step computes is looked at and
      unmasked. Not with `dkv`, as decided positions of the answer count too, nor with `dpad` and `streaming`,
      as no position of the suffix can be left out.
    """

    block_size: Size = Field(32, description="positions per block")
    answer_start: int | None = Field(
        None,
        ge=0,
        le=4096,
        description="offset of the answer's first position; default: all masked ones of the response",
    )
    answer_length: Size = Field(5, description="positions of the answer, if answer_start is given")
    gaps: Gaps = (7.5, 5.0, 2.5)

    def parts(self, context: Context) -> Parts:
        """Fixed blocks, and a commit that looks past them."""
        answer = None
        if self.answer_start is not None:
            if self.answer_start >= context.gen_length:
                raise DepcapError(
                    f"method prophet: answer_start {self.answer_start} must be below gen_length"
                    f" {context.gen_length}"
                )
            answer = (self.answer_start, self.answer_length)
        unmask = EarlyCommit(context.gen_length, context.resources.end_ids(), answer, self.gaps)
        return Parts(FixedBlock(self.block_size), unmask, self.model_dump() | {"gaps": list(self.gaps)})


PRESET = Preset(
    ProphetParams,
    paper="arXiv 2508.19982",
    boundary="fixed size",
    tokens="the most confident; all, once the logit gap is wide enough",
    headline="2.34× (general), 2.67× (planning)",
    caches=("none", "prefix", "dual", "vicinity"),
    caveat="the official scripts force the answer to a known place, here answer_start says where it is;"
    " without it the gap is that of all masked positions of the response, which is our reading",
)
