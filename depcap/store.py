"""Keys and values that a decode keeps from one step to the next."""

import torch
from torch import Tensor


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
