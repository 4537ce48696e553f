"""Hypothesis strategies: prompts, methods with parameters, curves, graphs."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from depcap import METHODS

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
        guidance = st.sampled_from((0.0, 0.7))
        return st.fixed_dictionaries(
            {"block_size": st.just(block_size), "steps": st.none() | steps, "guidance": guidance}
        )

    return st.integers(1, 16).flatmap(with_steps)


@st.composite
def localleap_params(draw: st.DrawFn) -> dict[str, Any]:
    relaxed, threshold = sorted((draw(probabilities), draw(probabilities)))
    return {
        "block_size": draw(st.integers(1, 16)), "threshold": threshold, "relaxed_threshold": relaxed,
        "radius": draw(st.integers(0, 5)),
    }  # fmt: skip


def eb_sampler_params() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "block_size": st.integers(1, 16), "budget": st.floats(0, 4),
            "measure": st.sampled_from(("confidence", "margin", "entropy")),
        }
    )  # fmt: skip


def klass_params() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "block_size": st.integers(1, 12), "threshold": probabilities,
            "kl_threshold": st.floats(0.01, 5), "history": st.integers(1, 3),
        }
    )  # fmt: skip


def prophet_params(gen_length: int) -> st.SearchStrategy[dict[str, Any]]:
    gap = st.floats(0.1, 4)
    return st.fixed_dictionaries(
        {
            "block_size": st.integers(1, 16), "answer_start": st.none() | st.integers(0, gen_length - 1),
            "answer_length": st.integers(1, 6), "gaps": st.tuples(gap, gap, gap),
        }
    )  # fmt: skip


def dus_params() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"block_size": st.sampled_from((1, 2, 4, 8, 16))})


def checkerboard_params() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"block_size": st.integers(1, 16)})


def dream_params(gen_length: int) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "steps": st.integers(1, gen_length), "eps": st.sampled_from((1e-3, 0.1)),
            "alg": st.sampled_from(("maskgit_plus", "topk_margin", "entropy")),
        }
    )  # fmt: skip


def learn2pd_params() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"block_size": st.integers(1, 16), "threshold": probabilities})


def wino_params() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"block_size": st.integers(1, 24), "threshold": probabilities, "keep_threshold": probabilities}
    )


@st.composite
def dawn_params(draw: st.DrawFn) -> dict[str, Any]:
    low, threshold = sorted((draw(probabilities), draw(probabilities)))
    return {
        "block_size": draw(st.integers(1, 16)), "threshold": threshold, "low_threshold": low,
        "induced_threshold": draw(st.floats(0.0, threshold)), "sink_threshold": draw(st.floats(0.03, 0.5)),
        "edge_threshold": draw(st.floats(0.01, 0.4)),
    }  # fmt: skip


PARAMS: dict[str, Callable[[int], st.SearchStrategy[dict[str, Any]]]] = {
    "adablock": lambda _length: adablock_params(),
    "checkerboard": lambda _length: checkerboard_params(),
    "dawn": lambda _length: dawn_params(),
    "depcap": lambda _length: depcap_params(),
    "dream": dream_params,
    "dus": lambda _length: dus_params(),
    "eb-sampler": lambda _length: eb_sampler_params(),
    "fast-dllm": lambda _length: fast_dllm_params(),
    "klass": lambda _length: klass_params(),
    "learn2pd": lambda _length: learn2pd_params(),
    "llada": llada_params,
    "localleap": lambda _length: localleap_params(),
    "prophet": prophet_params,
    "wino": lambda _length: wino_params(),
}
"""Parameters of every method for diffusion models, given a generation length."""


def dream_at_random() -> st.SearchStrategy[dict[str, Any]]:
    """Positions one by one or by a measure, tokens of a filtered distribution."""
    filters = {"top_p": st.sampled_from((0.7, 0.9, 1.0)), "top_k": st.none() | st.integers(1, 20)}
    drawn = st.fixed_dictionaries({"alg_temp": st.just(0.5), **filters})
    return st.fixed_dictionaries({"alg": st.just("origin"), **filters}) | drawn


AT_RANDOM: dict[str, Callable[[int], st.SearchStrategy[dict[str, Any]]]] = {
    "llada": lambda gen_length: llada_params(gen_length).map(lambda params: params | {"order": "random"}),
    "dream": lambda gen_length: st.builds(operator.or_, dream_params(gen_length), dream_at_random()),
}
"""Parameters with which a method draws positions at random."""


def methods(gen_length: int) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """A method's name and parameters that suit the length."""
    both = [*PARAMS.items(), *AT_RANDOM.items()]
    return st.one_of([st.tuples(st.just(name), params(gen_length)) for name, params in both])


@st.composite
def settings_for_decode(draw: st.DrawFn) -> dict[str, Any]:
    """Everything but the prompts: gen_length, method, cache and the method's parameters."""
    gen_length = draw(gen_lengths)
    method, params = draw(methods(gen_length))
    cache = draw(st.sampled_from(METHODS[method].caches))
    return {"gen_length": gen_length, "method": method, "cache": cache, **params}


def curves(max_size: int = 40) -> st.SearchStrategy[np.ndarray]:
    shapes = st.integers(1, max_size)
    return shapes.flatmap(lambda n: hnp.arrays(np.float64, n, elements=st.floats(-50, 50, width=32)))


def log_probs(width: int, vocab: int, seed: int, sharpness: float = 3.0) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=(width, vocab)) * sharpness
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
