"""The engine gives what the slow, obvious decoders give."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference import REFERENCES, ar
from reference.network import Network
from strategies import AT_RANDOM, PARAMS, families, gen_lengths, prompts
from tiny import sharp_filter

import depcap
from depcap.choices import joined
from depcap.draws import POSITIONS, TOKENS

DECODERS = {name: reference.decode for name, reference in REFERENCES.items()}
LONGER = {"adablock": st.integers(1, 40), "depcap": st.integers(1, 40)}
"""Lengths for methods that choose a block's size."""


def in_order(**each: st.SearchStrategy[float]) -> st.SearchStrategy[dict[str, float]]:
    """A value for each name, in the order of the names."""
    return st.tuples(*each.values()).map(lambda drawn: dict(zip(each, drawn, strict=True)))


SIZES = {
    "vicinity": in_order(reach=st.integers(0, 4)),
    "dkv": in_order(refresh=st.integers(1, 4)),
    "streaming": in_order(width=st.integers(1, 8)),
    "dpad": in_order(width=st.integers(2, 12), density=st.floats(0.5, 4), spread=st.floats(1, 5)),
}
"""Parameters of caches, in the order of the naive ones, and such as make a difference on a short canvas."""
NO_SIZES: Mapping[str, float] = {}


def naive(model: depcap.Model) -> Network:
    network, denoiser = model.denoiser.network, model.denoiser
    config = network.config
    weights = {name: weight.numpy() for name, weight in network.state_dict().items()}
    return Network(
        weights, config.num_heads, config.num_kv_heads, config.rope_theta, config.rms_norm_eps,
        denoiser.mask_id, denoiser.shift, denoiser.end_ids[0],
        {name: weight.tolist() for name, weight in sharp_filter().weights.items()},
    )  # fmt: skip


def agree(
    model: depcap.Model, method: str, prompt: list[int], length: int, cache: str,
    sizes: Mapping[str, float] = NO_SIZES, seed: int = 0, **params: Any,
) -> None:  # fmt: skip
    """The same tokens, forwards and blocks; `sizes` are the cache's parameters, where it has any."""
    expected = DECODERS[method](naive(model), prompt, length, (cache, *sizes.values()), **params)
    params.pop("draw", None)  # the engine has its own numbers
    written = joined(cache, sizes)
    found = depcap.generate(model, [prompt], method, written, length, stop="run_to_end", seed=seed, **params)
    same(found[0], expected)


def same(got: Any, expected: Any) -> None:
    assert got.tokens == expected.tokens
    assert got.nfe == expected.nfe
    assert got.block_sizes == expected.block_sizes
    assert got.unmask_step == expected.unmask_step


@pytest.mark.parametrize("family", ["llada", "dream"])
def test_the_naive_network_agrees_with_a_full_forward(small: dict[str, depcap.Model], family: str) -> None:
    model, ids = small[family], [3, 1, 4, 1, 39, 39, 39]
    step = next(iter(depcap.stream(model, [ids[:4]], "llada", gen_length=3, block_size=3)))
    slow = np.stack(naive(model).full(ids)[4:])
    torch.testing.assert_close(step.proposal.log_probs[0], torch.from_numpy(slow))


@pytest.mark.parametrize("block_size", [32, 40])
@pytest.mark.parametrize("cache", ["none", "dual"])
@pytest.mark.parametrize("family", ["llada", "dream"])
def test_the_filter_looks_at_whole_blocks_of_32_and_beyond_as_the_naive_one(
    small: dict[str, depcap.Model], family: str, cache: str, block_size: int
) -> None:
    agree(small[family], "learn2pd", [5, 1, 7], 44, cache, block_size=block_size, threshold=0.6)


CASES = [(method, cache) for method in DECODERS for cache in depcap.METHODS[method].caches]


@pytest.mark.parametrize(("method", "cache"), CASES)
@given(families, prompts, st.data())
def test_tokens_blocks_and_steps_are_the_naive_decoders(
    small: dict[str, depcap.Model], method: str, cache: str, family: str, prompt: list[int], data: Any
) -> None:
    sized = cache in SIZES  # what such a cache does shows on a short canvas
    length = data.draw(st.integers(1, 12) if sized else LONGER.get(method, gen_lengths))
    sizes = data.draw(SIZES[cache]) if sized else NO_SIZES
    agree(small[family], method, prompt, length, cache, sizes, **data.draw(PARAMS[method](length)))


@pytest.mark.parametrize(
    ("method", "cache"), [("llada", "none"), ("llada", "dual"), ("dream", "none"), ("dream", "prefix")]
)
@given(families, prompts, st.integers(1, 16), st.sampled_from((0.0, 0.7)), st.integers(0, 99), st.data())
def test_with_the_same_luck_the_same_is_drawn(
    small: dict[str, depcap.Model], method: str, cache: str, family: str, prompt: list[int], length: int,
    temperature: float, seed: int, data: Any,
) -> None:  # fmt: skip
    params = data.draw(st.one_of(PARAMS[method](length), AT_RANDOM[method](length)))
    params |= {"temperature": temperature, "draw": luck(seed)}
    agree(small[family], method, prompt, length, cache, seed=seed, **params)


def luck(seed: int) -> SimpleNamespace:
    """Numbers in [0, 1) for a row's tokens, and for its positions, as the engine draws them."""
    tokens, positions = (torch.Generator().manual_seed(seed ^ what) for what in (TOKENS, POSITIONS))
    double = torch.float64
    return SimpleNamespace(
        tokens=lambda n, m: torch.rand((n, m), generator=tokens, dtype=double).tolist(),
        positions=lambda n: torch.rand(n, generator=positions, dtype=double).tolist(),
    )


@pytest.mark.parametrize("cache", ["none", "causal"])
@given(prompts, st.integers(1, 8))
def test_a_causal_model_goes_on_as_the_naive_one(
    causal: depcap.Model, cache: str, prompt: list[int], length: int
) -> None:
    got = depcap.generate(causal, [prompt], "ar", cache, length, stop="run_to_end")[0]
    same(got, ar.decode(naive(causal), prompt, length))
