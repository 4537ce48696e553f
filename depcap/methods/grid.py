"""Fixed orders that look at no confidence: a dilated grid (DUS), and a checkerboard."""

from dataclasses import dataclass

import torch
from pydantic import Field, field_validator

from depcap.boundary import FixedBlock
from depcap.methods.base import Context, Params, Parts, Preset, Size
from depcap.types import Block, Proposal, Selection
from depcap.unmask import Explanation, Ordinary, Selected, explained


@dataclass(frozen=True, slots=True)
class Ordered(Ordinary):
    """Positions of a block by a fixed order: all of the lowest level that is still masked.

    `levels` has the level of every offset in a block. With all levels different: one position per step.
    """

    levels: tuple[int, ...]

    def select(self, proposal: Proposal, _block: Block, _state: None) -> Selected:
        """All eligible positions of the lowest level among them."""
        offsets = torch.arange(proposal.tokens.shape[1], device=proposal.tokens.device)
        levels = torch.tensor(self.levels, device=offsets.device)
        level = levels[offsets.clamp(max=len(self.levels) - 1)]  # what is read past the block has no turn
        level = torch.where(proposal.eligible, level, len(self.levels))
        return Selection(proposal.eligible & (level == level.amin(dim=1, keepdim=True))), None

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """Its turn, or later."""
        return explained(selection, "committed_turn", "later_turn")


def dilated(size: int) -> tuple[int, ...]:
    """Levels of a block of 2^K positions: 0 and the middle first, then every further halving of the gaps."""
    levels = [0] * size
    for offset in range(1, size):
        twos = (offset & -offset).bit_length() - 1
        levels[offset] = max(size.bit_length() - 2 - twos, 0)
    return tuple(levels)


def checkerboard(size: int) -> tuple[int, ...]:
    """Levels of a block: even offsets, then odd ones."""
    return tuple(offset % 2 for offset in range(size))


class DusParams(Params):
    """DUS (arXiv 2506.19037): a dilated grid, ever finer, whatever the confidences.

    Neighbours depend on each other most, so that what is unmasked together should lie far apart.

    Formula:

        step 1: {0, B / 2}                                 offsets in a block of B = 2^K
        step k: odd multiples of B / 2^k                   k = 2 .. K

    log₂ B steps per block, whatever is said there.

    Defaults: blocks of 32; the paper reports 8, 16, 32 and 64.

    Differences:

    - No official code is to be had. The order inside a block is reconstructed from the reported factors,
      B / log₂ B = 2.7, 4, 6.4 and 10.7; which positions step 1 takes is our guess.
    - A last block that is shorter keeps the grid of a whole one; a step that has no position left in it is
      not taken.
    - Spacing as a filter after another method, of the paper's later version, is left out.
    """

    block_size: Size = Field(32, description="positions per block, a power of two")

    @field_validator("block_size")
    @classmethod
    def _power_of_two(cls, size: int) -> int:
        if size & (size - 1):
            raise ValueError("must be a power of two")
        return size

    def parts(self, _context: Context) -> Parts:
        """log2(block_size) steps per block."""
        return Parts(FixedBlock(self.block_size), Ordered(dilated(self.block_size)), self.model_dump())


class CheckerboardParams(Params):
    """Checkerboard (arXiv 2103.15306): every other position of a block, then those between.

    The two-pass order of learned image compression, where the second half is predicted from its neighbours:
    the plainest schedule there is, and a baseline for those that look at confidence.

    Formula:

        step 1: even offsets of the block
        step 2: odd offsets

    Defaults: blocks of 32, as of the other methods.

    Differences:

    - The paper is on images, with two dimensions and a model trained for this order. No paper on text is
      known to us.
    """

    block_size: Size = Field(32, description="positions per block")

    def parts(self, _context: Context) -> Parts:
        """Two steps per block."""
        return Parts(FixedBlock(self.block_size), Ordered(checkerboard(self.block_size)), self.model_dump())


DUS = Preset(
    DusParams,
    paper="arXiv 2506.19037",
    boundary="fixed size",
    tokens="a grid of ever smaller gaps",
    headline="2.7–10.7× fewer NFE (GSM8K)",
    caveat="the order inside a block is reconstructed from the reported factors",
)
CHECKERBOARD = Preset(
    CheckerboardParams,
    paper="arXiv 2103.15306",
    boundary="fixed size",
    tokens="even positions, then odd ones",
    caveat="the paper is on images: the two-pass order of learned compression, as a baseline for schedules",
)
