"""The engine gives what the slow, obvious decoders give."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference import adablock, depcap_, fast_dllm, llada
from reference.network import Network
from strategies import (
    adablock_params,
    caches,
    depcap_params,
    families,
    fast_dllm_params,
    gen_lengths,
    llada_params,
    prompts,
)  # fmt: skip

import depcap

DECODERS = {
    "adablock": adablock.decode,
    "depcap": depcap_.decode,
    "fast-dllm": fast_dllm.decode,
    "llada": llada.decode,
}

DRAWN = {
    "adablock": (st.integers(1, 40), lambda _length: adablock_params()),
    "depcap": (st.integers(1, 40), lambda _length: depcap_params()),
    "fast-dllm": (gen_lengths, lambda _length: fast_dllm_params()),
    "llada": (gen_lengths, llada_params),
}
"""Lengths, and parameters that suit a length."""


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


@pytest.mark.parametrize("method", DECODERS)
@given(families, caches, prompts, st.data())
def test_tokens_blocks_and_steps_are_the_naive_decoders(
    small: dict[str, depcap.Model], method: str, family: str, cache: str, prompt: list[int], data: Any
) -> None:
    lengths, params = DRAWN[method]
    length = data.draw(lengths)
    agree(small[family], method, prompt, length, cache, **data.draw(params(length)))
