"""APD: what is accepted, what the verifier sees, and the cases where it is something simpler."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import families, gen_lengths, probabilities, prompts
from test_reference import naive

import depcap
from depcap import DepcapError
from depcap.models.loading import Model


def helped(model: Model, causal: Model) -> dict[str, object]:
    return {"method": "apd", "verifier": str(causal.folder)}


def slowly(
    model: Model, causal: Model, prompt: list[int], length: int, weight: float, lookahead: int
) -> tuple[list[int], int]:
    """Draft everything in sight, keep the first token and the run on which the mixture agrees."""
    ids, nfe, network = list(prompt), 0, naive(model)
    while len(ids) < len(prompt) + length:
        right = min(len(ids) + lookahead, len(prompt) + length)
        x = ids + [network.mask_id] * (right - len(ids))
        log_probs = network.full(x)
        nfe += 1
        draft = [int(log_probs[i].argmax()) for i in range(len(ids), right)]
        judged = judge(causal, ids + draft)
        accepted = 1
        for k in range(1, len(draft)):
            i = len(ids) + k
            if int((weight * log_probs[i] + (1 - weight) * judged[i]).argmax()) != draft[k]:
                break
            accepted += 1
        ids += draft[:accepted]
    return ids[len(prompt) :], nfe


def judge(causal: Model, ids: list[int]) -> list[np.ndarray]:
    """log p(x_i | x_<i) for every i from 1 on, left to right: nothing sees what is after it."""
    network = naive(causal)
    return [np.zeros(0), *(network.some(ids, [i], range(i))[i] for i in range(1, len(ids)))]


@given(families, prompts, st.integers(1, 7), st.floats(0, 1), st.integers(1, 5))
def test_the_leading_run_of_agreement_is_accepted(
    small: dict[str, Model],
    causal: Model,
    family: str,
    prompt: list[int],
    length: int,
    weight: float,
    lookahead: int,
) -> None:
    model = small[family]
    tokens, nfe = slowly(model, causal, prompt, length, weight, lookahead)
    got = depcap.generate(
        model, [prompt], gen_length=length, stop="run_to_end", weight=weight, max_lookahead=lookahead,
        **helped(model, causal),
    )[0]  # fmt: skip
    assert (got.tokens, got.nfe, got.auxiliary) == (tokens, nfe, nfe)


@given(families, prompts, gen_lengths)
def test_with_weight_one_everything_is_accepted_at_once(
    small: dict[str, Model], causal: Model, family: str, prompt: list[int], length: int
) -> None:
    for mode in ("official", "paper"):
        common = helped(small[family], causal) | {"mode": mode, "weight": 1.0, "gen_length": length}
        assert depcap.generate(small[family], [prompt], stop="run_to_end", **common)[0].nfe == 1


@given(families, st.lists(prompts, min_size=2, max_size=3), probabilities, st.sampled_from((0.0, 0.8)))
def test_a_row_does_not_depend_on_its_batch(
    small: dict[str, Model],
    causal: Model,
    family: str,
    rows: list[list[int]],
    weight: float,
    temperature: float,
) -> None:
    for mode in ("official", "paper"):
        for cache in ("none", "trailing"):
            common = helped(small[family], causal) | {
                "mode": mode, "weight": weight, "gen_length": 14, "cache": cache, "temperature": temperature,
            }  # fmt: skip
            together = depcap.generate(small[family], rows, seed=5, **common)
            for row, result in enumerate(together):
                alone = depcap.generate(small[family], [rows[row]], seed=5 + row, **common)[0]
                assert (alone.tokens, alone.nfe) == (result.tokens, result.nfe)


def test_a_trailing_cache_computes_less(small: dict[str, Model], causal: Model) -> None:
    common = helped(small["llada"], causal) | {"gen_length": 60, "stop": "run_to_end", "weight": 0.0}
    none, trailing = (
        depcap.generate(small["llada"], [[1] * 60], cache=cache, **common)[0]
        for cache in ("none", "trailing")
    )
    assert trailing.computed / trailing.nfe < 0.9 * none.computed / none.nfe


def test_coupled_draws_agree_more_often_than_argmaxes(small: dict[str, Model], causal: Model) -> None:
    rows = [[i, i + 1] for i in range(16)]
    common = {"gen_length": 24, "stop": "run_to_end", "temperature": 1.0, "weight": 0.9}
    nfe = {}
    for mode in ("official", "paper"):
        found = depcap.generate(small["llada"], rows, mode=mode, **helped(small["llada"], causal), **common)
        nfe[mode] = sum(result.nfe for result in found)
    assert nfe["paper"] < nfe["official"]


def test_what_cannot_verify_is_refused(small: dict[str, Model], text_folder: Path) -> None:
    model = small["llada"]
    with pytest.raises(DepcapError, match="give verifier"):
        depcap.generate(model, [[1]], "apd", gen_length=4)
    with pytest.raises(DepcapError, match="is a diffusion model"):
        depcap.generate(model, [[1]], "apd", gen_length=4, verifier=str(small["dream"].folder))
    text = depcap.load(str(text_folder), "cpu")
    with pytest.raises(DepcapError, match="unknown model"):
        depcap.generate(text, "1+1?", "apd", gen_length=4, verifier="nowhere")
