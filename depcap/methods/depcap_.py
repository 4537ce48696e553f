"""DepCap: blocks by last-block influence, tokens by conflict graph."""

import math
from typing import Annotated

from pydantic import Field, model_validator

from depcap.boundary import InfluenceBlock
from depcap.methods.base import Context, Params, Parts, Preset, Probability, Size
from depcap.unmask import ConflictFree


class DepcapParams(Params):
    """DepCap (arXiv 2604.15750): blocks by last-block influence, tokens by conflict graph.

    A block is the leading run of positions whose distributions moved most when the last block was decided,
    less a penalty for uncertainty. In a step, confident positions are unmasked together unless they put mass
    on each other's token. The forward that opens a block gives its size and its first step.

    Formula:

        I_j  = Σ_v P_j(v) [ln P_j(v) − ln Q̂_j(v)]        over the K tokens that are likeliest now
        H_j  = −Σ_v P_j(v) ln P_j(v)
        S_j  = norm(mean₃ I)_j − λ_u norm(mean₃ H)_j       norm(y) = (y − median) / (q₃ − q₁)
        L    = leading run of S_j ≥ 0, at least L_min, at most L_max; L_min for the first block
        D_ij = ln p_i(x_j) + ln p_j(x_i)                   a conflict where D_ij > γ
        U    = {c ≥ τ_high} ∪ {greedy by c: c ≥ τ_low, no conflict with what is chosen}, else argmax c

    P is what the model says now, Q̂ what it said when the last block opened: for one of the K likeliest tokens
    of then its log-probability, for any other ln(1 − M) − ln(V − K), M being the mass of those K. mean₃ takes
    three neighbours, with zeros outside the window of L_max positions; median and quartiles are order
    statistics of that window. Fewer than L_min positions left are one block. `min_size` is L_min, `max_size`
    L_max, `top_k` K. With `min_size` = `max_size` blocks are fixed; with `tau_low` = `tau_high` tokens are
    those of fast-dllm.

    Defaults: the shipped scripts'. The official function for LLaDA has λ_u 1.0 and K 64, its harness λ_u 1.0
    and K 128.

    Differences:

    - Of the paper only the abstract could be read; the rule is that of the published code.
    - That code decodes one sequence at a time, and Dream without a cache. Here batches and every cache go.
    - Its harness for Dream does not pass τ_low, τ_high and γ on, so that 0.8, 0.95 and −16 hold whatever is
      asked for; here they are what is asked for.
    - Without a cache it takes masks anywhere before the block's end for candidates, here the block's. The
      two differ only where a prompt has masks in it.
    """

    min_size: Size = Field(8, description="smallest block; also the first block")
    max_size: Size = Field(128, description="largest block, and the window the score looks at")
    lambda_u: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        1.2, description="weight of uncertainty against influence: larger means shorter blocks"
    )
    top_k: Size = Field(64, description="tokens kept per position to measure influence")
    tau_low: Probability = Field(0.8, description="least confidence to be unmasked with others")
    tau_high: Probability = Field(0.95, description="confidence from which conflicts are ignored")
    gamma: Annotated[float, Field(allow_inf_nan=True)] = Field(
        -16.0, description="conflict threshold on D: larger means fewer conflicts"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "DepcapParams":
        if self.min_size > self.max_size:
            raise ValueError(f"min_size {self.min_size} must be at most max_size {self.max_size}")
        if self.tau_low > self.tau_high:
            raise ValueError(f"tau_low {self.tau_low} must be at most tau_high {self.tau_high}")
        if math.isnan(self.gamma):
            raise ValueError("gamma must be a number")
        return self

    def parts(self, _context: Context) -> Parts:
        """One policy for each of the two ideas."""
        boundary = InfluenceBlock(self.min_size, self.max_size, self.lambda_u, self.top_k)
        return Parts(boundary, ConflictFree(self.tau_low, self.tau_high, self.gamma), self.model_dump())


PRESET = Preset(
    DepcapParams,
    paper="arXiv 2604.15750",
    boundary="influence of the last block, less an entropy penalty",
    tokens="confidence ≥ τ_low without conflict; ≥ τ_high always",
    headline="up to 5.63× (reasoning and coding)",
    caveat="only the paper's abstract could be read, the rule is the published code's; defaults are its"
    " scripts', its function has λ_u 1.0, its harness λ_u 1.0 and K 128",
)
