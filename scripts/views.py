"""Ways to look at a batch: what goes in, what each place sees, what is asked, how much it counts.

`causal` is next-token prediction. The two others are masked diffusion as block-wise decoding sees it: clean
up to a cut, then a block in which some tokens are revealed, then masks only.

- `rows`: each row cut once, full attention, as in decoding; some rows masked uniformly.
- `windows`: behind each clean row stand copies of several of its blocks, masked; a copy sees the row before
  its cut, and itself. One row asks at several cuts, and meanwhile, causally, at every place.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from scripts.batches import END_ID, MASK_ID, Batch

BLOCK = 32
"""Places of a window that can be asked for."""
WIDEST = 64
"""The longest block of `rows`. DepCap was seen to open blocks of 46 places with these models."""
COPIES = 4
"""Windows behind a row."""
UNIFORM_SHARE = 0.2
"""Of `rows`, those masked uniformly."""
PADDING_WEIGHT = 0.1
"""Of end tokens after the first."""
CAUSAL_WEIGHT = 0.3
"""Of a clean row's places beside those of its windows."""
HOLE_DECAY, LEAST_WEIGHT = 0.7, 0.1
"""What every masked place before a place takes from its weight, and what is left of it at least."""


@dataclass(frozen=True)
class Sight:
    """Input ids and positions, targets and weights [B S]; `mask` [B 1 S S] says what sees what.

    `most` is what a place counts at most, if the network is sure of it: `weights` is then the least. Without
    a mask every place sees all, or, if `causal`, itself and what is before it.
    """

    ids: Tensor
    positions: Tensor
    targets: Tensor
    weights: Tensor
    most: Tensor | None = None
    mask: Tensor | None = None
    causal: bool = False


Look = Callable[[Sight], Tensor]
"""Largest probability at every place [B S], without learning."""
View = Callable[[Batch, torch.Generator, Look, int], Sight]
"""The last argument is the shift: 1 if an output is about the next position (Dream), 0 if about its own."""


def causal(batch: Batch, _noise: torch.Generator, _look: Look, _shift: int) -> Sight:
    """Next-token prediction over the response and its end token, and a little over the prompt."""
    positions = torch.arange(batch.ids.shape[1]).expand_as(batch.ids)
    return Sight(batch.ids, positions, batch.ids.roll(-1, 1), _next_token_weights(batch), causal=True)


def rows(batch: Batch, noise: torch.Generator, look: Look, shift: int) -> Sight:
    """One block per row, masks to the end behind it; some rows masked uniformly instead."""
    count, length = batch.ids.shape
    place = torch.arange(length).expand(count, -1)
    cut, size = _cut(batch, 1, noise)[:, 0], _sizes(batch, 1, WIDEST, noise)[:, 0]
    behind = place >= cut[:, None]
    block = behind & (place < (cut + size)[:, None])

    def sure(masked: Tensor) -> Tensor:
        """Of the token at every place, with these places masked [B L]."""
        blank = torch.where(masked, MASK_ID, batch.ids)
        return look(Sight(blank, place, batch.ids, masked.float())).roll(shift, 1)

    masked = _after_reveals(behind, block, sure, noise)

    uniform = torch.rand(count, 1, generator=noise) < UNIFORM_SHARE
    share = 0.04 + 0.96 * ((torch.rand(1, generator=noise) + torch.arange(count) / count) % 1.0)[:, None]
    dice = torch.rand(count, length, generator=noise) < share
    scattered = dice & (place >= batch.start[:, None])
    asked = masked & block
    worth = torch.where(place > batch.end[:, None], PADDING_WEIGHT, 1.0)
    weights = torch.where(uniform, scattered.float() * 0.3, _weights(asked)) * worth
    most = torch.where(uniform, 0.0, asked * worth)
    masked = torch.where(uniform, scattered, masked)
    targets, weights, most = (x.roll(-shift, 1) for x in (batch.ids, weights, most))
    return Sight(torch.where(masked, MASK_ID, batch.ids), place, targets, weights, most)


def windows(batch: Batch, noise: torch.Generator, look: Look, shift: int) -> Sight:
    """Clean rows with masked copies of `COPIES` of their blocks behind them.

    A copy begins one place before its cut, with the clean token there, whose output is about the cut when
    outputs are shifted.
    """
    count, length = batch.ids.shape
    cut, size = _cut(batch, COPIES, noise), _sizes(batch, COPIES, BLOCK, noise)
    slots = torch.arange(BLOCK + 1)
    place = cut[..., None] - 1 + slots  # [B K W]
    padded = torch.cat((batch.ids, torch.full((count, BLOCK), END_ID)), 1)
    tokens = padded.gather(1, place.flatten(1)).view(place.shape)
    open_ = (slots > 0).expand(place.shape)
    block = open_ & (slots <= size[..., None])

    mask = _window_mask(length, cut, place.shape[2])
    positions = _beside(torch.arange(length).expand(count, -1), place.flatten(1))

    clean = _next_token_weights(batch) * CAUSAL_WEIGHT * shift
    worth = torch.where(place > batch.end[:, None, None], PADDING_WEIGHT, 1.0)

    def sight(masked: Tensor, asked: Tensor) -> Sight:
        """With these places of the copies masked and asked for [B K W]."""
        copies = torch.where(masked, MASK_ID, tokens)
        beside = (batch.ids.roll(-1, 1), clean, torch.zeros_like(clean))
        behind = (x.roll(-shift, 2).flatten(1) for x in (tokens, _weights(asked) * worth, asked * worth))
        targets, weights, most = map(_beside, beside, behind)
        return Sight(_beside(batch.ids, copies.flatten(1)), positions, targets, weights, most, mask)

    def sure(masked: Tensor) -> Tensor:
        """Of the token at every place of the copies, with these places masked [B K W]."""
        return look(sight(masked, masked))[:, length:].view(place.shape).roll(shift, 2)

    masked = _after_reveals(open_, block, sure, noise)
    return sight(masked, masked & block)


def _beside(rows: Tensor, copies: Tensor) -> Tensor:
    return torch.cat((rows, copies), 1)


def _next_token_weights(batch: Batch) -> Tensor:
    place = torch.arange(batch.ids.shape[1]) + 1
    inside = (place >= batch.start[:, None]) & (place <= batch.end[:, None])
    return inside + (place < batch.start[:, None]) * 0.1


def _cut(batch: Batch, count: int, noise: torch.Generator) -> Tensor:
    """`count` first masked positions of each row, between the response's start and its end token."""
    dice = torch.rand(len(batch.ids), count, generator=noise)
    return batch.start[:, None] + (dice * (batch.end - batch.start + 1)[:, None]).long()


def _sizes(batch: Batch, count: int, most: int, noise: torch.Generator) -> Tensor:
    """How long the blocks are in which tokens are revealed and asked for."""
    return torch.randint(4, most + 1, (len(batch.ids), count), generator=noise)


def _after_reveals(
    masked: Tensor, block: Tensor, sure: Callable[[Tensor], Tensor], noise: torch.Generator
) -> Tensor:
    """What is left of `masked` when a decoder has been at work in every block for a while.

    It reveals the places that are surest with the whole block masked. (To look again after each third of them
    cost half a step more, and was no better to decode with.) In a third of the blocks it has not begun.
    """
    dice = torch.rand(block.shape[:-1], generator=noise)
    quota = (((dice - 1 / 3) * 1.5).clamp(min=0) * block.sum(-1)).floor()
    order = torch.where(block, sure(masked), -1.0).argsort(-1, descending=True).argsort(-1)
    return masked & ~(block & (order < quota[..., None]))


def _weights(asked: Tensor) -> Tensor:
    """Each asked place counts the less, the more holes are before it: a decoder fills the first ones next."""
    holes = asked.cumsum(-1) - 1
    return (HOLE_DECAY ** holes.clamp(min=0)).clamp(min=LEAST_WEIGHT) * asked


def _window_mask(length: int, cut: Tensor, width: int) -> Tensor:
    """[B 1 S S]: clean places see causally, copies see themselves and the clean places before them."""
    count, copies = cut.shape
    place = torch.arange(length)
    clean = (place[:, None] >= place).expand(count, -1, -1)
    before = (place < (cut - 1)[..., None]).repeat_interleave(width, dim=1)  # [B K*W L]
    own = torch.arange(copies).repeat_interleave(width)
    inside = (own[:, None] == own).expand(count, -1, -1)
    top = torch.cat((clean, torch.zeros(count, length, copies * width, dtype=torch.bool)), 2)
    return torch.cat((top, torch.cat((before, inside), 2)), 1)[:, None]
