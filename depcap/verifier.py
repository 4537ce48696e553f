"""A causal model that scores drafts, with a cache of what is decided."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from depcap.protocols import Denoiser, Store
from depcap.types import Answer, Canvas, Query, Window, spanned, written


@dataclass(frozen=True, slots=True)
class Reading:
    """What the verifier has read: ids with their keys and values, decided before `known`."""

    ids: Int[Tensor, "B L"]
    known: Int[Tensor, "B"]
    store: Store


@dataclass(frozen=True, slots=True)
class Verifier:
    """log p(x_i | x_<i) for the positions of a window, given a draft there.

    `name` and `weights` (their hash) tell the model from others.
    """

    denoiser: Denoiser
    name: str = ""
    weights: str = ""

    def start(self, canvas: Canvas) -> Reading:
        """Nothing read yet."""
        store = self.denoiser.new_store(*canvas.ids.shape)
        return Reading(canvas.ids, torch.zeros_like(canvas.end), store)

    def score(self, draft: Int[Tensor, "B W"], at: Window, state: Reading) -> Answer:
        """What it says of each position of the window; rows with an empty one are left out."""
        ids = written(state.ids, at, draft, at.valid)
        ids = ids.clamp(max=self.denoiser.vocab_size - 1)  # a draft may hold what only the drafter has
        whole = torch.ones_like(ids, dtype=torch.bool)
        live = (at.end > at.start)[:, None]
        compute = spanned(state.known, at.end, ids.shape[1]) & live
        return self.denoiser(ids, Query(compute, at, whole), state.store)

    def keep(
        self, tokens: Int[Tensor, "B W"], at: Window, decided: Tensor, stands: Tensor, state: Reading
    ) -> Reading:
        """The reading once the window's first `decided` [B] tokens are these, the first `stands` as drafted.

        What does not stand as drafted has to be read again.
        """
        place = torch.arange(tokens.shape[1], device=tokens.device)
        ids = written(state.ids, at, tokens, at.valid & (place < decided[:, None]))
        known = torch.where(at.end > at.start, at.start + stands, state.known)
        return Reading(ids, known, state.store)
