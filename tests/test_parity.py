"""What the reference implementations give, exactly (tests/golden/README.md says how the cases were made)."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import depcap

GOLDEN = Path(__file__).parent / "golden"
RENAMED = {"L_min": "min_size", "L_max": "max_size", "block_length": "block_size"}
METHODS = {"depcap": "depcap", "fast-dllm-threshold": "fast-dllm", "llada": "llada", "adablock": "adablock"}


def cases() -> list[Any]:
    found = []
    for folder in ("llada-a", "dream-a"):
        for number, line in enumerate((GOLDEN / folder / "cases.jsonl").read_text().splitlines()):
            case = json.loads(line)
            name = f"{folder}-{number}-{case['method']}-{case['cache']}"
            found.append(pytest.param(folder, case, id=name))
    return found


@cache
def model(folder: str) -> depcap.Model:
    return depcap.load(str(GOLDEN / folder), device="cpu", dtype="float32")


def params(case: dict[str, Any]) -> dict[str, Any]:
    renamed = {RENAMED.get(name, name): value for name, value in case["params"].items()}
    if case["method"] == "fast-dllm-threshold":
        renamed.pop("steps")  # has no effect there
    return renamed


@pytest.mark.parametrize(("folder", "case"), cases())
def test_reference_case(folder: str, case: dict[str, Any]) -> None:
    expected = case["expected"]
    result = depcap.generate(
        model(folder),
        [case["prompt_ids"]],
        method=METHODS[case["method"]],
        cache=case["cache"],
        gen_length=case["gen_length"],
        stop="run_to_end",
        **params(case),
    )[0]
    assert result.tokens == expected["tokens"]
    if "block_sizes" in expected:
        assert result.block_sizes == expected["block_sizes"]
    if "unmask_step" in expected:
        assert result.unmask_step == expected["unmask_step"]
    if case["method"] in ("depcap", "adablock"):
        assert result.nfe == expected["nfe"]
    else:  # the reference spends idle forwards here: one per block that its first step fills
        assert result.nfe <= expected["nfe"]
