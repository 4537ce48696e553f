"""Random numbers that belong to a row: every row draws from its own generator, for its own window only."""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from depcap.types import Canvas, Window

Generators = list[torch.Generator]
"""One per row; row r of a batch draws as a single decode with seed `seed + r` does."""


TOKENS, POSITIONS = 0, 0x6A09E667
"""What a decode draws. From one seed each gets numbers of its own, so that neither tells of the other."""


def generators(canvas: Canvas, seed: int, what: int = TOKENS) -> Generators:
    """A fresh generator for every row, for one kind of draw."""
    device = canvas.ids.device
    return [torch.Generator(device).manual_seed((seed + row) ^ what) for row in range(len(canvas.ids))]


def widest(device: torch.device) -> torch.dtype:
    """The finest numbers of a device: float64, but float32 on Apple's GPU, which has none."""
    return torch.float32 if device.type == "mps" else torch.float64


def uniform(state: Generators, at: Window, live: Bool[Tensor, "B"]) -> Float[Tensor, "B W"]:
    """Of [0, 1), in the finest numbers, for every position of the window; rows not `live` draw nothing."""
    device = at.positions.device
    out = torch.full(at.positions.shape, 0.5, dtype=widest(device), device=device)
    for row, count in _drawing(at, live):
        out[row, :count] = torch.rand(count, generator=state[row], dtype=out.dtype, device=device)
    return out


def token_noise(
    state: Generators, at: Window, live: Bool[Tensor, "B"], like: Float[Tensor, "B W V"], scale: float = 1.0
) -> Float[Tensor, "B W V"]:
    """Gumbel noise times `scale` for every token at every position of the window; none for rows not `live`.

    Drawn in the finest numbers, kept in those of `like`; a row at a time, since with a vocabulary of
    150,000 a batch in float64 would be gigabytes.
    """
    out = torch.zeros_like(like)
    for row, count in _drawing(at, live):
        size = (count, like.shape[2])
        drawn = torch.rand(size, generator=state[row], dtype=widest(out.device), device=out.device)
        out[row, :count] = (scale * gumbel(drawn)).to(like.dtype)
    return out


def _drawing(at: Window, live: Bool[Tensor, "B"]) -> Iterator[tuple[int, int]]:
    """Rows that draw, and for how many positions."""
    for row in live.nonzero().flatten().tolist():
        yield row, int(at.end[row] - at.start[row])


def gumbel(uniform: Tensor) -> Tensor:
    """Standard Gumbel noise from uniform numbers."""
    return -torch.log(-torch.log(uniform.clamp(min=1e-300)))
