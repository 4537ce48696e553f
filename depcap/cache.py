"""Cache policies, which are spans, and the store they share.

No cache, prefix cache and dual cache (Fast-dLLM, arXiv 2505.22618) differ only in *which positions are
computed again* in a step. What is not computed keeps the keys and values of an older canvas.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from depcap.types import Block, Canvas

Spans = tuple[Int[Tensor, "B"], Int[Tensor, "B"]]


class KVCache:
    """Keys (rotated) and values of every layer, written by position.

    Layout `[B, L + 1, G, D]`: slot L takes the writes of padding and is never read.
    """

    def __init__(
        self, layers: int, batch: int, length: int, heads: int, head_size: int, like: Tensor
    ) -> None:
        shape = (layers, 2, batch, length + 1, heads, head_size)
        self.slots = torch.zeros(shape, dtype=like.dtype, device=like.device)

    def write(self, layer: int, rows: Tensor, slots: Tensor, keys: Tensor, values: Tensor) -> None:
        """Store keys and values `[R G C D]` of some rows `[R]` at slots `[R C]`."""
        self.slots[layer, 0, rows[:, None], slots] = keys.transpose(1, 2)
        self.slots[layer, 1, rows[:, None], slots] = values.transpose(1, 2)

    def read(self, layer: int, rows: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Keys and values `[R G length D]` of some rows."""
        keys, values = self.slots[layer, :, :, :length]
        if len(rows) < keys.shape[0]:
            keys, values = keys[rows], values[rows]
        return keys.transpose(1, 2), values.transpose(1, 2)


@dataclass(frozen=True, slots=True)
class NoCache:
    """Everything is computed in every step."""

    stores: bool = False

    def span(self, canvas: Canvas, _block: Block, _opening: Bool[Tensor, "B"]) -> Spans:
        """From the first position to the row's end."""
        return torch.zeros_like(canvas.end), canvas.end


@dataclass(frozen=True, slots=True)
class PrefixCache:
    """What is left of the block is kept; block and suffix are computed. With blocks of one: `NoCache`."""

    stores: bool = True

    def span(self, canvas: Canvas, block: Block, opening: Bool[Tensor, "B"]) -> Spans:
        """From the block's start (from 0 when it opens) to the row's end."""
        return torch.where(opening, 0, block.start), canvas.end


@dataclass(frozen=True, slots=True)
class DualCache:
    """Prefix and suffix are kept; only the block is computed. With blocks of one: `NoCache`."""

    stores: bool = True

    def span(self, canvas: Canvas, block: Block, opening: Bool[Tensor, "B"]) -> Spans:
        """The block; everything when it opens."""
        start = torch.where(opening, 0, block.start)
        return start, torch.where(opening, canvas.end, block.end)


@dataclass(frozen=True, slots=True)
class CausalCache:
    """Everything to the left is kept, nothing to the right is computed: exact when attention is causal.

    For blocks of one position: the prompt is computed once, then one position a step.
    """

    stores: bool = True

    def span(self, _canvas: Canvas, block: Block, _opening: Bool[Tensor, "B"]) -> Spans:
        """The block's one position (and all before it, when it is the row's first)."""
        return torch.where(block.index == 0, 0, block.start), block.start + 1


CACHES = {"none": NoCache(), "prefix": PrefixCache(), "dual": DualCache(), "causal": CausalCache()}
"""Cache policies by name."""
