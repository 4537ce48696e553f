"""The transformer as a denoiser: a query in, log-probabilities for the positions read out."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from depcap.models.attention import Attending
from depcap.models.transformer import Transformer
from depcap.protocols import Store
from depcap.store import KVCache
from depcap.types import Answer, Attention, Query, Window

MASKED_OUT = -1e4
"""The mask token's logit: low enough never to be proposed, finite so that 0 * log 0 stays 0."""
WORTH_A_CALL = 64
"""Positions of padding: to compute them costs about what a second call does."""
ON_A_GPU = 4
"""As many times more: there a call for few positions takes as long as it takes to read all weights."""


@dataclass(frozen=True, slots=True)
class TransformerDenoiser:
    """A masked diffusion model on `Transformer`, or a causal model in the same role.

    `shift` is 1 for models whose output at a position predicts the next one (Dream): the hidden state before
    each position is read then, and the one before a window computed with it. No position of a block has
    to be committed unconditionally for lack of its predecessor. `causal` models see nothing to the right of a
    position, masked or not: they decode one position at a time, from left to right. What predicts a position
    is all that they compute for it: what stands there is computed when the next position asks for it.
    """

    network: Transformer
    mask_id: int
    end_ids: tuple[int, ...]
    shift: int = 0
    causal: bool = False

    @property
    def vocab_size(self) -> int:
        """Width of the logits."""
        return self.network.config.vocab_size

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network.embed.weight.device

    def new_store(self, batch: int, length: int) -> KVCache:
        """Room for the keys and values of a canvas."""
        config = self.network.config
        heads, weight = config.num_kv_heads, self.network.embed.weight
        return KVCache(config.num_layers, batch, length, heads, config.head_size, weight)

    def __call__(self, ids: Int[Tensor, "B L"], query: Query, store: Store | None) -> Answer:
        """What each position of `query.read` would say. Rows that compute nothing are left out."""
        groups = alike(query.compute.sum(dim=1))
        return Answer.joined([(rows, self._answer(ids, query, store, rows)) for rows in groups], len(ids))

    def _answer(
        self, ids: Int[Tensor, "B L"], query: Query, store: Store | None, active: Int[Tensor, "R"]
    ) -> Answer:
        """The answer for the active rows."""
        read = query.read.of_rows(active)
        asked = (read.positions - self.shift).clamp(min=0)  # the output there is what predicts a position
        chosen = self._run(query.compute[active], asked, read.valid)
        compute = Window.where(chosen)
        place = (chosen.cumsum(dim=1) - 1).gather(1, asked).clamp(min=0)  # its place in the window
        computed = compute.valid.sum(dim=1)
        tokens, positions = ids[active].gather(1, compute.positions), compute.positions
        wanted, doubted = place, None
        if query.shadows is not None:
            doubted = query.shadows.of_rows(active)
            there = (doubted.positions - self.shift).clamp(min=0)
            shadow = ids[active].gather(1, there) if self.shift else torch.full_like(there, self.mask_id)
            tokens, positions = torch.cat((tokens, shadow), dim=1), torch.cat((positions, there), dim=1)
            behind = torch.arange(there.shape[1], device=place.device) + compute.positions.shape[1]
            wanted = torch.cat((place, behind.expand_as(there)), dim=1)
            computed = computed + doubted.valid.sum(dim=1)
        watched = self._last_layers() if query.attention else range(0)
        attending = Attending(store, active, compute, query.visible[active], self.causal, doubted, watched)
        said = self._log_probs(self.network(tokens, positions, attending, wanted))
        log_probs, doubt = said[:, : place.shape[1]], said[:, place.shape[1] :] if doubted else None
        attention = _among(attending, compute, place, read.positions) if query.attention else None
        return Answer(log_probs, computed, doubt, attention)

    def _run(
        self, compute: Bool[Tensor, "R L"], asked: Int[Tensor, "R W"], valid: Bool[Tensor, "R W"]
    ) -> Bool[Tensor, "R L"]:
        """What goes through the network: what is computed, and what predicts a position that is read."""
        if self.causal and self.shift:
            return functional.pad(compute[:, 1:], (0, 1))
        length = compute.shape[1]
        spare = functional.pad(compute, (0, 1))  # what is not read is marked past the end
        return spare.scatter(1, torch.where(valid, asked, length), True)[:, :length]

    def _last_layers(self) -> range:
        """The last eighth of the layers, one at least (28 to 31 of LLaDA's 32)."""
        layers = self.network.config.num_layers
        return range(layers - max(1, layers // 8), layers)

    def _log_probs(self, hidden: Float[Tensor, "R W E"]) -> Float[Tensor, "R W V"]:
        logits = self.network.logits(hidden)
        if logits.dtype != torch.float64:
            logits = logits.float()  # under the same name: gigabytes at a vocabulary of 150,000
        logits[..., self.mask_id] = MASKED_OUT
        return logits.log_softmax(dim=2)


def alike(counts: Int[Tensor, "B"]) -> list[Int[Tensor, "R"]]:
    """Rows that compute something, in one group, or in two if that spares enough padding.

    A call is as wide as its widest row. Rows open blocks when they like, and with a cache a row that opens
    one computes everything, where the others compute a block.
    """
    active = counts.nonzero().flatten()
    order = active[counts[active].argsort(descending=True, stable=True)]
    width = counts[order]
    second = torch.arange(len(order), 0, -1, device=counts.device)  # rows of a second group from here on
    spared = second * (width[:1] - width)
    if int(spared.max()) < WORTH_A_CALL * (1 if counts.device.type == "cpu" else ON_A_GPU):
        return [active]
    cut = int(spared.argmax())
    return [order[:cut], order[cut:]]


def _among(
    attending: Attending, compute: Window, place: Int[Tensor, "R W"], positions: Int[Tensor, "R W"]
) -> Attention:
    """Attention of the read positions among each other, and what each gets of all that is computed."""
    weights, width = attending.weights(), place.shape[1]
    keys = attending.key_places(positions).clamp(max=weights.shape[2] - 1)
    queries = weights.gather(1, place[..., None].expand(-1, -1, weights.shape[2]))
    among = queries.gather(2, keys[:, None].expand(-1, width, -1))
    real = compute.valid.to(weights.dtype)
    received = (weights[:, : real.shape[1]] * real[..., None]).sum(dim=1) / real.sum(dim=1, keepdim=True)
    return Attention(among, received.gather(1, keys))
