"""Random numbers that belong to a row: every row draws from its own generator, for its own window only."""

import torch
from jaxtyping import Float
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


def uniform(
    state: Generators, at: Window, live: Tensor, *trailing: int
) -> Float[Tensor, "B W"] | Float[Tensor, "B W V"]:
    """Numbers in [0, 1) for every position of the window, in float64; nothing is drawn for rows not `live`.

    `trailing`: sizes of further dimensions.
    """
    rows, width = at.positions.shape
    out = torch.full((rows, width, *trailing), 0.5, dtype=torch.float64, device=at.positions.device)
    for row in live.nonzero().flatten().tolist():
        count = int(at.end[row] - at.start[row])
        out[row, :count] = torch.rand(
            (count, *trailing), generator=state[row], dtype=torch.float64, device=out.device
        )
    return out


def gumbel(uniform: Tensor) -> Tensor:
    """Standard Gumbel noise from uniform numbers."""
    return -torch.log(-torch.log(uniform.clamp(min=1e-300)))
