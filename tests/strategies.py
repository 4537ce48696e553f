"""Hypothesis strategies: prompts, methods with parameters, curves, graphs."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

PROMPT_VOCAB = 33
"""Ids below the small models' end and mask ids."""

prompts = st.lists(st.integers(0, PROMPT_VOCAB - 1), min_size=1, max_size=9)
batches = st.lists(prompts, min_size=2, max_size=4)
gen_lengths = st.integers(1, 24)
caches = st.sampled_from(("none", "prefix", "dual"))
families = st.sampled_from(("llada", "dream"))
probabilities = st.floats(0.05, 0.95)


@st.composite
def depcap_params(draw: st.DrawFn) -> dict[str, Any]:
    low, high = sorted((draw(probabilities), draw(probabilities)))
    least = draw(st.integers(1, 8))
    return {
        "min_size": least, "max_size": draw(st.integers(least, 16)), "lambda_u": draw(st.floats(0, 3)),
        "top_k": draw(st.sampled_from((1, 5, 40, 64))), "tau_low": low, "tau_high": high,
        "gamma": draw(st.floats(-30, 0)),
    }  # fmt: skip


@st.composite
def fast_dllm_params(draw: st.DrawFn) -> dict[str, Any]:
    rule = st.one_of(
        st.builds(lambda t: {"threshold": t}, probabilities),
        st.builds(lambda f: {"factor": f}, st.floats(0.05, 3)),
    )
    return draw(rule) | {"block_size": draw(st.integers(1, 16))}


@st.composite
def adablock_params(draw: st.DrawFn) -> dict[str, Any]:
    delimiters = st.lists(st.integers(0, PROMPT_VOCAB - 1), min_size=1, max_size=12, unique=True)
    return {
        "block_size": draw(st.integers(1, 16)), "threshold": draw(probabilities),
        "delimiter_threshold": draw(st.floats(0, 1.1)), "delimiter_ids": draw(delimiters),
    }  # fmt: skip


def llada_params(gen_length: int) -> st.SearchStrategy[dict[str, Any]]:
    def with_steps(block_size: int) -> st.SearchStrategy[dict[str, Any]]:
        blocks = -(-gen_length // block_size)
        steps = st.integers(1, gen_length // blocks).map(lambda per_block: per_block * blocks)
        return st.fixed_dictionaries({"block_size": st.just(block_size), "steps": st.none() | steps})

    return st.integers(1, 16).flatmap(with_steps)


def methods(gen_length: int) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """A method's name and parameters that suit the length."""
    return st.one_of(
        st.tuples(st.just("depcap"), depcap_params()),
        st.tuples(st.just("fast-dllm"), fast_dllm_params()),
        st.tuples(st.just("adablock"), adablock_params()),
        st.tuples(st.just("llada"), llada_params(gen_length)),
    )


@st.composite
def settings_for_decode(draw: st.DrawFn) -> dict[str, Any]:
    """Everything but the prompts: gen_length, method, cache and the method's parameters."""
    gen_length = draw(gen_lengths)
    method, params = draw(methods(gen_length))
    return {"gen_length": gen_length, "method": method, "cache": draw(caches), **params}


def curves(max_size: int = 40) -> st.SearchStrategy[np.ndarray]:
    shapes = st.integers(1, max_size)
    return shapes.flatmap(lambda n: hnp.arrays(np.float64, n, elements=st.floats(-50, 50, width=32)))


def log_probs(width: int, vocab: int, seed: int, sharpness: float = 3.0) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=(width, vocab)) * sharpness
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
