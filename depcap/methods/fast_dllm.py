"""Fast-dLLM: fixed blocks, every confident position at once."""

from pydantic import Field, model_validator

from depcap.boundary import FixedBlock
from depcap.choices import Positive
from depcap.methods.base import Context, Params, Parts, Preset, Probability, Size
from depcap.unmask import Factor, Threshold


class FastDllmParams(Params):
    """Fast-dLLM (arXiv 2505.22618): fixed blocks, every confident position at once.

    Drawing positions independently is right where all of them are nearly certain (theorem 1), so that a fixed
    threshold, or a bound that rises with the number of positions, says how many may go together.

    Formula:

        U = {c_i ≥ τ} ∪ {argmax c}                         threshold τ
        U = the n most confident, n the largest with       factor f
            c_(k) ≥ 1 − f / (k + 1) for all k = 2 .. n     c_(1) ≥ c_(2) ≥ ...

    Defaults: the paper's, τ = 0.9 and blocks of 32; f is usually 1. With τ above every confidence this is
    llada at one token per step.

    Differences:

    - With `factor` the official code unmasks everything if only the last rank fails, and so do we: two masks
      left are always unmasked.
    - With a cache its code of June 2025 spends a forward on a block that its first step has filled; here that
      is not taken, nor counted. A later version allows at most steps / blocks steps per block with a dual
      cache and leaves the rest masked; here a block is decoded to its end.
    - With a cache and Dream it unmasks a block's first position whatever its confidence, as its logit lies
      outside of what is computed; here the position before is computed too, and the rule holds for all.
    - `remasking="random"`, which compares random numbers with τ, is left out.
    """

    block_size: Size = Field(32, description="positions per block")
    threshold: Probability | None = Field(
        None, description="least confidence (default 0.9); or give factor instead"
    )
    factor: Positive | None = Field(None, description="bound that rises with the rank, usually 1.0")

    @model_validator(mode="after")
    def _one_rule(self) -> "FastDllmParams":
        if self.threshold is not None and self.factor is not None:
            raise ValueError("give threshold or factor, not both")
        return self

    def parts(self, _context: Context) -> Parts:
        """The threshold's rule, or the factor's if one is given."""
        boundary, resolved = FixedBlock(self.block_size), {"block_size": self.block_size}
        if self.factor is not None:
            return Parts(boundary, Factor(self.factor), resolved | {"factor": self.factor})
        threshold = 0.9 if self.threshold is None else self.threshold
        return Parts(boundary, Threshold(threshold), resolved | {"threshold": threshold})


PRESET = Preset(
    FastDllmParams,
    paper="arXiv 2505.22618",
    boundary="fixed size",
    tokens="confidence ≥ threshold, or ≥ a bound that rises with the rank",
    headline="8.1× with caches (GSM8K, 256 tokens)",
    caveat="no forward for a block that is full; with a cache and Dream the official code unmasks each"
    " block's first position unconditionally, here the rule holds for it too",
)
