"""Prompts in, results out; everything that can be wrong with a request is one line before anything runs."""

import math
from typing import Any

import pytest
import torch
from strategies import PROMPT_VOCAB

import depcap
from depcap import DepcapError, generate, stream
from depcap.decoder import canvas_for
from depcap.draws import widest
from depcap.trace import LEVELS

BAD: dict[str, dict[str, Any]] = {
    "method": {"method": "nonsense"},
    "cache": {"cache": "nonsense"},
    "stop": {"stop": "nonsense"},
    "gen_length zero": {"gen_length": 0},
    "gen_length negative": {"gen_length": -3},
    "gen_length too long": {"gen_length": 10**6},
    "gen_length fractional": {"gen_length": 4.5},
    "gen_length text": {"gen_length": "8"},
    "temperature negative": {"temperature": -0.1},
    "temperature nan": {"temperature": math.nan},
    "temperature infinite": {"temperature": math.inf},
    "temperature text": {"temperature": "hot"},
    "seed too large": {"seed": 2**70, "temperature": 1.0},
    "seed text": {"seed": "x", "temperature": 1.0},
    "unknown parameter": {"tau": 0.5},
    "parameter of another method": {"method": "llada", "tau_low": 0.5},
    "min_size zero": {"min_size": 0},
    "min_size above max_size": {"min_size": 9, "max_size": 8},
    "tau_low above tau_high": {"tau_low": 0.9, "tau_high": 0.8},
    "tau_low out of range": {"tau_low": 1.1},
    "tau_high nan": {"tau_high": math.nan},
    "gamma nan": {"gamma": math.nan},
    "gamma text": {"gamma": "low"},
    "lambda_u negative": {"lambda_u": -1.0},
    "lambda_u infinite": {"lambda_u": math.inf},
    "top_k zero": {"top_k": 0},
    "block_size huge": {"method": "fast-dllm", "block_size": 10**9},
    "two rules": {"method": "fast-dllm", "threshold": 0.9, "factor": 1.0},
    "factor zero": {"method": "fast-dllm", "factor": 0.0},
    "factor infinite": {"method": "fast-dllm", "factor": math.inf},
    "steps no multiple": {"method": "llada", "gen_length": 8, "block_size": 4, "steps": 3},
    "steps above gen_length": {"method": "llada", "gen_length": 8, "block_size": 4, "steps": 10},
    "steps zero": {"method": "llada", "steps": 0},
}
BAD_PROMPTS: dict[str, Any] = {
    "no prompt": [],
    "no ids": [[]],
    "empty text": "",
    "blank text": " \n\t",
    "text without a tokenizer": "hello",
    "id too large": [[1, 40]],
    "id negative": [[-1]],
    "mask": [[1, 39]],
    "fraction": [[1.5]],
    "bool": [[True]],
    "text among ids": [["1"]],
    "nested too deep": [[[1]]],
    "flat ids": [1, 2, 3],
    "a number": 5,
    "nothing": None,
    "nothing in a list": [None],
    "too long": [[1] * 300],
}


def one_line(model: depcap.Model, prompts: Any, **settings: Any) -> str:
    messages = []
    for call in (generate, stream):
        with pytest.raises(DepcapError) as error:
            call(model, prompts, **settings)
        messages.append(str(error.value))
    assert messages[0] == messages[1]
    assert len(messages[0].splitlines()) == 1
    return messages[0]


@pytest.mark.parametrize("bad", BAD)
def test_bad_settings_are_one_line(llada: depcap.Model, bad: str) -> None:
    one_line(llada, [[1, 2]], **BAD[bad])


@pytest.mark.parametrize("bad", BAD_PROMPTS)
def test_bad_prompts_are_one_line(llada: depcap.Model, bad: str) -> None:
    one_line(llada, BAD_PROMPTS[bad], gen_length=4)


def test_an_unknown_level_of_recording_is_one_line(llada: depcap.Model) -> None:
    with pytest.raises(DepcapError, match="decisions, scores, distributions"):
        generate(llada, [[1]], record="everything")


@pytest.mark.parametrize("prompt", ["a\ud800b", "<|mask|>", "a<|mask|>b"])
def test_text_that_cannot_be_a_prompt_is_one_line(text_model: depcap.Model, prompt: str) -> None:
    one_line(text_model, prompt, gen_length=4)


def test_errors_say_what_is_accepted(llada: depcap.Model) -> None:
    assert ", ".join(depcap.METHODS) in one_line(llada, [[1]], method="x")
    assert "none, prefix, dual" in one_line(llada, [[1]], cache="x")
    assert "tau_low" in one_line(llada, [[1]], tau=1)
    assert "256 positions" in one_line(llada, [[1]], gen_length=999)


def test_a_result_has_what_it_says(llada: depcap.Model) -> None:
    result = generate(llada, [[1, 2, 3]], gen_length=16, stop="run_to_end")[0]
    assert result.prompt_ids == [1, 2, 3]
    assert len(result.tokens) == len(result.unmask_step) == sum(result.block_sizes) == 16
    assert max(result.unmask_step) == result.nfe
    assert result.text is None
    assert result.trace is None
    assert result.seconds > 0
    assert result.tokens_per_second == result.response_length / result.seconds


def test_the_response_ends_before_the_first_end_token(llada: depcap.Model) -> None:
    for result in generate(llada, [[i] for i in range(PROMPT_VOCAB)], gen_length=24):
        ends = [i for i, token in enumerate(result.tokens) if token in llada.denoiser.end_ids]
        assert result.response_length == (ends[0] if ends else 24)
        assert ends in ([], [len(result.tokens) - 1])


@pytest.mark.parametrize("method", ["llada", "wino"])
def test_what_was_decided_past_the_end_token_counts_as_filled(llada: depcap.Model, method: str) -> None:
    rows = [[i, 2 * i + 1] for i in range(16)]
    settings = {"gen_length": 24}
    decided: list[set[int]] = [set() for _ in rows]
    for step in stream(llada, rows, method, **settings):
        places = step.proposal.window.positions
        for row, mine in enumerate(decided):
            mine |= set(places[row][step.selection.unmask[row]].tolist())
            if step.selection.remask is not None:  # counts once, if it is decided again
                mine -= set(places[row][step.selection.remask[row]].tolist())
    results = generate(llada, rows, method, **settings)
    assert [result.filled for result in results] == [len(mine) for mine in decided]
    assert any(result.filled > len(result.tokens) for result in results)
    whole = generate(llada, rows, method, stop="run_to_end", **settings)
    assert {result.filled for result in whole} == {24}


def test_a_string_a_list_of_strings_and_its_ids_are_the_same_prompt(text_model: depcap.Model) -> None:
    assert text_model.tokenizer
    ids = text_model.tokenizer.encode("Tom has 3 apples.")
    tokens = [
        generate(text_model, prompt, gen_length=12)[0].tokens
        for prompt in ("Tom has 3 apples.", ["Tom has 3 apples."], [ids])
    ]
    assert tokens[0] == tokens[1] == tokens[2]


def test_text_is_the_decoded_response(text_model: depcap.Model) -> None:
    result = generate(text_model, "Tom has 3 apples.", gen_length=12)[0]
    assert text_model.tokenizer
    assert result.text == text_model.tokenizer.decode(result.tokens[: result.response_length])


def test_results_are_in_the_order_of_the_prompts(llada: depcap.Model) -> None:
    rows = [[5], [1, 2, 3, 4], [7, 7]]
    assert [result.prompt_ids for result in generate(llada, rows, gen_length=4)] == rows


def test_the_same_seed_gives_the_same_draw_and_another_another(llada: depcap.Model) -> None:
    tokens = [
        generate(llada, [[1, 2]], gen_length=24, temperature=5.0, seed=seed)[0].tokens for seed in (0, 0, 1)
    ]
    assert tokens[0] == tokens[1] != tokens[2]


@pytest.mark.parametrize(
    ("method", "params"),
    [("llada", {"order": "random"}), ("dream", {"alg": "origin"})],
    ids=["llada", "dream"],
)
def test_which_positions_are_drawn_tells_nothing_of_the_tokens_drawn(
    llada: depcap.Model, method: str, params: dict[str, Any]
) -> None:
    made = depcap.make_method(method, 24, temperature=1.0, seed=3, params=params).method
    canvas = canvas_for([[1], [2, 3]], 24, llada.denoiser, llada.denoiser.device)
    both = [*made.unmask.init(canvas), *made.proposer.init(canvas)]
    assert len({float(torch.rand(1, generator=one)) for one in both}) == 4


@pytest.mark.parametrize(
    ("device", "dtype"), [("cpu", torch.float64), ("cuda", torch.float64), ("mps", torch.float32)]
)
def test_draws_are_in_the_finest_numbers_that_a_device_has(device: str, dtype: torch.dtype) -> None:
    assert widest(torch.device(device)) == dtype


def test_defaults_are_those_of_the_papers_scripts() -> None:
    named = depcap.make_method("depcap", 128)
    assert named.params == {
        "min_size": 8, "max_size": 128, "lambda_u": 1.2, "top_k": 64, "tau_low": 0.8, "tau_high": 0.95,
        "gamma": -16.0,
    }  # fmt: skip
    assert depcap.make_method("fast-dllm", 128).params == {"block_size": 32, "threshold": 0.9}
    assert depcap.make_method("llada", 128).params == {
        "block_size": 32, "steps": 128, "order": "confidence", "guidance": 0.0,
    }  # fmt: skip


def test_the_prompt_and_the_settings_are_left_alone(llada: depcap.Model) -> None:
    rows = [[1, 2], [3]]
    generate(llada, rows, gen_length=4, record=LEVELS[2])
    assert rows == [[1, 2], [3]]


def test_one_position_is_enough(llada: depcap.Model) -> None:
    assert generate(llada, [[1]], gen_length=1)[0].nfe == 1


def test_a_decode_may_use_every_position(llada: depcap.Model) -> None:
    assert len(generate(llada, [[1] * 240], gen_length=16, stop="run_to_end")[0].tokens) == 16
