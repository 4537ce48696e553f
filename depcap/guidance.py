"""Classifier-free guidance: a denoiser that also looks at the canvas without its prompt."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from depcap.protocols import Denoiser, Store
from depcap.types import Answer, Query, Window


@dataclass(frozen=True, slots=True)
class Guided:
    """z = z_u + (`scale` + 1) (z_c - z_u), where z_u sees the mask token in place of the prompt (LLaDA).

    Both passes run as one batch of twice the rows. With scale 0 it is the denoiser itself.
    """

    inner: Denoiser
    scale: float
    prompt_length: Int[Tensor, "B"]

    @property
    def mask_id(self) -> int:
        """The inner denoiser's."""
        return self.inner.mask_id

    @property
    def end_ids(self) -> tuple[int, ...]:
        """The inner denoiser's."""
        return self.inner.end_ids

    @property
    def vocab_size(self) -> int:
        """The inner denoiser's."""
        return self.inner.vocab_size

    def new_store(self, batch: int, length: int) -> Store:
        """Room for both passes."""
        return self.inner.new_store(2 * batch, length)

    def __call__(self, ids: Int[Tensor, "B L"], query: Query, store: Store | None) -> Answer:
        """Guided log-probabilities for the positions of `query.read`."""
        place = torch.arange(ids.shape[1], device=ids.device)
        blank = torch.where(place < self.prompt_length[:, None], self.mask_id, ids)
        both = Query(_double(query.compute), _twice(query.read), _double(query.visible))
        answer = self.inner(torch.cat((ids, blank)), both, store)
        given, alone = answer.log_probs.chunk(2)
        guided = (alone + (self.scale + 1) * (given - alone)).log_softmax(dim=2)
        return Answer(guided, answer.computed.view(2, -1).sum(dim=0))


def _double(value: Any) -> Any:
    return torch.cat((value, value))


def _twice(window: Window) -> Window:
    return Window(*(_double(value) for value in (window.start, window.end, window.positions, window.valid)))
