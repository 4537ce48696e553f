"""One pre-norm transformer for every checkpoint here: Llama-shaped (LLaDA) and Qwen2-shaped (Dream).

RMSNorm, rotary positions, grouped-query attention, SwiGLU, optional QKV bias. What a position attends to is
not decided here: `attend` is passed in, so the same network trains causally, trains bidirectionally, and
decodes with keys and values from a cache. Logits are computed only for the hidden states that are asked for.

Letters: B rows, C computed positions, E width of the network, H heads, G key/value heads, D head size.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(layer, queries [B H C D], keys [B G C D], values [B G C D]) -> [B H C D]; keys are already rotated."""


@dataclass(frozen=True, slots=True)
class TransformerConfig:
    """Sizes of a network. `vocab_size` counts rows of the embedding, which may exceed the tokenizer's."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    max_positions: int
    rope_theta: float
    rms_norm_eps: float
    qkv_bias: bool = False
    tie_weights: bool = False

    @property
    def head_size(self) -> int:
        """D, the width of one head."""
        return self.hidden_size // self.num_heads


class RMSNorm(nn.Module):
    """Root-mean-square normalisation, computed in float32 or wider."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Float[Tensor, "*rows E"]) -> Float[Tensor, "*rows E"]:
        """Scale each vector to unit root mean square, then by the weight."""
        wide = x if x.dtype == torch.float64 else x.float()
        scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return self.weight * (wide * scale).to(x.dtype)


class Attention(nn.Module):
    """Projections around `attend`."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.head_size = config.head_size
        width, kv_width = config.hidden_size, config.num_kv_heads * config.head_size
        self.q_proj = nn.Linear(width, width, bias=config.qkv_bias)
        self.k_proj = nn.Linear(width, kv_width, bias=config.qkv_bias)
        self.v_proj = nn.Linear(width, kv_width, bias=config.qkv_bias)
        self.o_proj = nn.Linear(width, width, bias=False)

    def forward(
        self, x: Float[Tensor, "B C E"], rotary: tuple[Tensor, Tensor], layer: int, attend: Attend
    ) -> Float[Tensor, "B C E"]:
        """Project, rotate, attend, project back."""
        heads = (*x.shape[:2], -1, self.head_size)
        q, k, v = (f(x).view(heads).transpose(1, 2) for f in (self.q_proj, self.k_proj, self.v_proj))
        out = attend(layer, rotate(q, rotary), rotate(k, rotary), v)
        return self.o_proj(out.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """SwiGLU."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Float[Tensor, "B C E"]) -> Float[Tensor, "B C E"]:
        """Position-wise."""
        return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """Attention and MLP, each behind its norm and beside its residual."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.attention = Attention(config)
        self.mlp_norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = MLP(config)

    def forward(
        self,
        x: Float[Tensor, "B C E"],
        rotary: tuple[Tensor, Tensor],
        layer: int,
        attend: Attend,
        asked: Int[Tensor, "B W"] | None = None,
    ) -> Float[Tensor, "B C E"] | Float[Tensor, "B W E"]:
        """One layer; what it says at the `asked` places only, if they are given."""
        x = x + self.attention(self.attention_norm(x), rotary, layer, attend)
        if asked is not None:
            x = x.gather(1, asked[..., None].expand(-1, -1, x.shape[2]))
        return x + self.mlp(self.mlp_norm(x))


class Transformer(nn.Module):
    """Embedding, layers, final norm, head."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        if config.tie_weights:
            self.head.weight = self.embed.weight

    def forward(
        self,
        ids: Int[Tensor, "B C"],
        positions: Int[Tensor, "B C"],
        attend: Attend,
        asked: Int[Tensor, "B W"] | None = None,
    ) -> Float[Tensor, "B C E"] | Float[Tensor, "B W E"]:
        """Hidden states (normed, ready for `logits`) of tokens at absolute positions.

        With `asked`, of the tokens at those places only (0 is the first of C): the last MLP, which nothing
        else reads, is spared the others.
        """
        x = self.embed(ids)
        rotary = self._rotary(positions, x.dtype)
        last = len(self.layers) - 1
        for index, layer in enumerate(self.layers):
            x = layer(x, rotary, index, attend, asked if index == last else None)
        return self.norm(x)

    def logits(self, hidden: Float[Tensor, "*rows E"]) -> Float[Tensor, "*rows V"]:
        """Scores over the vocabulary of the given hidden states only."""
        return self.head(hidden)

    def _rotary(self, positions: Int[Tensor, "B C"], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Cosines and sines [B 1 C D], from float32 angles: bfloat16 angles go wrong past a few hundred."""
        size = self.config.head_size
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        exponent = torch.arange(0, size, 2, device=positions.device, dtype=wide) / size
        angles = positions[..., None].to(wide) / self.config.rope_theta**exponent
        angles = torch.cat((angles, angles), dim=-1)[:, None]
        return angles.cos(), angles.sin()


def rotate(x: Float[Tensor, "B heads C D"], rotary: tuple[Tensor, Tensor]) -> Float[Tensor, "B heads C D"]:
    """Apply rotary positions; the two halves of a head are the two coordinates of each plane."""
    cos, sin = rotary
    first, second = x.chunk(2, dim=-1)
    return (x * cos + torch.cat((-second, first), dim=-1) * sin).to(x.dtype)


def attend_fully(_layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Every position sees every position: masked diffusion."""
    return functional.scaled_dot_product_attention(q, k, v, enable_gqa=q.shape[1] != k.shape[1])
