"""PEARL: speculative decoding in two phases, drafted by a diffusion model or by a causal one."""

from pydantic import Field

from depcap.errors import DepcapError
from depcap.methods.base import WITHOUT_PREDICTION, Context, Params, Preset, Size
from depcap.speculative import Speculation


class PearlParams(Params):
    """PEARL (arXiv 2408.11850): the model drafts, a causal one has the last word.

    While drafts fail, only the first token of the window being drafted is checked; while they stand, all of a
    window is checked as the next one is drafted on trust. The text is the verifier's own greedy one, token
    for token, whatever drafts.

    Formula:

        d_k stands if d_k = argmax p_k(· | what stands)    the first that does not becomes argmax p_k
        pre:   check d_1 of the window                     if it stands: post, the rest is on trust
        post:  check what is on trust, and the next d_1    the first that fails: drop what follows, pre
        E = (1 − a^γ) / ((1 − a) (1 + a − a^γ))            tokens per round, if each stands with chance a

    `window` is γ. A diffusion model fills the window's masks in `draft_steps` forwards, the surest first; a
    causal one writes it token by token.

    Defaults: γ 4, that of the official command line (its scripts have 3 to 5); one forward per draft.

    Differences:

    - Published is a causal drafter only. The form with a diffusion model is our reconstruction: windows have
      their full length, however unsure the draft; the drafter keeps no state, and is not trained to draft.
    - Published is overlap in time. Here drafting and checking take turns, and `seconds` is their sum.
    - Greedy only: the official code also accepts drawn tokens with probability min(1, p / q).
    - Not with `eotp`: beyond the first draft that fails the verifier has read refused tokens, so that an end
      it sees there is not one of its own text.
    - It may return a tail that nothing has verified, or more than was asked for. Here nothing unverified is
      kept.
    """

    window: Size = Field(4, description="γ, tokens drafted per round")
    draft_steps: Size = Field(1, description="forwards in which a diffusion model drafts them")
    verifier: str | None = Field(
        None, description="causal model over the same tokens; default: the one it was made from"
    )

    def parts(self, context: Context) -> Speculation:
        """A drafter in the model's role, and the verifier."""
        if context.temperature > 0:
            raise DepcapError("method pearl decodes greedily: temperature must be 0")
        return Speculation(context.verifier("pearl", self.verifier), self.window, self.draft_steps)


PRESET = Preset(
    PearlParams,
    paper="arXiv 2408.11850",
    boundary="as far as the verifier agrees",
    tokens="the verifier's own greedy tokens",
    headline="up to 4.43× the verifier alone",
    caveat="the diffusion-drafted form is our reading; drafting and checking, which PEARL overlaps in time,"
    " run one after the other here; greedy only",
    caches=("none",),
    stops=WITHOUT_PREDICTION,
    causal=None,
    auxiliary="a causal model over the same tokens, which has the last word",
)
