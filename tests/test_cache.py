"""What each cache promises, and what it is at its limit; that it decodes as defined: `test_reference`."""

from typing import Any

import pytest
import torch

import depcap
from depcap.boundary import FixedBlock, InfluenceBlock
from depcap.cache import (
    CACHES,
    DelayedCache,
    DropoutCache,
    NoCache,
    PrefixCache,
    StreamingCache,
    VicinityCache,
)
from depcap.decoder import Method, canvas_for, steps
from depcap.protocols import CachePolicy
from depcap.types import Block, Canvas, Moment
from depcap.unmask import Threshold

GEN_LENGTH, SIZE, TAU = 20, 6, 0.35


def commits(model: depcap.Model, prompt: list[int], cache: CachePolicy, boundary: Any) -> list[list[int]]:
    """The canvas after every step."""
    canvas = canvas_for([prompt], GEN_LENGTH, model.denoiser, torch.device("cpu"))
    method = Method(boundary, Threshold(TAU), cache)
    return [step.canvas.ids[0].tolist() for step in steps(model.denoiser, canvas, method)]


# Degenerate cases that are equalities.


@pytest.mark.parametrize(
    "boundary", [FixedBlock(SIZE), InfluenceBlock(3, 9, 1.2, 40)], ids=["fixed", "influence"]
)
@pytest.mark.parametrize("family", ["llada", "dream"])
@pytest.mark.parametrize(
    ("cache", "same_as"),
    [
        (VicinityCache(99), NoCache()), (DelayedCache(1), NoCache()), (StreamingCache(99), PrefixCache()),
        (DropoutCache(99, density=1e9, spread=0.1), PrefixCache()),
    ],
    ids=["vicinity", "dkv", "streaming", "dpad"],
)  # fmt: skip
def test_a_cache_at_its_limit_is_another(
    small: dict[str, depcap.Model], cache: CachePolicy, same_as: CachePolicy, family: str, boundary: Any
) -> None:
    left = commits(small[family], [5, 1, 7], cache, boundary)
    assert left == commits(small[family], [5, 1, 7], same_as, boundary)


# What a policy promises.


def moment(opening: bool, rows: int = 2) -> Moment:
    ids = torch.full((rows, 60), 39)
    canvas = Canvas(ids, torch.tensor([4] * rows), torch.tensor([60] * rows), 39)
    block = Block(*(torch.tensor([value] * rows) for value in (10, 16, 1, 0 if opening else 2)))
    end = torch.tensor([16] * rows)
    return Moment(canvas, block, torch.tensor([opening] * rows), torch.zeros_like(ids, dtype=torch.bool), end)


@pytest.mark.parametrize("name", [name for name in CACHES if name != "causal"])
@pytest.mark.parametrize("opening", [True, False])
def test_what_is_read_is_computed_and_what_is_computed_is_seen(name: str, opening: bool) -> None:
    compute, visible = CACHES[name].view(moment(opening))
    assert compute[:, 10:16].all()
    assert not (compute & ~visible).any()
    assert not opening or (compute == visible).all()


def test_a_dropped_suffix_thins_out_with_distance_and_hangs_on_the_block_alone() -> None:
    cache = DropoutCache(width=40, density=2.0, spread=2.0)
    _, visible = cache.view(moment(False))
    assert (visible[0] == visible[1]).all()
    assert (cache.view(moment(False, rows=1))[1][0] == visible[0]).all()
    assert visible[0, :16].all()
    kept = visible[0, 16:].float()
    assert kept[:20].sum() > kept[20:40].sum() > 0
    assert kept[40:].sum() == 0
