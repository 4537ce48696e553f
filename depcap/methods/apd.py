"""APD: left to right, as far as a mixture with a causal model agrees with the draft."""

from dataclasses import dataclass
from typing import Any, Literal

from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from depcap.boundary import FixedBlock
from depcap.draws import Generators, generators, token_noise
from depcap.methods.base import Context, Params, Parts, Preset, Probability, Size
from depcap.methods.dream import filtered
from depcap.proposer import proposal
from depcap.types import Block, Canvas, Proposal, Selection, Window
from depcap.unmask import Explanation, Ordinary, Selected, explained
from depcap.verifier import Reading, Verifier


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft of every position at once: argmax of the tempered, filtered log-probabilities plus noise.

    The published code uses the temperature twice, dividing by it and scaling the noise with it (`twice`);
    the confidence is the untempered probability. At temperature 0 this is `Greedy`.
    """

    temperature: float
    top_p: float
    twice: bool
    seed: int

    def init(self, canvas: Canvas) -> Generators:
        """A generator per row."""
        return generators(canvas, self.seed)

    def propose(
        self, log_probs: Float[Tensor, "B W V"], at: Window, eligible: Bool[Tensor, "B W"], state: Any
    ) -> tuple[Proposal, Generators]:
        """The draft, with the noise that made it."""
        if self.temperature == 0:
            return proposal(log_probs, log_probs, at, eligible), state
        noise = token_noise(state, at, eligible.any(dim=1), log_probs)
        warm = filtered(log_probs / self.temperature, self.top_p, None)
        scores = warm + (self.temperature if self.twice else 1.0) * noise
        made = proposal(scores, log_probs, at, eligible)
        return Proposal(at, made.tokens, made.confidence, log_probs, eligible, noise), state


@dataclass(frozen=True, slots=True)
class AgreedPrefix(Ordinary):
    """The leading run of the draft that the mixture p_D^R p_AR^(1 - R) would say too; its first token always.

    R is `weight`. As published (`coupled` False) the mixture says its argmax: the draft's noise is not used
    again, and a refused position is drafted anew in the next step, where it is the first. As in the paper
    the mixture is drawn at the same temperature with the same noise. With `weight` 1 and no noise, or the
    same, everything is accepted.
    """

    verifier: Verifier
    weight: float
    coupled: bool
    temperature: float
    top_p: float

    def init(self, canvas: Canvas) -> Reading:
        """The verifier has read nothing yet."""
        return self.verifier.start(canvas)

    def select(self, made: Proposal, _block: Block, state: Reading) -> Selected:
        """The run of agreement from the first position on."""
        answer = self.verifier.score(made.tokens, made.window, state)
        causal = answer.log_probs
        width = min(causal.shape[2], made.log_probs.shape[2])  # tokens that both models know
        mixed = self.weight * made.log_probs[..., :width] + (1 - self.weight) * causal[..., :width]
        if self.coupled and self.temperature > 0 and made.noise is not None:
            mixed = filtered(mixed / self.temperature, self.top_p, None) + made.noise[..., :width]
        agrees = mixed.argmax(dim=2) == made.tokens
        agrees[:, 0] = True
        unmask = made.eligible & (agrees.int().cumprod(dim=1) > 0)
        live = made.eligible.any(dim=1)
        accepted = unmask.sum(dim=1)
        state = self.verifier.keep(made.tokens, made.window, accepted, accepted, state)
        forwards = live.to(made.tokens.dtype)
        return Selection(unmask, auxiliary=forwards, auxiliary_computed=answer.computed), state

    def explain(self, _made: Proposal, selection: Selection) -> Explanation:
        """Agreed, or from the first disagreement on."""
        return explained(selection, "committed_agreed", "not_agreed")


class ApdParams(Params):
    """APD (arXiv 2506.00413): left to right, as far as a small causal model agrees with the draft.

    All positions in sight are drafted at once. A causal model reads the draft, and its leading run on which a
    mixture of both models agrees is kept; the next step drafts from there. Nothing is lossless about it: a
    refused position is drafted anew and, being the first, taken.

    Formula:

        p_T(v) ∝ p_D(v)^R p_AR(v)^(1−R)
        x_i = argmax ln p_D + g_i                          the draft, with noise g at temperature T
        y_i = argmax ln p_T + g_i                          mode paper; official: argmax ln p_T
        U   = the leading run of x_i = y_i; the first position always

    `weight` is R, `max_lookahead` M. With R = 1 everything is accepted, in mode `official` at temperature 0
    only. At temperature 0 both modes are one.

    Defaults: R 0.7, M 100 and, with cache `trailing`, W 16, a published triple; the other is 0.6, 200 and 32.
    The published runs draw at T = 0.2 with top_p 0.95: give `--temperature 0.2`, as the default here is 0.

    Differences:

    - In the official code the mixture is not drawn with the draft's noise but its argmax taken, and the
      temperature is used twice, dividing the logits and scaling the noise. Mode `official` keeps both, mode
      `paper` draws as the paper says.
    - Repaired in both modes: the official code stops at end tokens of the prompt too, takes one sequence at a
      time, and with W = 0 mispredicts a step's first position by Dream's shift.
    - The mixture is over the tokens that both models know, as there.
    - The fixed number of tokens per step, its baseline, is left out.
    - `prefix` and `dual` are not offered: every step opens a block, where they compute everything. What the
      paper keeps is `trailing`.
    """

    weight: Probability = Field(
        0.7,
        description="R, the diffusion model's share of the mixture; in mode paper, and at temperature 0,"
        " 1 accepts all",
    )
    mode: Literal["official", "paper"] = Field(
        "official",
        description="official: against the mixture's argmax; paper: against a draw with the same noise",
    )
    max_lookahead: Size = Field(
        100, description="positions that are drafted, and all that is seen beyond the text"
    )
    top_p: float = Field(0.95, gt=0, le=1, description="drafts are drawn from the smallest set of this mass")
    verifier: str | None = Field(
        None, description="causal model over the same tokens; default: the one it was made from"
    )

    def parts(self, context: Context) -> Parts:
        """A sliding block, a draft, and its agreement with the verifier."""
        found = context.verifier("apd", self.verifier)
        coupled = self.mode == "paper"
        unmask = AgreedPrefix(found, self.weight, coupled, context.temperature, self.top_p)
        draft = Draft(context.temperature, self.top_p, not coupled, context.seed)
        boundary = FixedBlock(self.max_lookahead, sliding=True)
        resolved = self.model_dump() | {"verifier": found.name}
        return Parts(boundary, unmask, resolved, proposer=draft, helpers={"verifier": found.weights})


PRESET = Preset(
    ApdParams,
    paper="arXiv 2506.00413",
    boundary="slides: as far as the draft is accepted",
    tokens="the leading run on which a mixture with a causal model agrees",
    headline="about 5× (R = 0.6) to 10× (R = 0.7) one token per step (GSM8K, Dream)",
    caveat="mode official keeps the code's quirks: its noise is not used again, its temperature twice;"
    " published runs draw at temperature 0.2",
    caches=("none", "trailing"),
    auxiliary="a small causal model over the same tokens",
)
