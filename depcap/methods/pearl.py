"""PEARL: speculative decoding in two phases, drafted by a diffusion model or by a causal one."""

from pydantic import Field

from depcap.errors import DepcapError
from depcap.methods.base import Context, Params, Preset, Size
from depcap.speculative import Speculation


class PearlParams(Params):
    """PEARL (arXiv 2408.11850): the model drafts, a causal one has the last word.

    The official code drafts with a causal model only, overlaps drafting and checking in time, samples too,
    and may return a tail that nothing has verified; here they take turns, greedily, and nothing unverified is
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
    causal=None,
    auxiliary="a causal model over the same tokens, which has the last word",
)
