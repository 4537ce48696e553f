"""What each cache promises, and what it is at its limit; that it decodes as defined: `test_reference`."""

from functools import partial
from typing import Any

import pytest
import torch

import depcap
from depcap.boundary import FixedBlock, InfluenceBlock
from depcap.cache import (
    DelayedCache,
    DropoutCache,
    NoCache,
    PrefixCache,
    StreamingCache,
    VicinityCache,
)
from depcap.caches import CACHES, cache_policy
from depcap.decoder import Method, canvas_for, steps
from depcap.errors import DepcapError
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


# How a user writes one.


@pytest.mark.parametrize(
    ("text", "shortest", "made"),
    [
        ("none", "none", NoCache()),
        ("dkv", "dkv", DelayedCache()),
        ("dkv:refresh=8", "dkv", DelayedCache()),
        ("dkv:refresh=04", "dkv:refresh=4", DelayedCache(4)),
        ("dpad:density=2.3:width=128", "dpad:width=128:density=2.3", DropoutCache(128, 2.3)),
    ],
)
def test_a_cache_is_its_name_and_what_is_not_its_default(text: str, shortest: str, made: CachePolicy) -> None:
    assert cache_policy(text) == (shortest, made)
    assert cache_policy(shortest) == (shortest, made)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fast", "unknown cache 'fast' (known: none, prefix, "),
        ("dkv:refresh=0", "cache dkv: refresh = '0': input should be greater than or equal to 1"),
        ("dkv:width=4", "cache dkv: unknown parameter 'width' (accepted: refresh)"),
        ("dual:stores=0", "cache dual: unknown parameter 'stores' (it has none)"),
        ("dpad:density=nan", "cache dpad: density = 'nan': input should be a finite number"),
        ("dkv:4", "cache 'dkv:4': parameters are written name:key=value:key=value"),
    ],
)
def test_what_a_cache_cannot_take_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(DepcapError) as caught:
        cache_policy(text)
    assert str(caught.value).startswith(said)


def test_a_caches_parameters_reach_the_decoder(small: dict[str, depcap.Model]) -> None:
    decode = partial(depcap.generate, small["llada"], [[5, 1, 7]], method="fast-dllm", gen_length=GEN_LENGTH)
    every_step, without = decode(cache="dkv:refresh=1"), decode(cache="none")
    assert every_step[0].tokens == without[0].tokens


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
