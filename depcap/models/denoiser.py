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
        compute, read = Window.where(chosen), query.read
        column = (read.positions[active] - self.shift).clamp(min=0)
        place = (chosen.cumsum(dim=1) - 1).gather(1, column).clamp(min=0)  # a position's place in the window
        tokens, positions, doubted = ids[active].gather(1, compute.positions), compute.positions, None
        if query.shadows:
            doubted = Doubted(read.positions[active], read.valid[active])
            shadow = ids[active].gather(1, column) if self.shift else torch.full_like(column, self.mask_id)
            tokens, positions = torch.cat((tokens, shadow), dim=1), torch.cat((positions, column), dim=1)
        attend = _attend(store, active, compute, query.visible[active], self.causal, doubted)
        hidden = self.network(tokens, positions, attend)
        width = compute.positions.shape[1]
        wanted = hidden.gather(1, place[..., None].expand(-1, -1, hidden.shape[2]))
        log_probs = self._log_probs(torch.cat((wanted, hidden[:, width:]), dim=1))
        if len(active) == len(ids):
            return log_probs
        whole = log_probs.new_zeros((len(ids), *log_probs.shape[1:]))
        return whole.index_copy(0, active, log_probs)

    def _log_probs(self, hidden: Float[Tensor, "R W E"]) -> Float[Tensor, "R W V"]:
        logits = self.network.logits(hidden)
        wide = logits if logits.dtype == torch.float64 else logits.float()
        wide[..., self.mask_id] = MASKED_OUT
        return wide.log_softmax(dim=2)


@dataclass(frozen=True, slots=True)
class Doubted:
    """Positions whose shadows are computed besides: each sees everything but what stands there."""

    positions: Int[Tensor, "R S"]
    valid: Bool[Tensor, "R S"]


def _attend(
    store: Store | None,
    rows: Int[Tensor, "R"],
    compute: Window,
    visible: Bool[Tensor, "R L"],
    causal: bool,
    doubted: Doubted | None,
) -> Attend:
    """Attention over all that is visible: the window's own keys, or the store once they are written."""
    if store is None:
        keys, seen = compute.positions, compute.valid
        own = _with_shadows(_mask(compute, keys, seen, causal), keys, seen, compute, doubted)
        return lambda _layer, q, k, v: _scaled(q, k, v, own)
    slots = torch.where(compute.valid, compute.positions, visible.shape[1])
    reach, width = int(visible.any(dim=0).nonzero().max()) + 1, compute.positions.shape[1]
    places = torch.arange(reach, device=visible.device).expand(len(rows), -1)
    seen = visible[:, :reach]
    mask = _with_shadows(_mask(compute, places, seen, causal), places, seen, compute, doubted)

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        store.write(layer, rows, slots, k[:, :, :width], v[:, :, :width])
        keys, values = store.read(layer, rows, reach)
        if doubted is not None:
            keys, values = torch.cat((keys, k[:, :, width:]), 2), torch.cat((values, v[:, :, width:]), 2)
        return _scaled(q, keys, values, mask)

    return attend


def _with_shadows(
    mask: Bool[Tensor, "R 1 C K"] | None,
    keys: Int[Tensor, "R K"],
    seen: Bool[Tensor, "R K"],
    compute: Window,
    doubted: Doubted | None,
) -> Bool[Tensor, "R 1 Q S"] | None:
    """The mask with a row and a column more for every shadow: real positions see none of them."""
    if doubted is None:
        return mask
    (rows, shadows), width = doubted.positions.shape, compute.positions.shape[1]
    real = mask if mask is not None else seen[:, None, None]
    none = torch.zeros(rows, 1, width, shadows, dtype=torch.bool, device=keys.device)
    others = seen[:, None] & (keys[:, None] != doubted.positions[..., None])
    each = doubted.valid[:, None].expand(-1, shadows, -1)
    above = torch.cat((real.expand(-1, -1, width, -1), none), dim=3)
    below = torch.cat((others, each), dim=2)[:, None]
    return torch.cat((above, below), dim=2)


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
