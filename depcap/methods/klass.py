"""KLASS: confident positions whose distributions have stopped moving."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor

from depcap.boundary import FixedBlock
from depcap.methods.base import Context, NotNegative, Params, Parts, Preset, Probability, Size
from depcap.types import Block, Canvas, Proposal, Selection
from depcap.unmask import Explanation, Ordinary, Selected, explained

TINY = 1e-12


@dataclass(frozen=True, slots=True)
class History:
    """Distributions of the last step from `start` on, and for how many steps each has kept still."""

    start: Int[Tensor, "B"]
    probs: Float[Tensor, "B W V"] | None
    known: Bool[Tensor, "B W"]
    still: Int[Tensor, "B W"]


@dataclass(frozen=True, slots=True)
class Stable(Ordinary):
    """Confidence > `threshold`, and the last `history` KL(p_t || p_t-1) all below `kl_threshold`.

    KL_t = sum_v p_t (ln(p_t + 1e-12) - ln(p_t-1 + 1e-12)); a position that was not read in the last step has
    p_t-1 = 0. This and the next block are read in every step, so that stillness counts from before a block
    opens (but for caches that do not compute the next block). Nothing is taken in a block's first
    `history` - 1 steps.
    """

    block_size: int
    threshold: float
    kl_threshold: float
    history: int

    @property
    def lookahead(self) -> int:
        """This block and the next."""
        return 2 * self.block_size

    def init(self, canvas: Canvas) -> History:
        """Nothing seen yet."""
        none = torch.zeros(len(canvas.ids), self.lookahead, dtype=torch.long, device=canvas.ids.device)
        return History(canvas.prompt_length, None, none.bool(), none)

    def select(self, proposal: Proposal, block: Block, state: History) -> Selected:
        """Confident and still; the loop adds the argmax when there is none."""
        state = self._seen(proposal, state)
        still = _fitted(state.still, proposal.tokens.shape[1])
        ready = (proposal.confidence > self.threshold) & (still >= self.history)
        late = block.step >= self.history - 1
        return Selection(proposal.eligible & ready & late[:, None]), state

    def _seen(self, proposal: Proposal, state: History) -> History:
        """The history with one more step: positions keep their own past while the window moves."""
        at, probs = proposal.window, proposal.log_probs.exp()
        shift = (at.start - state.start)[:, None] + torch.arange(probs.shape[1], device=probs.device)
        inside = shift < state.known.shape[1]
        shift = shift.clamp(max=state.known.shape[1] - 1)
        known = inside & state.known.gather(1, shift)
        before = torch.zeros_like(probs)
        if state.probs is not None:
            past = shift.clamp(max=state.probs.shape[1] - 1)[..., None].expand_as(probs)
            before = torch.where(known[..., None], state.probs.gather(1, past), 0.0)
        divergence = (probs * ((probs + TINY).log() - (before + TINY).log())).sum(dim=2)
        still = torch.where(inside, state.still.gather(1, shift), 0)
        still = torch.where(divergence < self.kl_threshold, still + 1, 0)
        return History(at.start, probs, _fitted(at.valid, self.lookahead), _fitted(still, self.lookahead))

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """Confident and still, or not yet."""
        return explained(selection, "committed_still", "not_still")


def _fitted(values: Tensor, width: int) -> Tensor:
    """The first `width` columns, zeros where there are fewer: a stop rule may have more read."""
    return torch.nn.functional.pad(values, (0, width - values.shape[1]))


class KlassParams(Params):
    """KLASS (arXiv 2511.05664): confident positions whose distribution has stopped moving.

    A confident position whose distribution still changes from step to step is often wrong; one that has kept
    still for a few steps is safe to unmask.

    Formula:

        KL_t = Σ_v p_t(v) [ln(p_t(v) + 1e-12) − ln(p_{t−1}(v) + 1e-12)]       p_{−1} = 0
        U    = {i: c_i > τ and the last h KL_t(i) < ε}, from the block's step h − 1 on, else argmax c

    `threshold` is τ, `kl_threshold` ε, `history` h. Nothing is taken by the rule in a block's first h − 1
    steps: there it is one token per step. With ε = ∞ and h = 1 this is fast-dllm, but that τ itself is not
    enough.

    Defaults: h = 2 and blocks of 64 for LLaDA. Published pairs (τ, ε): GSM8K 0.6, 0.015; MATH 0.6, 0.01;
    HumanEval 0.9, 0.01, the default; MBPP 0.7, 0.01. For Dream: GSM8K and MBPP 0.9, 0.001; MATH 0.9, 0.005;
    HumanEval 0.8, 0.001.

    Differences:

    - For Dream the official code has no blocks (give `block_size` the generation's length) and takes
      confidences equal to the threshold too.
    - It unmasks a schedule's top n where nothing is ready; n is 1 here, as there with a step per position.
    - At a temperature above 0 it takes the noised scores for logits when it compares; here p is the model's.
    - It has no cache. With one, a position that was not computed in the last step has p_{t−1} = 0.
    """

    block_size: Size = Field(64, description="positions per block")
    threshold: Probability = Field(0.9, description="confidence that must be exceeded")
    kl_threshold: NotNegative = Field(0.01, description="largest change of the distribution per step, nats")
    history: int = Field(2, ge=1, le=64, description="for how many steps it must have kept still")

    def parts(self, _context: Context) -> Parts:
        """Fixed blocks; the window is read in every step."""
        unmask = Stable(self.block_size, self.threshold, self.kl_threshold, self.history)
        return Parts(FixedBlock(self.block_size), unmask, self.model_dump())


PRESET = Preset(
    KlassParams,
    paper="arXiv 2511.05664",
    boundary="fixed size",
    tokens="confidence > threshold, and KL to the step before < kl_threshold twice",
    headline="up to 2.78×",
    caveat="the paper tunes both thresholds per task; the defaults are its HumanEval pair; for Dream it has"
    " no blocks",
)
