"""Cache policies, which are sets of positions, and the store they share.

No cache, prefix cache and dual cache (Fast-dLLM, arXiv 2505.22618) and their successors differ only in *which
positions are computed again* in a step, and in which can be seen. What is not computed keeps the keys and
values of an older canvas.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from depcap.types import Moment, spanned

View = tuple[Bool[Tensor, "B L"], Bool[Tensor, "B L"]]
"""Positions to compute, and positions that can be seen."""


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


def _all(moment: Moment) -> Bool[Tensor, "B L"]:
    """Every position up to the row's end."""
    end = moment.canvas.end
    return spanned(torch.zeros_like(end), end, moment.canvas.ids.shape[1])


def _but_for_openings(moment: Moment, start: Tensor, end: Tensor) -> View:
    """The span is computed, everything where a block opens; all is visible."""
    whole = _all(moment)
    inside = whole & spanned(start, end, whole.shape[1])
    return torch.where(moment.opening[:, None], whole, inside), whole


@dataclass(frozen=True, slots=True)
class NoCache:
    """Everything is computed in every step."""

    stores: bool = False

    def view(self, moment: Moment) -> View:
        """From the first position to the row's end."""
        whole = _all(moment)
        return whole, whole


@dataclass(frozen=True, slots=True)
class PrefixCache:
    """What is left of the block is kept; block and suffix are computed. With blocks of one: `NoCache`."""

    stores: bool = True

    def view(self, moment: Moment) -> View:
        """From the block's start to the row's end; everything where a block opens."""
        return _but_for_openings(moment, moment.block.start, moment.canvas.end)


@dataclass(frozen=True, slots=True)
class DualCache:
    """Prefix and suffix are kept; only the block is computed. With blocks of one: `NoCache`."""

    stores: bool = True

    def view(self, moment: Moment) -> View:
        """The block; everything where it opens."""
        return _but_for_openings(moment, moment.block.start, moment.block.end)


@dataclass(frozen=True, slots=True)
class VicinityCache:
    """As `DualCache`, with `reach` positions on either side computed too (dInfer, arXiv 2510.08666).

    With a reach as long as the canvas: `NoCache`.
    """

    reach: int = 16
    stores: bool = True

    def view(self, moment: Moment) -> View:
        """The block and its neighbours; everything where it opens."""
        return _but_for_openings(moment, moment.block.start - self.reach, moment.block.end + self.reach)


@dataclass(frozen=True, slots=True)
class DelayedCache:
    """Decided tokens are kept from the step after the one that decided them (dKV-Cache, arXiv 2505.15781).

    States move most when their token is decided, so it is computed once more. Masked positions are always
    computed; everything is where a block opens and in every `refresh`-th step of a block. With `refresh` 1:
    `NoCache`.
    """

    refresh: int = 8
    stores: bool = True

    def view(self, moment: Moment) -> View:
        """What is masked or has just been decided."""
        whole = _all(moment)
        anew = moment.opening | (moment.block.step % self.refresh == 0)
        return whole & (anew[:, None] | moment.canvas.masked() | moment.fresh), whole


@dataclass(frozen=True, slots=True)
class DropoutCache:
    """As `PrefixCache`, with a random part of the suffix out of sight (DPad, arXiv 2508.14148).

    The position d past what is read stays with probability `density` phi(`spread` d / (`width` - 1)), phi the
    standard normal density, up to `width`; none beyond. The draw hangs on the block's start alone.
    """

    width: int = 256
    density: float = 2.0
    spread: float = 4.0
    stores: bool = True

    def view(self, moment: Moment) -> View:
        """Prefix, what is read, and the part of the suffix that stays."""
        whole = _all(moment)
        place = torch.arange(whole.shape[1], device=whole.device)
        distance = place - moment.read_end[:, None]
        bell = torch.exp(-((self.spread * distance / (self.width - 1)) ** 2) / 2) / math.sqrt(2 * math.pi)
        drawn = torch.stack([self._dice(start) for start in moment.block.start.tolist()]).to(bell.device)
        dice = drawn.gather(1, distance.clamp(0, self.width - 1))
        stays = (distance < self.width) & (dice < self.density * bell)
        return _seen(moment, whole & ((distance < 0) | stays))

    def _dice(self, seed: int) -> Tensor:
        return torch.rand(self.width, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True, slots=True)
class StreamingCache:
    """As `PrefixCache`, with only the next `width` positions of the suffix and its last in sight.

    Streaming-dLLM (arXiv 2601.17917). With a width as long as the canvas: `PrefixCache`.
    """

    width: int = 96
    stores: bool = True

    def view(self, moment: Moment) -> View:
        """Prefix, what is read, the next positions, and the last."""
        whole = _all(moment)
        place = torch.arange(whole.shape[1], device=whole.device)
        near = place < (moment.read_end + self.width)[:, None]
        return _seen(moment, whole & (near | (place == moment.canvas.end[:, None] - 1)))


def _seen(moment: Moment, visible: Bool[Tensor, "B L"]) -> View:
    """What is visible from the block on is computed; all that is visible where a block opens."""
    start = torch.where(moment.opening, 0, moment.block.start)
    return visible & spanned(start, moment.canvas.end, visible.shape[1]), visible


@dataclass(frozen=True, slots=True)
class TrailingCache:
    """For sliding blocks: of what is decided only the last `width` positions are computed again (APD).

    From `width` - 1 before the previous block's start on; everything in the first step. With a width as long
    as the canvas: `NoCache`.
    """

    width: int = 16
    stores: bool = True

    def view(self, moment: Moment) -> View:
        """The end of what is decided, and all that is not."""
        accepted = moment.fresh.sum(dim=1)
        start = moment.block.start - self.width - accepted + 1
        whole = _all(moment)
        first = (moment.block.index == 0)[:, None]
        return whole & (first | spanned(start, moment.canvas.end, whole.shape[1])), whole


@dataclass(frozen=True, slots=True)
class CausalCache:
    """Everything to the left is kept, nothing to the right is computed: exact when attention is causal.

    For blocks of one position: the prompt is computed once, then one position a step.
    """

    stores: bool = True

    def view(self, moment: Moment) -> View:
        """The block's one position (and all before it, when it is the row's first)."""
        start = torch.where(moment.block.index == 0, 0, moment.block.start)
        whole = _all(moment)
        return spanned(start, moment.block.start + 1, whole.shape[1]), whole


CACHES = {
    "none": NoCache(),
    "prefix": PrefixCache(),
    "dual": DualCache(),
    "vicinity": VicinityCache(),
    "dkv": DelayedCache(),
    "dpad": DropoutCache(),
    "streaming": StreamingCache(),
    "trailing": TrailingCache(),
    "causal": CausalCache(),
}
"""Cache policies by name."""
