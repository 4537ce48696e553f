"""What a network learns to predict, and the recipe for it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

import torch
from torch import Tensor

from depcap.models.transformer import Attend, TransformerConfig, attend_causally, attend_fully
from scripts.batches import MASK_ID, Batch, Problem, tasks

CAUSAL_CONFIG = TransformerConfig(
    vocab_size=600, hidden_size=256, intermediate_size=672, num_layers=6, num_heads=4, num_kv_heads=4,
    max_positions=512, rope_theta=10_000.0, rms_norm_eps=1e-5,
)  # fmt: skip
"""Llama's shape."""
SHIFTED_CONFIG = replace(CAUSAL_CONFIG, qkv_bias=True)
"""Qwen2's shape: the biases start at zero."""
MASKED_CONFIG = replace(CAUSAL_CONFIG, num_layers=7, intermediate_size=528)
"""LLaDA's shape: one layer more, which looks one position back (see `fold_shift`), in as many parameters."""

DECODING_SHARE = 0.8
"""Rows masked as block-wise decoding sees them; the others uniformly."""
PADDING_WEIGHT = 0.05
"""Of end tokens after the first."""
FRONTIER, FRONTIER_WEIGHT = 3, 3.0
"""How many positions after the cut weigh more, and how much."""


class Objective(str, Enum):
    """What the network learns to predict."""

    AR = "ar"
    DIFFUSION = "diffusion"
    SHIFTED = "shifted"


Targets = Callable[[Batch, torch.Generator], tuple[Tensor, Tensor, Tensor]]


@dataclass(frozen=True)
class View:
    """One way to look at a batch: what goes in, what comes out, and what a position sees."""

    name: str
    targets: Targets
    attend: Attend


@dataclass(frozen=True)
class Recipe:
    """Settings of one objective.

    Steps take the `views` in turn. Every position of a causal step has the loss of a position whose right
    side is still hidden; masked diffusion has it at a few positions a row, so causal steps between them keep
    teaching the calculations.
    `problem`, `tokens`, `stretch`: see `batches`. `kept` are the parameters, by how their names start, that
    stay as they are.
    """

    learning_rate: float
    warmup: int
    stretch: tuple[float, ...]
    views: tuple[View, ...]
    config: TransformerConfig
    kept: tuple[str, ...] = ()
    problem: Problem = tasks
    tokens: int = 6_400


def ar_targets(batch: Batch, _noise: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, targets and weights [B L] of next-token prediction, over the response and its end token."""
    ids = batch.ids
    targets = torch.roll(ids, -1, dims=1)
    place = torch.arange(ids.shape[1]) + 1
    inside = (place >= batch.start[:, None]) & (place <= batch.end[:, None])
    prompt = (place < batch.start[:, None]) * 0.1
    return ids, targets, inside + prompt


def diffusion_targets(batch: Batch, noise: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, targets and weights [B L] of masked diffusion: most rows as decoding sees them, some uniform.

    The decoding view shows a prefix of the response, hides everything from a random cut on, reveals a random
    share of the window after the cut, and counts the loss in that window only, most of all in the first
    positions, where a calculation is either done or not. Without it the network learns
    to copy a result from the line after it, which a left-to-right decoder does not have.
    """
    rows, length = batch.ids.shape
    place = torch.arange(length)
    response = place >= batch.start[:, None]
    share = (torch.rand(1, generator=noise) + torch.arange(rows) / rows) % 1.0
    share = (0.04 + 0.96 * share)[torch.randperm(rows, generator=noise)]
    dice = torch.rand(rows, length, generator=noise)
    uniform = response & (dice < share[:, None])

    reach = torch.where(
        torch.rand(rows, generator=noise) < 0.9, batch.end, torch.full_like(batch.end, length - 1)
    )
    cut = batch.start + (torch.rand(rows, generator=noise) * (reach - batch.start + 1)).long()
    window = torch.randint(4, 33, (rows,), generator=noise)
    ahead = (place >= cut[:, None]) & (place < (cut + window)[:, None])
    reveal = torch.rand(rows, generator=noise) * (torch.rand(rows, generator=noise) < 0.6)
    view = (place >= cut[:, None]) & ~(ahead & (dice < reveal[:, None]))

    as_decoding = torch.rand(rows, generator=noise)[:, None] < DECODING_SHARE
    masked = torch.where(as_decoding, view, uniform)
    counted = torch.where(as_decoding, view & ahead, uniform)
    weights = counted * torch.where(place > batch.end[:, None], PADDING_WEIGHT, 1.0)
    frontier = as_decoding & (place < (cut + FRONTIER)[:, None])
    weights = weights * torch.where(frontier, FRONTIER_WEIGHT, 1.0)
    return torch.where(masked, MASK_ID, batch.ids), batch.ids, weights


def shifted_targets(batch: Batch, noise: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Masked diffusion where a position predicts the next one (Dream): a causal model's alignment stays."""
    inputs, targets, weights = diffusion_targets(batch, noise)
    return inputs, torch.roll(targets, -1, dims=1), torch.roll(weights, -1, dims=1)


CAUSAL = View("causal", ar_targets, attend_causally)
SHIFTED = View("shifted", shifted_targets, attend_fully)
MASKED = View("masked", diffusion_targets, attend_fully)
SHORT_AND_LONG = (0.72, 0.12, 0.1, 0.04, 0.02)
RECIPES = {
    Objective.AR: Recipe(1.5e-3, 100, (0.88, 0.08, 0, 0, 0.04), (CAUSAL,), CAUSAL_CONFIG),
    Objective.SHIFTED: Recipe(8e-4, 50, SHORT_AND_LONG, (CAUSAL, SHIFTED, SHIFTED), SHIFTED_CONFIG),
    Objective.DIFFUSION: Recipe(
        3e-4, 30, SHORT_AND_LONG, (MASKED,), MASKED_CONFIG, ("embed.", "layers.0.attention")
    ),
}
