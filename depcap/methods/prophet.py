"""Prophet: one token per step until the answer is settled, then everything at once."""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import BeforeValidator, Field
from torch import Tensor

from depcap.boundary import FixedBlock
from depcap.errors import DepcapError
from depcap.methods.base import Context, Params, Parts, Preset, Size, listed
from depcap.reasons import code
from depcap.types import Block, Proposal, Selection
from depcap.unmask import Explanation, Ordinary, Selected, explained

Gaps = Annotated[
    tuple[float, float, float], BeforeValidator(listed), Field(description="mean gap needed in each third")
]
PHASES = (0.33, 0.67)
"""Where the second and the last third of the steps begin."""


@dataclass(frozen=True, slots=True)
class EarlyCommit(Ordinary):
    """The most confident of the first `block_size` positions that are not full; all, once the gap is wide.

    The gap is the mean over the answer's positions of the difference between the two largest logits; what is
    needed falls with progress. Without `answer` (offset, length) it is the mean over all masked positions.
    With infinite gaps this is LLaDA's order.
    """

    gen_length: int
    block_size: int
    answer: tuple[int, int] | None
    gaps: tuple[float, float, float]

    def select(self, proposal: Proposal, block: Block, _state: None) -> Selected:
        """One position, or all that are left."""
        place = torch.arange(proposal.tokens.shape[1], device=proposal.tokens.device)
        part = torch.where(proposal.eligible, place // self.block_size, self.gen_length)
        here = proposal.eligible & (part == part.amin(dim=1, keepdim=True))
        best = torch.where(here, proposal.confidence, -torch.inf).argmax(dim=1)
        settled = self._gap(proposal) >= self._needed(block)
        one = here & (place == best[:, None])
        evidence = {"settled": settled}
        return Selection(torch.where(settled[:, None], proposal.eligible, one), evidence=evidence), None

    def _gap(self, proposal: Proposal) -> Tensor:
        """Mean difference of the two largest log-probabilities, which is that of the logits."""
        best = proposal.log_probs.topk(2, dim=2).values
        place = torch.arange(best.shape[1], device=best.device)
        counted = proposal.eligible
        if self.answer is not None:
            start, length = self.answer
            counted = proposal.window.valid & (place >= start) & (place < start + length)
        gap = torch.where(counted, best[..., 0] - best[..., 1], 0.0).sum(dim=1)
        return gap / counted.sum(dim=1).clamp(min=1)

    def _needed(self, block: Block) -> Tensor:
        progress = block.step / self.gen_length
        early, middle, late = self.gaps
        needed = torch.where(progress < PHASES[1], middle, late)
        return torch.where(progress < PHASES[0], early, needed)

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """The next, one that waits, or part of the early commit."""
        codes, cause, rounds = explained(selection, "committed_quota", "beyond_quota")
        return codes.where(~selection.evidence["settled"][:, None], code("committed_early")), cause, rounds


class ProphetParams(Params):
    """Prophet (arXiv 2508.19982): one token per step until the answer is settled, then all at once."""

    block_size: Size = Field(32, description="positions that are filled before the next are begun")
    answer_start: int | None = Field(
        None,
        ge=0,
        le=4096,
        description="offset of the answer's first position; default: all masked positions",
    )
    answer_length: Size = Field(5, description="positions of the answer, if answer_start is given")
    gaps: Gaps = (7.5, 5.0, 2.5)

    def parts(self, context: Context) -> Parts:
        """One block: what commits early fills everything."""
        answer = None
        if self.answer_start is not None:
            if self.answer_start >= context.gen_length:
                raise DepcapError(
                    f"method prophet: answer_start {self.answer_start} must be below gen_length"
                    f" {context.gen_length}"
                )
            answer = (self.answer_start, self.answer_length)
        unmask = EarlyCommit(context.gen_length, self.block_size, answer, self.gaps)
        return Parts(FixedBlock(context.gen_length), unmask, self.model_dump() | {"gaps": list(self.gaps)})


PRESET = Preset(
    ProphetParams,
    paper="arXiv 2508.19982",
    boundary="none",
    tokens="the most confident; all, once the logit gap is wide enough",
    headline="2.34× (general), 2.67× (planning)",
    caveat="the official scripts force the answer to a known place; without answer_start the gap is that of"
    " all masked positions",
)
