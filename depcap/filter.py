"""The filter of Learn2PD: a small network that tells from confidences which proposals are final."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from depcap.errors import DepcapError

WIDTH = 32
"""Positions that are looked at together."""
FILE = "filter.safetensors"
TRAINED_FOR = "trained_for"
"""What the file calls the hash of the model's weights."""
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


def load_filter(folder: Path, model: str | None = None) -> Filter | None:
    """The filter in a model's folder; None where there is none.

    `model` is the hash of the weights that it is to decode with. DepcapError if the file is no filter, or
    names other weights, or none: confidences of another model mean something else.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        weights = load_file(path)
        with safe_open(path, "pt") as file:
            trained_for = (file.metadata() or {}).get(TRAINED_FOR)
    except (SafetensorError, OSError) as error:
        raise DepcapError(f"{path} cannot be read: {error}") from None
    if {name: tuple(weight.shape) for name, weight in weights.items()} != SHAPES:
        raise DepcapError(f"{path} is not a filter over {WIDTH} positions")
    if model not in (None, trained_for):
        raise DepcapError(
            f"{path} was not trained for these weights (it names {trained_for}, they are {model}):"
            " scripts/train_filter.py trains one"
        )
    return Filter(weights)


def save_filter(made: Filter, folder: Path, model: str) -> None:
    """Write the filter into a model's folder, whole or not at all.

    With it goes the hash of the weights it was trained for, `model`.
    """
    temporary = folder / f"{FILE}.tmp"
    weights = {name: weight.contiguous() for name, weight in made.weights.items()}
    save_file(weights, temporary, metadata={TRAINED_FOR: model})
    temporary.chmod(0o644)
    temporary.replace(folder / FILE)


def random_filter(seed: int) -> Filter:
    """Small random weights, to start training from."""
    noise = torch.Generator().manual_seed(seed)
    return Filter({name: 0.1 * torch.randn(shape, generator=noise) for name, shape in SHAPES.items()})
