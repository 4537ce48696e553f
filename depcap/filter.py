"""The filter of Learn2PD: a small network that tells from confidences which proposals are final."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from depcap.errors import DepcapError

WIDTH = 32
"""Positions that are looked at together."""
FILE = "filter.safetensors"
SHAPES = {"w1": (WIDTH, WIDTH), "b1": (WIDTH,), "w2": (WIDTH, WIDTH), "b2": (WIDTH,)}


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """W2 relu(W1 u + b1) + b2 over the confidences u of 32 positions (Learn2PD, arXiv 2509.25188).

    2,112 parameters. Positions of a wider block are taken 32 at a time from the block's start; fewer are
    padded with zeros, as published.
    """

    weights: dict[str, Tensor]

    def __call__(self, confidences: Float[Tensor, "B W"]) -> Float[Tensor, "B W"]:
        """The logit, for every position, that its proposal is what slow decoding would end with."""
        width = confidences.shape[1]
        padded = functional.pad(confidences.float(), (0, -width % WIDTH))
        w = {name: weight.to(confidences.device) for name, weight in self.weights.items()}
        parts = padded.view(len(padded), -1, WIDTH)
        hidden = functional.linear(parts, w["w1"], w["b1"]).relu()
        return functional.linear(hidden, w["w2"], w["b2"]).flatten(1)[:, :width]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the weights."""
        digest = hashlib.sha256()
        for name in SHAPES:
            digest.update(self.weights[name].contiguous().numpy().tobytes())
        return f"sha256:{digest.hexdigest()}"


def load_filter(folder: Path) -> Filter | None:
    """The filter in a model's folder; None where there is none."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise DepcapError(f"{path} cannot be read: {error}") from None
    if {name: tuple(weight.shape) for name, weight in weights.items()} != SHAPES:
        raise DepcapError(f"{path} is not a filter over {WIDTH} positions")
    return Filter(weights)


def save_filter(made: Filter, folder: Path) -> None:
    """Write the filter into a model's folder, whole or not at all."""
    temporary = folder / f"{FILE}.tmp"
    save_file({name: weight.contiguous() for name, weight in made.weights.items()}, temporary)
    temporary.chmod(0o644)
    temporary.replace(folder / FILE)


def random_filter(seed: int) -> Filter:
    """Small random weights, to start training from."""
    noise = torch.Generator().manual_seed(seed)
    return Filter({name: 0.1 * torch.randn(shape, generator=noise) for name, shape in SHAPES.items()})
