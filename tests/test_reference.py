"""The engine gives what the slow, obvious decoders give."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference import (
    adablock,
    dawn,
    depcap_,
    dream,
    eb_sampler,
    fast_dllm,
    grid,
    klass,
    learn2pd,
    llada,
    localleap,
    prophet,
    wino,
)  # fmt: skip
from reference.network import Network
from strategies import PARAMS, families, gen_lengths, prompts
from tiny import sharp_filter

import depcap

DECODERS = {
    "adablock": adablock.decode,
    "checkerboard": partial(grid.decode, pattern="checkerboard"),
    "dawn": dawn.decode,
    "depcap": depcap_.decode,
    "dream": dream.decode,
    "dus": partial(grid.decode, pattern="dilated"),
    "eb-sampler": eb_sampler.decode,
    "fast-dllm": fast_dllm.decode,
    "klass": klass.decode,
    "learn2pd": partial(learn2pd.decode, weights={k: w.tolist() for k, w in sharp_filter().weights.items()}),
    "llada": llada.decode,
    "localleap": localleap.decode,
    "prophet": prophet.decode,
    "wino": wino.decode,
}
LONGER = {"adablock": st.integers(1, 40), "depcap": st.integers(1, 40)}
"""Lengths for methods that choose a block's size."""


def naive(model: depcap.Model) -> Network:
    network, denoiser = model.denoiser.network, model.denoiser
    config = network.config
    weights = {name: weight.numpy() for name, weight in network.state_dict().items()}
    return Network(
        weights, config.num_heads, config.num_kv_heads, config.rope_theta, config.rms_norm_eps,
        denoiser.mask_id, denoiser.shift,
    )  # fmt: skip


def agree(
    model: depcap.Model, method: str, prompt: list[int], length: int, cache: str, **params: Any
) -> None:
    expected = DECODERS[method](naive(model), prompt, length, cache, **params)
    got = depcap.generate(model, [prompt], method, cache, length, stop="run_to_end", **params)[0]
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


CASES = [
    (method, cache)
    for method in DECODERS
    for cache in depcap.METHODS[method].caches
    if cache in ("none", "prefix", "dual")
]
"""The other caches: `test_cache`."""


@pytest.mark.parametrize(("method", "cache"), CASES)
@given(families, prompts, st.data())
def test_tokens_blocks_and_steps_are_the_naive_decoders(
    small: dict[str, depcap.Model], method: str, cache: str, family: str, prompt: list[int], data: Any
) -> None:
    length = data.draw(LONGER.get(method, gen_lengths))
    agree(small[family], method, prompt, length, cache, **data.draw(PARAMS[method](length)))
