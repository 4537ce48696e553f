"""When a row is finished."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from depcap.types import Canvas


@dataclass(frozen=True, slots=True)
class RunToEnd:
    """Every position is decoded, as the reference implementations do."""

    def __call__(self, canvas: Canvas, _end_ids: tuple[int, ...]) -> Int[Tensor, "B"]:
        """The row's end as it is."""
        return canvas.end


@dataclass(frozen=True, slots=True)
class StopAtEos:
    """A row ends after its first end token once everything before that token is decided.

    Nothing before the end token can change any more, so the response is that of `RunToEnd`.
    """

    def __call__(self, canvas: Canvas, end_ids: tuple[int, ...]) -> Int[Tensor, "B"]:
        """One past the first end token of the generation region where no mask precedes it."""
        length = canvas.ids.shape[1]
        place = torch.arange(length, device=canvas.ids.device)
        ids = torch.tensor(end_ids, device=canvas.ids.device)
        generated = (place >= canvas.prompt_length[:, None]) & (place < canvas.end[:, None])
        first_end = first_true(torch.isin(canvas.ids, ids) & generated)
        first_mask = first_true(canvas.masked())
        return torch.where(first_end < first_mask, first_end + 1, canvas.end)


def first_true(flags: Tensor) -> Int[Tensor, "B"]:
    """Index of the first True of each row; the row's width when there is none."""
    return torch.where(flags.any(dim=1), flags.int().argmax(dim=1), flags.shape[1])


STOPS = {"run_to_end": RunToEnd(), "eos": StopAtEos()}
"""Stop rules by name."""
