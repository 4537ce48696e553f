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
    """LLaDA (arXiv 2502.09992): fixed blocks, a fixed number of tokens per step.

    Of a block's proposals each step keeps the most confident ones and masks the others again ("low-confidence
    remasking"); what is unmasked never changes.

    Formula:

        x_i = argmax_v z_i(v) + T g_v                      g standard Gumbel noise, T the temperature
        c_i = softmax(z_i)(x_i)                            order random: c_i ~ U[0, 1)
        U   = the n_s positions of largest c               n_s = ⌊m / S⌋ + [s < m mod S], s = 0 .. S − 1
        z   = z_u + (w + 1) (z_c − z_u)                    with guidance w: z_u sees masks for the prompt

    m is the block's size and S = `steps` / number of blocks. `steps` = `gen_length`, the default, is one
    token per step, even where the last block is shorter. With guidance 0 there is one pass, as of any other
    method.

    Defaults: blocks of 32 and one token per step, as the papers around it evaluate. The official function has
    128 steps for 128 positions in one block of 128.

    Differences:

    - `logits_eos_inf` and `confidence_eos_eot_inf`, which keep end tokens from being said or from being
      unmasked early, are left out.
    - The official code wants a generation of whole blocks; here the last one may be shorter, and steps that
      its share leaves without a token are not taken.
    - With guidance both passes are one forward, as there; positions are counted in both.
    - Current official code takes c in the logits' bfloat16, where many are equal; older copies take float64.
    """

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
        one_each = steps == gen_length
        if not one_each and (steps % blocks or not blocks <= steps <= gen_length):
            raise DepcapError(
                f"method llada: steps {steps} must be a multiple of the {blocks} blocks (gen_length"
                f" {gen_length} / block_size {self.block_size}), from {blocks} to {gen_length}"
            )
        per_block = self.block_size if one_each else steps // blocks
        quota = Quota(per_block) if self.order == "confidence" else RandomQuota(per_block, context.seed)
        resolved = self.model_dump() | {"steps": steps}
        return Parts(FixedBlock(self.block_size), quota, resolved, guidance=self.guidance)


PRESET = Preset(
    LladaParams,
    paper="arXiv 2502.09992",
    boundary="fixed size",
    tokens="the most confident, a fixed number per step",
    headline="the baseline",
    caveat="blocks of 32, one token per step, as the papers around it evaluate; the official function has"
    " one block of 128 and can hold back end tokens, which is left out",
)
