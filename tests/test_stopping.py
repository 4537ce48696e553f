"""When a row is finished: rules that change nothing, and one that can."""

from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference.ranges import probabilities
from strategies import PARAMS, families, gen_lengths, prompts
from test_reference import DECODERS, naive

import depcap
from depcap.boundary import FixedBlock
from depcap.decoder import Method, canvas_for, steps
from depcap.stopping import EndOfTextPrediction
from depcap.types import Canvas, Proposal, Selection, Window
from depcap.unmask import Threshold

END, MASK, SIZE = 33, 39, 6


def cut_where_an_end_is_predicted(
    model: depcap.Model, prompt: list[int], gen_length: int, cache: str, threshold: float
) -> tuple[list[int], int, list[int]]:
    """Fixed blocks and a threshold; the row ends after the surest predicted end token of what is computed."""
    network, x, nfe, sizes = naive(model), [*prompt, *[MASK] * gen_length], 0, []
    start = len(prompt)
    while start < len(x):
        step = 0
        sizes.append(min(SIZE, len(x) - start))  # as it opens: it may be cut
        while MASK in x[start : start + SIZE]:
            last = {"none": len(x), "prefix": len(x), "dual": min(start + SIZE, len(x))}[cache]
            fresh = step == 0 or cache == "none"
            log_probs = network.full(x) if fresh else network.partial(x, start, last)
            nfe, step = nfe + 1, step + 1
            seen = [i for i in range(start, len(x)) if x[i] == MASK and log_probs[i] is not None]
            block = [i for i in seen if i < start + SIZE]
            surest = max(block, key=lambda i: (log_probs[i].max(), -i))
            for i in block:
                if i == surest or log_probs[i].max() >= torch.tensor(threshold).log():
                    x[i] = int(log_probs[i].argmax())
            ends = [i for i in seen if log_probs[i].argmax() == END]
            if ends:
                x = x[: max(ends, key=lambda i: (log_probs[i].max(), -i)) + 1]
        start += SIZE
    return x[len(prompt) :], nfe, sizes


@pytest.mark.parametrize("cache", ["none", "prefix", "dual"])
@given(families, prompts, gen_lengths, probabilities)
def test_a_row_is_cut_after_the_surest_predicted_end(
    small: dict[str, depcap.Model],
    cache: str,
    family: str,
    prompt: list[int],
    gen_length: int,
    threshold: float,
) -> None:
    expected = cut_where_an_end_is_predicted(small[family], prompt, gen_length, cache, threshold)
    params = {"block_size": SIZE, "threshold": threshold}
    got = depcap.generate(small[family], [prompt], "fast-dllm", cache, gen_length, "eotp", **params)[0]
    assert (got.tokens, got.nfe, got.block_sizes) == expected


def test_rows_are_cut(small: dict[str, depcap.Model]) -> None:
    rows = [[i, 2 * i + 1] for i in range(16)]
    for model in small.values():
        results = depcap.generate(model, rows, "fast-dllm", gen_length=24, stop="eotp")
        assert min(len(result.tokens) for result in results) < 24


@given(families, st.lists(prompts, min_size=2, max_size=4), gen_lengths, st.sampled_from(("none", "dual")))
def test_a_cut_row_does_not_depend_on_its_batch(
    small: dict[str, depcap.Model], family: str, rows: list[list[int]], gen_length: int, cache: str
) -> None:
    together = depcap.generate(
        small[family], rows, "depcap", cache, gen_length, "eotp", min_size=3, max_size=9
    )
    for row, result in zip(rows, together, strict=True):
        alone = depcap.generate(
            small[family], [row], "depcap", cache, gen_length, "eotp", min_size=3, max_size=9
        )[0]
        assert (result.tokens, result.nfe) == (alone.tokens, alone.nfe)


@pytest.mark.parametrize("cache", ["none", "prefix", "dual"])
@given(families, prompts, gen_lengths, st.integers(1, 16), probabilities)
def test_an_end_that_the_filter_accepts_cuts_the_row_as_published(
    small: dict[str, depcap.Model], cache: str, family: str, prompt: list[int], gen_length: int,
    block_size: int, threshold: float,
) -> None:  # fmt: skip
    params = {"block_size": block_size, "threshold": threshold}
    expected = DECODERS["learn2pd"](naive(small[family]), prompt, gen_length, cache, end_id=END, **params)
    got = depcap.generate(small[family], [prompt], "learn2pd", cache, gen_length, "eotp", **params)[0]
    assert (got.tokens, got.nfe) == (expected.tokens, expected.nfe)
    assert got.block_sizes == expected.block_sizes
    assert got.unmask_step == expected.unmask_step


EXACT = [
    (name, cache)
    for name, preset in depcap.METHODS.items()
    for cache in ("none", "prefix")
    if cache in preset.caches
]
OTHERS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "apd": st.fixed_dictionaries({"weight": probabilities, "max_lookahead": st.integers(1, 8)}),
    "pearl": st.fixed_dictionaries({"window": st.integers(1, 5)}),
    "ar": st.just({}),
}
"""Parameters of methods that a causal model has a part in."""


@pytest.mark.parametrize(("method", "cache"), EXACT)
@given(families, prompts, st.integers(1, 12), st.data())
def test_stopping_at_the_end_token_keeps_all_before_it(
    small: dict[str, depcap.Model], causal: depcap.Model, method: str, cache: str, family: str,
    prompt: list[int], gen_length: int, data: Any,
) -> None:  # fmt: skip
    model = ending(causal if method == "ar" else small[family])
    params = data.draw(OTHERS[method] if method in OTHERS else PARAMS[method](gen_length))
    if method in ("apd", "pearl"):
        params |= {"verifier": str(causal.folder)}
    whole, early = (
        depcap.generate(model, [prompt], method, cache, gen_length, stop, **params)[0]
        for stop in ("run_to_end", "eos")
    )
    ends = model.denoiser.end_ids
    first = next((i for i, token in enumerate(whole.tokens) if token in ends), gen_length)
    assert early.tokens == whole.tokens[: first + 1]
    assert early.response_length == whole.response_length
    assert early.nfe <= whole.nfe


def ending(model: depcap.Model) -> depcap.Model:
    """The model, of whose tokens every fourth ends a response, so that most do within a few positions."""
    ends = (END, *range(0, END, 4))
    return replace(model, denoiser=replace(model.denoiser, end_ids=ends))


HOLES = ("dpad", "streaming")
"""Caches that compute positions here and there: what predicts the next (Dream) stands in a hole."""
COMPUTED = [
    (family, name, cache)
    for family in ("llada", "dream")
    for name, preset in depcap.METHODS.items()
    if preset.causal is False and "eotp" in preset.stops
    for cache in preset.caches
    if family == "llada" or cache not in HOLES
]


@pytest.mark.parametrize(("family", "method", "cache"), COMPUTED)
def test_looking_for_an_end_computes_nothing_more(
    small: dict[str, depcap.Model], causal: depcap.Model, family: str, method: str, cache: str
) -> None:
    params: dict[str, Any] = {
        "adablock": {"delimiter_ids": [5, 7]},
        "apd": {"verifier": str(causal.folder), "max_lookahead": 8},
        "depcap": {"max_size": 8},
    }.get(method, {"block_size": 8})

    def work(stop: str) -> list[int]:
        seen = depcap.stream(small[family], [[1, 2, 3]], method, cache, 200, stop, **params)
        return [int(step.computed[0]) for step in islice(seen, 3)]

    plain, looking = work("run_to_end"), work("eotp")
    assert looking[0] == plain[0]
    assert all(less <= more for less, more in zip(looking, plain, strict=False))


@pytest.mark.parametrize("cache", HOLES)
def test_what_predicts_a_position_is_computed_only_where_that_is_looked_at(
    small: dict[str, depcap.Model], cache: str
) -> None:
    def work(family: str, stop: str) -> int:
        """Positions that the first step computes."""
        step = next(depcap.stream(small[family], [[1, 2, 3]], "llada", cache, 120, stop, block_size=8))
        return int(step.computed[0])

    plain = work("llada", "run_to_end")
    assert work("dream", "run_to_end") == plain
    assert work("dream", "eotp") > plain


def said(tokens: list[int], confidences: list[float], accepted: list[bool] | None = None) -> int:
    """Where a row of masks from 2 on ends, given what each position proposes."""
    width = len(tokens)
    canvas = Canvas(
        torch.tensor([[1, 2, *[MASK] * width]]), torch.tensor([2]), torch.tensor([2 + width]), MASK
    )
    log_probs = torch.full((1, width, 40), -20.0)
    for place, (token, confidence) in enumerate(zip(tokens, confidences, strict=True)):
        log_probs[0, place, token] = torch.tensor(confidence).log()
    window = Window.span(torch.tensor([2]), torch.tensor([2 + width]))
    every = torch.ones(1, width, dtype=torch.bool)
    proposal = Proposal(window, torch.tensor([tokens]), log_probs.amax(dim=2).exp(), log_probs, every)
    evidence = {} if accepted is None else {"accepted": torch.tensor([accepted])}
    selection = Selection(torch.zeros_like(every), evidence=evidence)
    return int(EndOfTextPrediction()(canvas, (END,), proposal, selection)[0])


def test_the_surest_end_is_taken_however_unsure() -> None:
    assert said([5, END, 6, END], [0.9, 0.1, 0.9, 0.2]) == 6
    assert said([5, END, 6, END], [0.9, 0.2, 0.9, 0.1]) == 4
    assert said([5, 6], [0.9, 0.9]) == 4


def test_an_end_that_the_filter_accepts_comes_first_and_the_leftmost_of_those() -> None:
    assert said([END, END, END, END], [0.1, 0.2, 0.3, 0.9], [False, True, True, False]) == 4


def test_the_end_may_be_decided_otherwise_later(small: dict[str, depcap.Model]) -> None:
    model, seen = small["llada"], False
    for first in range(30):
        canvas = canvas_for([[first, 3]], 24, model.denoiser, torch.device("cpu"))
        method = Method(FixedBlock(SIZE), Threshold(0.9), stop=EndOfTextPrediction())
        last = list(steps(model.denoiser, canvas, method))[-1].canvas
        end = int(last.end[0])
        seen |= end < 26 and int(last.ids[0, end - 1]) != END
    assert seen
