"""The viewer's document has the shape of docs/viewer.md."""

import json
from typing import Any

import pytest
from hypothesis import given
from strategies import families, prompts, settings_for_decode

import depcap
from analysis.payload import payload
from depcap.reasons import REASONS
from depcap.trace import CURVES

HEADER = {
    "model", "method", "cache", "params", "gen_length", "prompt_length", "nfe", "seconds",
    "tokens_per_second", "text", "stop", "seed", "temperature",
}  # fmt: skip
TOP = {
    "schema",
    "header",
    "pieces",
    "prompt",
    "end_id",
    "end_ids",
    "mask_id",
    "blocks",
    "steps",
    "reasons",
    "figures",
}
BLOCK = {"index", "start", "end", "step", "clamp", "wanted", "curves"}
STEP = {
    "step", "block", "nfe", "seconds", "computed", "positions", "tokens", "confidence", "reason", "cause",
    "round", "remasked", "top", "edges",
}  # fmt: skip
ARRAYS = ("tokens", "confidence", "reason", "cause", "round", "top")


def of(model: depcap.Model, prompt: Any, level: str = "distributions", **settings: Any) -> dict[str, Any]:
    trace = depcap.generate(model, prompt, record=level, **settings)[0].trace
    assert trace is not None
    return payload(trace)


@given(families, prompts, settings_for_decode())
def test_a_payload_is_plain_json_of_the_documented_shape(
    small: dict[str, depcap.Model], family: str, prompt: list[int], settings: dict[str, Any]
) -> None:
    made = json.loads(json.dumps(of(small[family], [prompt], **settings), allow_nan=False))
    assert set(made) == TOP
    assert set(made["header"]) == HEADER
    assert made["schema"] == 1
    assert made["prompt"] == prompt
    assert set(made["figures"]) == {"boundary", "conflicts", "timeline"}
    assert all({"data", "layout", "config"} <= set(figure) for figure in made["figures"].values())
    assert set(made["reasons"]) == set(REASONS)
    assert all(set(block) == BLOCK for block in made["blocks"])
    assert [step["step"] for step in made["steps"]] == list(range(1, made["header"]["nfe"] + 1))
    for step in made["steps"]:
        assert set(step) == STEP
        assert {len(step[name]) for name in ARRAYS} == {len(step["positions"])}
        assert all(i < j for i, j, _ in step["edges"])


@given(families, prompts, settings_for_decode())
def test_every_id_has_a_piece_and_blocks_tile(
    small: dict[str, depcap.Model], family: str, prompt: list[int], settings: dict[str, Any]
) -> None:
    made = of(small[family], [prompt], stop="run_to_end", **settings)
    ids = {*prompt, *(i for step in made["steps"] for i in step["tokens"])}
    ids |= {i for step in made["steps"] for top in step["top"] for i, _ in top}
    assert {str(i) for i in ids} <= set(made["pieces"])
    bounds = [(block["start"], block["end"]) for block in made["blocks"]]
    assert [start for start, _ in bounds] == [len(prompt), *(end for _, end in bounds[:-1])]


def test_curves_are_null_or_of_one_length(llada: depcap.Model) -> None:
    made = of(llada, [[1, 2, 3]], gen_length=24, min_size=3, max_size=9)
    first, *rest = made["blocks"]
    assert first["curves"] is None
    assert first["clamp"] == "first"
    for block in rest:
        assert set(block["curves"]) == set(CURVES)
        assert len({len(curve) for curve in block["curves"].values()}) == 1
    fixed = of(llada, [[1, 2, 3]], method="llada", gen_length=12, block_size=6)
    assert {block["clamp"] for block in fixed["blocks"]} == {"fixed"}
    assert all(block["curves"] is None for block in fixed["blocks"])


def test_alternatives_are_probabilities(llada: depcap.Model) -> None:
    for step in of(llada, [[1, 2, 3]], gen_length=12)["steps"]:
        for top, confidence in zip(step["top"], step["confidence"], strict=True):
            assert top[0][1] == pytest.approx(confidence, abs=1e-4)
            assert sum(p for _, p in top) <= 1.001


def test_without_alternatives_they_are_empty_lists(llada: depcap.Model) -> None:
    for step in of(llada, [[1, 2, 3]], "scores", gen_length=12)["steps"]:
        assert step["top"] == [[] for _ in step["positions"]]


@pytest.mark.parametrize("gamma", [float("inf"), float("-inf")])
def test_infinite_parameters_are_plain_json_too(llada: depcap.Model, gamma: float) -> None:
    json.dumps(of(llada, [[1, 2, 3]], gen_length=12, gamma=gamma), allow_nan=False)


def test_a_trace_of_decisions_is_not_enough(llada: depcap.Model) -> None:
    with pytest.raises(depcap.DepcapError, match="scores"):
        of(llada, [[1, 2, 3]], "decisions", gen_length=4)
