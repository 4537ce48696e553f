"""Hypothesis strategies: prompts, methods with parameters, curves, graphs."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference import REFERENCES
from reference.ranges import PROMPT_VOCAB

from depcap import METHODS

prompts = st.lists(st.integers(0, PROMPT_VOCAB - 1), min_size=1, max_size=9)
batches = st.lists(prompts, min_size=2, max_size=4)
gen_lengths = st.integers(1, 24)
caches = st.sampled_from(("none", "prefix", "dual"))
families = st.sampled_from(("llada", "dream"))


PARAMS = {name: reference.params for name, reference in REFERENCES.items()}
"""Parameters of every method for diffusion models, given a generation length."""


def dream_at_random() -> st.SearchStrategy[dict[str, Any]]:
    """Positions one by one or by a measure, tokens of a filtered distribution."""
    filters = {"top_p": st.sampled_from((0.7, 0.9, 1.0)), "top_k": st.none() | st.integers(1, 20)}
    drawn = st.fixed_dictionaries({"alg_temp": st.just(0.5), **filters})
    return st.fixed_dictionaries({"alg": st.just("origin"), **filters}) | drawn


AT_RANDOM: dict[str, Callable[[int], st.SearchStrategy[dict[str, Any]]]] = {
    "llada": lambda gen_length: PARAMS["llada"](gen_length).map(lambda params: params | {"order": "random"}),
    "dream": lambda gen_length: st.builds(operator.or_, PARAMS["dream"](gen_length), dream_at_random()),
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
