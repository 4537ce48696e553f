"""What a network learns to predict, and the recipe for it."""

from dataclasses import dataclass, replace
from enum import Enum

import typer

from depcap.models.transformer import TransformerConfig
from scripts.batches import Mixture, Source
from scripts.views import View, causal, rows, windows

CAUSAL_CONFIG = TransformerConfig(
    vocab_size=640, hidden_size=256, intermediate_size=744, num_layers=6, num_heads=4, num_kv_heads=2,
    max_positions=512, rope_theta=10_000.0, rms_norm_eps=1e-5,
)  # fmt: skip
"""Llama's shape."""
SHIFTED_CONFIG = replace(CAUSAL_CONFIG, qkv_bias=True)
"""Qwen2's shape: the biases start at zero."""
MASKED_CONFIG = replace(CAUSAL_CONFIG, num_layers=7, num_kv_heads=4, intermediate_size=512)
"""LLaDA's shape: one layer more, which looks one position back (see `fold_shift`), in as many parameters."""


class Objective(str, Enum):
    """What the network learns to predict."""

    AR = "ar"
    SHIFTED = "shifted"
    DIFFUSION = "diffusion"
    SCRATCH = "scratch"


@dataclass(frozen=True)
class Recipe:
    """Settings of one objective.

    Steps take the `views` in turn; `shift` is 1 if an output is about the next position. `frozen` are
    the parameters, by how their names start, that stay as they are.
    """

    learning_rate: float
    warmup: int
    views: tuple[View, ...]
    config: TransformerConfig
    source: Source
    shift: int = 0
    frozen: tuple[str, ...] = ()


TEXTS = Source(Mixture(0.8), 4_000, (96, 128, 160, 208, 272, 448), (0.96, 0.04))
BLOCKS = Source(Mixture(0.5), 4_000, (128, 192, 272, 448), (0.84, 0.1, 0.04, 0.02))
DENOISING = (windows, rows)
RECIPES = {
    Objective.AR: Recipe(2e-3, 100, (causal,), CAUSAL_CONFIG, TEXTS, 1),
    Objective.SHIFTED: Recipe(1e-3, 50, DENOISING, SHIFTED_CONFIG, BLOCKS, 1),
    Objective.DIFFUSION: Recipe(
        4e-4, 30, DENOISING, MASKED_CONFIG, BLOCKS, frozen=("embed.", "layers.0.attention")
    ),
    Objective.SCRATCH: Recipe(1.5e-3, 100, DENOISING, MASKED_CONFIG, BLOCKS),
}


def altered(
    recipe: Recipe, learning_rate: float | None, view: str | None, arithmetic: float | None
) -> Recipe:
    """The recipe with what the command line says in its place."""
    if learning_rate is not None:
        recipe = replace(recipe, learning_rate=learning_rate)
    if arithmetic is not None:
        recipe = replace(recipe, source=replace(recipe.source, problem=Mixture(arithmetic)))
    if view is not None:
        known = {each.__name__: each for each in recipe.views}
        if view not in known:
            raise typer.BadParameter(f"{view} is not among this objective's views: {', '.join(known)}")
        recipe = replace(recipe, views=(known[view],))
    return recipe
