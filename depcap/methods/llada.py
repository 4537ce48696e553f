"""LLaDA: fixed blocks, a fixed number of tokens per step."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from depcap.boundary import FixedBlock
from depcap.draws import POSITIONS, Generators, generators, uniform
from depcap.errors import DepcapError
from depcap.methods.base import Context, Params, Parts, Preset, Size
from depcap.types import Block, Canvas, Proposal, Selection
from depcap.unmask import Explanation, Ordinary, Quota, Selected, best, explained


@dataclass(frozen=True, slots=True)
class RandomQuota(Ordinary):
    """`Quota` with positions in random order (LLaDA's remasking="random"): the same numbers per step."""

    steps_per_block: int
    seed: int

    def init(self, canvas: Canvas) -> Generators:
        """A generator per row."""
        return generators(canvas, self.seed, POSITIONS)

    def select(self, proposal: Proposal, block: Block, state: Generators) -> Selected:
        """The step's share, of keys drawn anew in every step."""
        keys = uniform(state, proposal.window, proposal.eligible.any(dim=1))
        share = Quota(self.steps_per_block).share(block)
        return Selection(best(keys, proposal.eligible, share)), state

    def explain(self, _proposal: Proposal, selection: Selection) -> Explanation:
        """Drawn, or not yet."""
        return explained(selection, "committed_drawn", "not_drawn")


class LladaParams(Params):
    """LLaDA (arXiv 2502.09992): fixed blocks, a fixed number of tokens per step."""

    block_size: Size = Field(32, description="positions per block")
    steps: Size | None = Field(
        None, description="denoising steps in all; default: gen_length, one token each"
    )
    order: Literal["confidence", "random"] = Field(
        "confidence", description="which positions of the block come first"
    )
    guidance: Annotated[float, Field(ge=0, le=100)] = Field(
        0.0, description="classifier-free guidance: weight against the canvas without its prompt"
    )

    def parts(self, context: Context) -> Parts:
        """The steps are shared out equally among the blocks."""
        gen_length = context.gen_length
        blocks = math.ceil(gen_length / self.block_size)
        steps = self.steps or gen_length
        per_block = self.block_size if self.steps is None else steps // blocks
        if self.steps is not None and (steps % blocks or not blocks <= steps <= gen_length):
            raise DepcapError(
                f"method llada: steps {steps} must be a multiple of the {blocks} blocks (gen_length"
                f" {gen_length} / block_size {self.block_size}), from {blocks} to {gen_length}"
            )
        quota = Quota(per_block) if self.order == "confidence" else RandomQuota(per_block, context.seed)
        resolved = self.model_dump() | {"steps": steps}
        return Parts(FixedBlock(self.block_size), quota, resolved, guidance=self.guidance)


PRESET = Preset(
    LladaParams,
    paper="arXiv 2502.09992",
    boundary="fixed size",
    tokens="the most confident, a fixed number per step",
    headline="the baseline",
)
