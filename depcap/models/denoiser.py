"""The transformer as a denoiser: a query in, log-probabilities for the positions read out."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from depcap.cache import KVCache
from depcap.models.transformer import Attend, Transformer
from depcap.protocols import Store
from depcap.types import Query, Window

MASKED_OUT = -1e4
"""The mask token's logit: low enough never to be proposed, finite so that 0 * log 0 stays 0."""


@dataclass(frozen=True, slots=True)
class TransformerDenoiser:
    """A masked diffusion model on `Transformer`, or a causal model in the same role.

    `shift` is 1 for models whose output at a position predicts the next one (Dream): the computed window then
    starts one position earlier, and the hidden state before each position is read. No position of a block has
    to be committed unconditionally for lack of its predecessor. `causal` models see nothing to the right of a
    position, masked or not: they decode one position at a time, from left to right.
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

    def __call__(self, ids: Int[Tensor, "B L"], query: Query, store: Store | None) -> Float[Tensor, "B W V"]:
        """Log-probabilities for each position of `query.read`. Rows that compute nothing are left out."""
        active = query.compute.any(dim=1).nonzero().flatten()
        chosen = query.compute[active]
        if self.shift:  # the output before a position is what predicts it
            chosen = chosen | functional.pad(chosen[:, 1:], (0, 1))
        compute = Window.where(chosen)
        attend = _attend(store, active, compute, query.visible[active], self.causal)
        hidden = self.network(ids[active].gather(1, compute.positions), compute.positions, attend)
        read = (query.read.positions[active] - self.shift).clamp(min=0)
        column = (chosen.cumsum(dim=1) - 1).gather(1, read).clamp(min=0)  # a position's place in the window
        wanted = hidden.gather(1, column[..., None].expand(-1, -1, hidden.shape[2]))
        log_probs = self._log_probs(wanted)
        if len(active) == len(ids):
            return log_probs
        whole = log_probs.new_zeros((len(ids), *log_probs.shape[1:]))
        return whole.index_copy(0, active, log_probs)

    def _log_probs(self, hidden: Float[Tensor, "R W E"]) -> Float[Tensor, "R W V"]:
        logits = self.network.logits(hidden)
        wide = logits if logits.dtype == torch.float64 else logits.float()
        wide[..., self.mask_id] = MASKED_OUT
        return wide.log_softmax(dim=2)


def _attend(
    store: Store | None,
    rows: Int[Tensor, "R"],
    compute: Window,
    visible: Bool[Tensor, "R L"],
    causal: bool,
) -> Attend:
    """Attention over all that is visible: the window's own keys, or the store once they are written."""
    if store is None:
        mask = _mask(compute, compute.positions, compute.valid, causal)
        return lambda _layer, q, k, v: _scaled(q, k, v, mask)
    slots = torch.where(compute.valid, compute.positions, visible.shape[1])
    reach = int(visible.any(dim=0).nonzero().max()) + 1
    places = torch.arange(reach, device=visible.device).expand(len(rows), -1)
    mask = _mask(compute, places, visible[:, :reach], causal)

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        store.write(layer, rows, slots, k, v)
        keys, values = store.read(layer, rows, reach)
        return _scaled(q, keys, values, mask)

    return attend


def _mask(
    queries: Window, keys: Int[Tensor, "R S"], seen: Bool[Tensor, "R S"], causal: bool
) -> Bool[Tensor, "R 1 C S"] | None:
    """Which keys each query sees; None when all see all."""
    if causal:
        return (seen[:, None] & (keys[:, None] <= queries.positions[..., None]))[:, None]
    return None if bool(seen.all()) else seen[:, None, None]


def _scaled(q: Tensor, k: Tensor, v: Tensor, mask: Bool[Tensor, "R 1 C S"] | None) -> Tensor:
    grouped = q.shape[1] != k.shape[1]
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=grouped)
