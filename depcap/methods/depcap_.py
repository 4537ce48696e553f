"""DepCap: blocks by last-block influence, tokens by conflict graph."""

import math
from typing import Annotated

from pydantic import Field, model_validator

from depcap.boundary import InfluenceBlock
from depcap.methods.base import Context, Params, Parts, Preset, Probability, Size
from depcap.unmask import ConflictFree


class DepcapParams(Params):
    """DepCap (arXiv 2604.15750): blocks by last-block influence, tokens by conflict graph."""

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
)
