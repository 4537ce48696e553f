"""What each cache computes and sees, against a decoder that keeps a dictionary of keys and values."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference.network import Network
from strategies import families, prompts
from test_reference import naive

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

Naive = Callable[[Network, list[int], list[bool], int, int, int], Any]
GEN_LENGTH, SIZE, TAU = 20, 6, 0.35


def commits(model: depcap.Model, prompt: list[int], cache: CachePolicy, boundary: Any) -> list[list[int]]:
    """The canvas after every step."""
    canvas = canvas_for([prompt], GEN_LENGTH, model.denoiser, torch.device("cpu"))
    method = Method(boundary, Threshold(TAU), cache)
    return [step.canvas.ids[0].tolist() for step in steps(model.denoiser, canvas, method)]


def slowly(model: depcap.Model, prompt: list[int], forward: Naive) -> list[list[int]]:
    """Fixed blocks and a threshold, with `forward` in every step."""
    network, seen = naive(model), []
    x, fresh = [*prompt, *[network.mask_id] * GEN_LENGTH], [False] * (len(prompt) + GEN_LENGTH)
    for start in range(len(prompt), len(x), SIZE):
        end, step = min(start + SIZE, len(x)), 0
        while network.mask_id in x[start:end]:
            log_probs = forward(network, x, fresh, start, end, step)
            masked = [i for i in range(start, end) if x[i] == network.mask_id]
            surest = max(masked, key=lambda i: (log_probs[i].max(), -i))
            fresh = [False] * len(x)
            for i in masked:
                if i == surest or log_probs[i].max() >= torch.tensor(TAU).log():
                    x[i], fresh[i] = int(log_probs[i].argmax()), True
            seen.append(list(x))
            step += 1
    return seen


def vicinity(network: Network, x: list[int], _fresh: list[bool], start: int, end: int, step: int) -> Any:
    if step == 0:
        return network.full(x)
    return network.partial(x, max(start - 2, 0), min(end + 2, len(x)))


def delayed(network: Network, x: list[int], fresh: list[bool], _start: int, _end: int, step: int) -> Any:
    if step % 3 == 0:
        return network.full(x)
    undecided = [i for i in range(len(x)) if x[i] == network.mask_id or fresh[i]]
    return network.some(x, undecided, range(len(x)))


@pytest.mark.parametrize(
    ("cache", "forward"), [(VicinityCache(2), vicinity), (DelayedCache(3), delayed)], ids=["vicinity", "dkv"]
)
@given(families, prompts)
def test_a_cache_decodes_as_its_definition_says(
    small: dict[str, depcap.Model], cache: CachePolicy, forward: Naive, family: str, prompt: list[int]
) -> None:
    expected = slowly(small[family], prompt, forward)
    assert commits(small[family], prompt, cache, FixedBlock(SIZE)) == expected


@given(prompts, st.integers(1, 12))
def test_a_pruned_suffix_is_neither_computed_nor_seen(
    small: dict[str, depcap.Model], prompt: list[int], width: int
) -> None:
    def pruned(network: Network, x: list[int], _fresh: list[bool], start: int, end: int, step: int) -> Any:
        visible = [i for i in range(len(x)) if i < end + width or i == len(x) - 1]
        return network.some(x, visible if step == 0 else [i for i in visible if i >= start], visible)

    expected = slowly(small["llada"], prompt, pruned)
    assert commits(small["llada"], prompt, StreamingCache(width), FixedBlock(SIZE)) == expected


@given(families, prompts, st.integers(2, 12), st.floats(0.5, 4), st.floats(1, 5))
def test_a_suffix_drops_out_as_published(
    small: dict[str, depcap.Model], family: str, prompt: list[int], width: int, density: float, spread: float
) -> None:
    def dropped(network: Network, x: list[int], _fresh: list[bool], start: int, end: int, step: int) -> Any:
        dice = torch.rand(width, generator=torch.Generator().manual_seed(start)).tolist()

        def stays(d: int) -> bool:
            bell = math.exp(-((spread * d / (width - 1)) ** 2) / 2) / math.sqrt(2 * math.pi)
            return d < width and dice[d] < density * bell

        visible = [i for i in range(len(x)) if i < end or stays(i - end)]
        return network.some(x, visible if step == 0 else [i for i in visible if i >= start], visible)

    expected = slowly(small[family], prompt, dropped)
    cache = DropoutCache(width, density, spread)
    assert commits(small[family], prompt, cache, FixedBlock(SIZE)) == expected


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
