"""What a decode gives back."""

from dataclasses import dataclass

from depcap.trace import Trace


@dataclass(frozen=True, slots=True)
class Result:
    """One decoded row.

    `tokens` are the generated ids, up to and including the end token that stopped the row if one did; `text`
    is what comes before the first end token (None without a tokenizer); `unmask_step` is the row's step, from
    1, at which each of `tokens` was committed; `computed` counts the positions run through the network,
    `auxiliary` and `auxiliary_computed` the forwards and positions of a second model, `filled` the positions
    that were decided, each once and those past the end token too; `seconds` is decoding time up to the row's
    last step; `response_length` counts the tokens before the first end token.
    """

    prompt_ids: list[int]
    tokens: list[int]
    text: str | None
    nfe: int
    computed: int
    auxiliary: int
    auxiliary_computed: int
    filled: int
    block_sizes: list[int]
    unmask_step: list[int]
    seconds: float
    response_length: int
    trace: Trace | None = None

    @property
    def tokens_per_second(self) -> float:
        """Tokens before the first end token per second of this row's time."""
        return self.response_length / self.seconds if self.seconds > 0 else 0.0
