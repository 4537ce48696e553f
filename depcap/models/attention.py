"""What the positions of one call attend to: masks, the store, shadows, and what is watched."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from depcap.protocols import Store
from depcap.types import Window

Mask = Bool[Tensor, "R 1 Q K"]


class Attending:
    """Attention of some rows over all that is visible: the window's own keys, or those in the store.

    Shadows of the `doubted` positions are computed besides: each sees everything but what stands there.
    `watched` layers' weights are kept, averaged over heads: see `weights`.
    """

    def __init__(
        self,
        store: Store | None,
        rows: Int[Tensor, "R"],
        compute: Window,
        visible: Bool[Tensor, "R L"],
        causal: bool,
        doubted: Window | None = None,
        watched: range = range(0),
    ) -> None:
        self.store, self.rows, self.compute, self.doubted, self.watched = (
            store,
            rows,
            compute,
            doubted,
            watched,
        )
        self.slots = torch.where(compute.valid, compute.positions, visible.shape[1])
        self.keys, self.seen = compute.positions, compute.valid
        if store is not None:
            reach = int(visible.any(dim=0).nonzero().max()) + 1
            self.keys = torch.arange(reach, device=visible.device).expand(len(rows), -1)
            self.seen = visible[:, :reach]
        self.mask = self._with_shadows(self._mask(causal))
        self._kept: list[Float[Tensor, "R C K"]] = []

    def __call__(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The transformer's `attend`."""
        keys, values = self._stored(layer, k, v)
        if layer in self.watched:
            self._kept.append(self._weights(q, keys))
        grouped = q.shape[1] != keys.shape[1]
        if grouped and self.mask is not None and q.is_cuda:  # its fused kernels take one of the two
            keys, values = (x.repeat_interleave(q.shape[1] // x.shape[1], dim=1) for x in (keys, values))
            grouped = False
        return functional.scaled_dot_product_attention(
            q, keys, values, attn_mask=self.mask, enable_gqa=grouped
        )

    def weights(self) -> Float[Tensor, "R C K"]:
        """How much each computed position attends to each key, averaged over heads and watched layers."""
        return torch.stack(self._kept).mean(dim=0)

    def key_places(self, positions: Int[Tensor, "R W"]) -> Int[Tensor, "R W"]:
        """Where positions are among the keys."""
        if self.store is not None:
            return positions
        return torch.searchsorted(self.keys.masked_fill(~self.seen, 1 << 30).contiguous(), positions)

    def _stored(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.store is None:
            return k, v
        width = self.compute.positions.shape[1]
        self.store.write(layer, self.rows, self.slots, k[:, :, :width], v[:, :, :width])
        keys, values = self.store.read(layer, self.rows, self.keys.shape[1])
        if self.doubted is None:
            return keys, values
        return torch.cat((keys, k[:, :, width:]), dim=2), torch.cat((values, v[:, :, width:]), dim=2)

    def _mask(self, causal: bool) -> Mask | None:
        """Which keys each query sees; None when all see all."""
        if causal:
            left = self.keys[:, None] <= self.compute.positions[..., None]
            return (self.seen[:, None] & left)[:, None]
        return None if bool(self.seen.all()) else self.seen[:, None, None]

    def _with_shadows(self, mask: Mask | None) -> Mask | None:
        """The mask with a row and a column more for every shadow: real positions see none of them."""
        if self.doubted is None:
            return mask
        (rows, shadows), width = self.doubted.positions.shape, self.compute.positions.shape[1]
        real = mask if mask is not None else self.seen[:, None, None]
        none = torch.zeros(rows, 1, width, shadows, dtype=torch.bool, device=self.keys.device)
        others = self.seen[:, None] & (self.keys[:, None] != self.doubted.positions[..., None])
        each = self.doubted.valid[:, None].expand(-1, shadows, -1)
        above = torch.cat((real.expand(-1, -1, width, -1), none), dim=3)
        below = torch.cat((others, each), dim=2)[:, None]
        return torch.cat((above, below), dim=2)

    def _weights(self, q: Tensor, keys: Tensor) -> Float[Tensor, "R C K"]:
        """The weights that the fused kernel does not tell, averaged over heads."""
        repeated = keys.repeat_interleave(q.shape[1] // keys.shape[1], dim=1)
        scores = q @ repeated.transpose(2, 3) / q.shape[3] ** 0.5
        if self.mask is not None:
            scores = scores.masked_fill(~self.mask, -torch.inf)
        return scores.softmax(dim=3).mean(dim=1)
