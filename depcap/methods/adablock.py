"""AdaBlock-dLLM: blocks that end with the surest newline in sight."""

from typing import Annotated

from pydantic import Field

from depcap.boundary import DelimiterBlock
from depcap.errors import DepcapError
from depcap.methods.base import Context, Ids, Params, Parts, Preset, Probability, Size
from depcap.unmask import Threshold


class AdablockParams(Params):
    """AdaBlock-dLLM (arXiv 2509.26432): blocks end at a sure delimiter, every confident position at once.

    The official code takes token 198 (a newline) for LLaDA and a list of 24 tokens with newlines for Dream,
    here every token whose text ends in one; `delimiter_ids` gives back theirs. With a cache and Dream it
    unmasks a block's first position whatever its confidence, here the rule holds for it too.
    """

    block_size: Size = Field(32, description="positions per block where no delimiter is sure")
    threshold: Probability = Field(0.9, description="least confidence to be unmasked")
    delimiter_threshold: Annotated[float, Field(ge=0, allow_inf_nan=True)] = Field(
        0.3, description="least confidence of a delimiter; the paper takes 0.5 for Dream"
    )
    delimiter_ids: Ids | None = Field(
        None, description="tokens that end a block; default: those whose text ends in a newline"
    )

    def parts(self, context: Context) -> Parts:
        """Delimiters are looked for in the next quarter of the generation."""
        delimiters = self.delimiter_ids if self.delimiter_ids is not None else context.resources.newlines()
        if not delimiters:
            raise DepcapError("method adablock: no tokenizer to find newlines with: give delimiter_ids")
        window = context.gen_length // 4
        boundary = DelimiterBlock(self.block_size, delimiters, self.delimiter_threshold, window)
        resolved = self.model_dump() | {"delimiter_ids": list(delimiters)}
        return Parts(boundary, Threshold(self.threshold), resolved)


PRESET = Preset(
    AdablockParams,
    paper="arXiv 2509.26432",
    boundary="the surest newline of the next quarter",
    tokens="confidence ≥ threshold",
    headline="+5.3 points at equal throughput (GSM8K, 512 tokens)",
)
