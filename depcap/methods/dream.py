"""Dream: no blocks; a time schedule says how many positions a step unmasks, a measure which."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from depcap import measures
from depcap.boundary import FixedBlock
from depcap.draws import POSITIONS, Generators, generators, gumbel, token_noise, uniform, widest
from depcap.errors import DepcapError
from depcap.methods.base import WITHOUT_PREDICTION, Context, NotNegative, Params, Parts, Preset, Size
from depcap.proposer import proposal
from depcap.types import Block, Canvas, Proposal, Selection, Window
from depcap.unmask import Explanation, Ordinary, Selected, best, explained

MEASURES = {"maskgit_plus": "confidence", "topk_margin": "margin", "entropy": "entropy"}
CUT = -1e30
"""Logit of what a filter removes: never drawn, however low the temperature, and finite."""


@dataclass(frozen=True, slots=True)
class Schedule(Ordinary):
    """At step i of `steps`, of m masked positions: trunc(m (1 - s / t)), t = t_i, s = t_i+1; at last all.

    t runs from 1 to `eps` in equal steps. `measure` orders the positions; with None each is unmasked by
    itself with probability 1 - s / t. At a `spread` above 0 positions are drawn without replacement from
    softmax(measure / spread). The first step of one-token schedules unmasks nothing, the last one two.
    """

    steps: int
    eps: float
    measure: str | None
    spread: float
    seed: int

    may_idle = True

    def init(self, canvas: Canvas) -> Generators:
        """A generator per row."""
        return generators(canvas, self.seed, POSITIONS)

    def select(self, made: Proposal, block: Block, state: Generators) -> Selected:
        """The step's share, by the measure or by chance."""
        share, live = self._share(block), made.eligible.any(dim=1)
        if self.measure is None:
            dice = uniform(state, made.window, live)
            return Selection(made.eligible & (dice < share[:, None])), state
        keys = measures.certainty(made, self.measure)
        keys = keys.to(widest(keys.device))
        if self.spread > 0:
            keys = keys / self.spread + gumbel(uniform(state, made.window, live))
        masked = made.eligible.sum(dim=1)
        count = torch.where(share < 1, (masked.float() * share).long(), masked)
        return Selection(best(keys, made.eligible, count)), state

    def _share(self, block: Block) -> Float[Tensor, "B"]:
        """1 - s / t in float32, as published; 1 at the last step."""
        times = torch.linspace(1, self.eps, self.steps + 1, dtype=torch.float32, device=block.step.device)
        step = block.step.clamp(max=self.steps - 1)
        return torch.where(step < self.steps - 1, 1 - times[step + 1] / times[step], 1.0)

    def explain(self, made: Proposal, selection: Selection) -> Explanation:
        """In the step's share, or beyond it."""
        return explained(selection, "committed_scheduled", "beyond_schedule")


@dataclass(frozen=True, slots=True)
class Nucleus:
    """Dream's draw: logits / `temperature`, the smallest set of mass > `top_p`, the best `top_k`.

    The confidence and everything else that is read of the distribution is the filtered one's. At temperature
    0 with no filter this is `Greedy`.
    """

    temperature: float
    top_p: float
    top_k: int | None
    seed: int

    def init(self, canvas: Canvas) -> Generators:
        """A generator per row."""
        return generators(canvas, self.seed)

    def propose(
        self, log_probs: Float[Tensor, "B W V"], at: Window, eligible: Bool[Tensor, "B W"], state: Any
    ) -> tuple[Proposal, Generators]:
        """A token of the filtered distribution: drawn, or the best at temperature 0."""
        warm = log_probs / self.temperature if self.temperature > 0 else log_probs
        kept = filtered(warm, self.top_p, self.top_k)
        if kept is not log_probs:
            kept = kept.log_softmax(dim=2)
        scores = kept
        if self.temperature > 0:
            scores = kept + token_noise(state, at, eligible.any(dim=1), kept)
        return proposal(scores, kept, at, eligible), state


def filtered(logits: Float[Tensor, "B W V"], top_p: float, top_k: int | None) -> Float[Tensor, "B W V"]:
    """Logits with all but the smallest set of mass > `top_p`, and all but the best `top_k`, pushed down.

    As they are if neither is asked for. A row at a time: to sort a large vocabulary takes gigabytes.
    """
    if top_p >= 1 and top_k is None:
        return logits
    return torch.cat([_filtered(logits[row : row + 1], top_p, top_k) for row in range(len(logits))])


def _filtered(logits: Float[Tensor, "1 W V"], top_p: float, top_k: int | None) -> Float[Tensor, "1 W V"]:
    if top_p < 1:
        ordered, ids = logits.sort(dim=2, descending=True)
        probs = ordered.softmax(dim=2)
        beyond = probs.cumsum(dim=2) - probs > top_p  # the first is never beyond
        logits = logits.masked_fill(torch.zeros_like(beyond).scatter(2, ids, beyond), CUT)
    if top_k is not None and top_k < logits.shape[2]:
        least = logits.topk(top_k, dim=2).values[..., -1:]
        logits = torch.where(logits < least, CUT, logits)
    return logits


class DreamParams(Params):
    """Dream (arXiv 2508.15487): no blocks, a time schedule; the surest positions, or any.

    All positions compete in every step. How many are unmasked follows the linear noise schedule of training,
    which ones a measure of how sure the model is.

    Formula:

        t_i = 1 − i (1 − ε) / S                            i = 0 .. S
        n_i = trunc(m (1 − t_{i+1} / t_i))                 of m masked; in the last step all
        U   = the n_i of largest measure                   alg_temp τ > 0: drawn from softmax(measure / τ)
        measure = p_(1)                                    maskgit_plus; with T > 0 the drawn token's p
                  p_(1) − p_(2)                            topk_margin
                  Σ_v p_v ln p_v                           entropy
        origin: each position by itself with probability 1 − t_{i+1} / t_i

    p is what is left after temperature, `top_p` and `top_k`. `steps` is S.

    Defaults: what the model's authors recommend (`entropy`, a step per position), but for greedy draws: they
    have temperature 0.2 and top_p 0.95. The official code's own are `origin` and 512 steps.

    Differences:

    - With a step per position the first step unmasks nothing and the last one two, as there.
    - More steps than positions are refused: many of them would unmask nothing.
    - A step's share is counted per row, where some copies take the batch's mean and older ones its sum.
    - There measures are taken of bfloat16 probabilities.
    - Not with stop rule `eotp`: the schedule's clock would run on over a row cut short, and unmask next to
      nothing for most of its steps.
    - Not with caches `dual`, `dpad` and `streaming`: where all is one block, each of them is `prefix`.
    """

    steps: Size | None = Field(None, description="denoising steps; default: gen_length")
    alg: Literal["origin", "maskgit_plus", "topk_margin", "entropy"] = Field(
        "entropy", description="which positions: any, the most confident, of largest margin, of least entropy"
    )
    alg_temp: NotNegative = Field(0.0, description="above 0: positions are drawn, the surer the likelier")
    top_p: float = Field(1.0, gt=0, le=1, description="tokens are drawn from the smallest set of this mass")
    top_k: Size | None = Field(None, description="tokens are drawn from this many")
    eps: float = Field(1e-3, gt=0, lt=1, description="where the time schedule ends")

    def parts(self, context: Context) -> Parts:
        """One block, and Dream's own way to draw."""
        steps = self.steps or context.gen_length
        if steps > context.gen_length:
            raise DepcapError(f"method dream: steps {steps} must be at most gen_length {context.gen_length}")
        measure = MEASURES.get(self.alg)
        unmask = Schedule(steps, self.eps, measure, self.alg_temp, context.seed)
        draw = Nucleus(context.temperature, self.top_p, self.top_k, context.seed)
        return Parts(
            FixedBlock(context.gen_length), unmask, self.model_dump() | {"steps": steps}, proposer=draw
        )


PRESET = Preset(
    DreamParams,
    paper="arXiv 2508.15487",
    boundary="none",
    tokens="the surest by entropy, margin or confidence, on a time schedule",
    headline="the baseline",
    caveat="the recommended settings, but greedy; a step's share is counted per row, where some copies take"
    " the batch's mean",
    caches=("none", "prefix", "vicinity", "dkv"),
    stops=WITHOUT_PREDICTION,
)
