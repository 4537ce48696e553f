"""A denoiser that remembers: walks through one candidate block often pass the same canvas."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Int
from torch import Tensor

from depcap.protocols import Denoiser, Store
from depcap.types import Answer, Query

ROOM = 1 << 28
"""Bytes that answers may take; what comes later is not remembered."""


@dataclass(frozen=True, slots=True)
class Remembering:
    """What a denoiser says at a single position of a whole canvas, computed once.

    Where the model is sure, every order, size and history passes the canvases of the likeliest text. An
    answer keeps the last digits that it had in the batch of its first asking. Calls that read more positions
    than one go through.
    """

    denoiser: Denoiser
    known: dict[tuple[bytes, int], Tensor] = field(default_factory=dict)

    @property
    def mask_id(self) -> int:
        """The denoiser's."""
        return self.denoiser.mask_id

    @property
    def end_ids(self) -> tuple[int, ...]:
        """The denoiser's."""
        return self.denoiser.end_ids

    @property
    def vocab_size(self) -> int:
        """The denoiser's."""
        return self.denoiser.vocab_size

    @property
    def device(self) -> torch.device | str:
        """Where the denoiser wants its canvases."""
        return getattr(self.denoiser, "device", "cpu")

    def new_store(self, batch: int, length: int) -> Store:
        """The denoiser's."""
        return self.denoiser.new_store(batch, length)

    def __call__(self, ids: Int[Tensor, "B L"], query: Query, store: Store | None) -> Answer:
        """The denoiser's answer; `computed` is zero for rows that are remembered."""
        if store is not None or query.read.positions.shape[1] != 1:
            return self.denoiser(ids, query, store)
        places = query.read.positions[:, 0].tolist()
        keys = [(row.tobytes(), place) for row, place in zip(ids.cpu().numpy(), places, strict=True)]
        new = [row for row, key in enumerate(keys) if key not in self.known]
        computed = torch.zeros(len(ids), dtype=torch.long, device=ids.device)
        fresh: dict[tuple[bytes, int], Tensor] = {}
        if new:
            rows = torch.tensor(new, device=ids.device)
            asked = Query(query.compute[rows], query.read.of_rows(rows), query.visible[rows])
            answer = self.denoiser(ids[rows], asked, None)
            computed[rows] = answer.computed
            fresh = {keys[row]: said for row, said in zip(new, answer.log_probs.unbind(), strict=True)}
        said = torch.stack([fresh[key] if key in fresh else self.known[key] for key in keys])
        if (len(self.known) + len(fresh)) * said[0].nbytes <= ROOM:
            self.known.update(fresh)
        return Answer(said, computed)
