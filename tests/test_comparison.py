"""Comparisons: what is run, what is kept, what the tables say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import depcap
from analysis.comparison import cells, outcomes, run, spec, specs
from analysis.pareto import SYMBOLS, pareto
from analysis.statistics import mcnemar, ratio
from analysis.summary import front, markdown, summary
from depcap import DepcapError
from depcap.methods import METHODS

# Which decoders are run


def grid(model: depcap.Model, methods: str, caches: list[str]) -> list[tuple[str, str]]:
    found = cells([model], ["python"], specs(methods), caches, 8, "eos")
    return [(cell.spec.label, cell.settings.cache) for cell in found]


def test_a_method_is_run_with_those_of_the_caches_that_it_has(text_model: depcap.Model) -> None:
    assert grid(text_model, "depcap,llada", ["none", "dual"]) == [
        ("depcap", "none"), ("depcap", "dual"), ("llada", "none"), ("llada", "dual"),
    ]  # fmt: skip


def test_causal_methods_are_for_causal_models(text_model: depcap.Model) -> None:
    assert grid(text_model, "ar,llada", ["none"]) == [("llada", "none")]
    causal = depcap.load("tiny-ar", "cpu")
    assert grid(causal, "ar,llada", ["none", "dual"]) == [("ar", "none")]
    assert grid(causal, "ar", ["dual"]) == [("ar", "causal")]


def test_parameters_go_with_a_methods_name() -> None:
    made = spec("fast-dllm:threshold=0.3:block_size=16")
    assert (made.method, made.params) == ("fast-dllm", {"threshold": "0.3", "block_size": "16"})


@pytest.mark.parametrize(
    ("methods", "tasks", "caches", "said"),
    [
        ("poetry", ["python"], ["none"], "unknown method"),
        ("depcap", ["poetry"], ["none"], "unknown task"),
        ("depcap", ["python"], ["x"], "unknown cache"),
        ("depcap:a=1", ["python"], ["none"], "unknown parameter"),
        ("depcap:a", ["python"], ["none"], "name:key=value"),
        ("ar", ["python"], ["none"], "none of these methods"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_before_anything_runs(
    text_model: depcap.Model, methods: str, tasks: list[str], caches: list[str], said: str
) -> None:
    with pytest.raises(DepcapError, match=said):
        cells([text_model], tasks, specs(methods), caches, 8, "eos")


# What is kept


def test_a_stopped_comparison_goes_on(text_model: depcap.Model, tmp_path: Path) -> None:
    found = cells([text_model], ["python"], specs("fast-dllm,llada"), ["none"], 8, "eos")
    run(found[:1], 3, 2, tmp_path, lambda *_: None)
    done: list[str] = []
    run(found, 3, 2, tmp_path, lambda cell, _done: done.append(cell.spec.label))
    assert done == ["fast-dllm", "llada", "llada"]  # what was there is counted at once
    table = outcomes(found, 3, tmp_path)
    assert list(table.method) == ["fast-dllm"] * 3 + ["llada"] * 3
    assert list(table.problem) == [0, 1, 2] * 2


def test_the_command_writes_tables_and_a_figure(run_cli: Any, text_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    grid = ("--task", "python", "--methods", "llada,fast-dllm", "--cache", "none", "--gen-length", "8")
    where = ("--model", str(text_folder), "--out", str(out))
    code, text, _ = run_cli("compare", *where, *grid, "--limit", "2")
    assert code == 0
    assert "fast-dllm" in text
    assert len(pd.read_parquet(out / "outcomes.parquet")) == 4
    assert len(pd.read_parquet(out / "summary.parquet")) == 2
    assert "`fast-dllm`" in (out / "summary.md").read_text()
    page = next(out.glob("pareto-*.html")).read_text()
    assert '"showSendToCloud": false' in page


def test_the_command_refuses_in_one_line(run_cli: Any, text_folder: Path, tmp_path: Path) -> None:
    code, _, err = run_cli("compare", "--model", str(text_folder), "--methods", "x", "--out", str(tmp_path))
    assert (code, len(err.splitlines())) == (2, 1)


# What the tables say


def made(right: list[bool], nfe: list[int], method: str, cache: str = "none") -> list[dict[str, Any]]:
    return [
        {
            "model": "m", "task": "t", "method": method, "cache": cache, "problem": i,
            "right": r, "nfe": n, "computed": 10 * n, "auxiliary": 0, "filled": 8,
            "response_length": 6, "overlong": False, "seconds": n / 10,
        }
        for i, (r, n) in enumerate(zip(right, nfe, strict=True))
    ]  # fmt: skip


TABLE = pd.DataFrame(
    made([True, True, True, False], [8, 8, 8, 8], "llada")
    + made([True, False, True, False], [2, 2, 2, 2], "fast")
    + made([True, False, False, False], [4, 4, 4, 4], "slow")
)


def test_costs_and_paired_tests_are_by_decoder() -> None:
    found = summary(TABLE, "llada").set_index("method")
    assert list(found.accuracy) == [0.75, 0.5, 0.25]
    assert list(found.difference) == [0.0, -0.25, -0.5]
    assert list(found.nfe_ratio) == [1.0, 4.0, 2.0]
    assert found.loc["fast", ["wins", "losses"]].tolist() == [0, 1]
    assert found.loc["fast", "tokens_per_second"] == pytest.approx(24 / 0.8)


def test_without_the_baseline_nothing_is_compared() -> None:
    assert "p" not in summary(TABLE, "depcap")
    assert "–" in markdown(summary(TABLE, "depcap"))


def test_the_front_is_what_nothing_beats() -> None:
    assert list(front(summary(TABLE, "llada"), "nfe")) == [True, True, False]
    assert list(front(summary(TABLE, "llada"), "tokens_per_second", True)) == [True, True, False]


def test_equal_decoders_are_both_on_the_front() -> None:
    twins = pd.DataFrame(made([True], [2], "a") + made([True], [2], "b"))
    assert list(front(summary(twins, "a"), "nfe")) == [True, True]


def test_the_markdown_marks_the_front() -> None:
    lines = markdown(summary(TABLE, "llada")).splitlines()
    assert any(line.startswith("| **`fast`**") for line in lines)
    assert any(line.startswith("| `slow`") for line in lines)


def test_the_figure_has_a_point_per_decoder_and_a_front_in_every_panel() -> None:
    figure = pareto(summary(TABLE, "llada"))
    roles = [trace.meta["role"] for trace in figure.data]
    assert roles.count("decoder") == 6
    assert roles.count("front") == 2
    assert sum(bool(trace.showlegend) for trace in figure.data) == 3


def test_every_method_has_a_shape_of_its_own() -> None:
    assert len(set(SYMBOLS)) == len(SYMBOLS) >= len(METHODS)


# Statistics


def test_mcnemar_looks_at_discordant_problems_only() -> None:
    found = mcnemar([1, 1, 1, 1, 1, 1, 0, 1], [0, 0, 0, 0, 0, 0, 0, 1])
    assert (found.wins, found.losses, found.p) == (6, 0, pytest.approx(2 / 64))
    assert mcnemar([1, 0], [1, 0]).p == 1.0


def test_a_ratio_of_sums_has_an_interval_of_pairs() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(5, 10, 200)
    found = ratio(base * rng.uniform(1.8, 2.2, 200), base)
    assert found.ci95[0] < 2.0 < found.ci95[1]
    assert found.ci95[1] - found.ci95[0] < 0.1
    assert ratio([4, 8], [2, 4]).ci95 == (2.0, 2.0)


def test_a_ratios_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng, inside = np.random.default_rng(1), 0
    for seed in range(100):
        base = rng.gamma(4.0, size=60)
        found = ratio(base * 1.5 + rng.normal(0, 0.3, 60), base, seed)
        inside += found.ci95[0] <= 1.5 <= found.ci95[1]
    assert inside >= 86


def test_reports_are_json_without_surprises(text_model: depcap.Model, tmp_path: Path) -> None:
    found = cells([text_model], ["python"], specs("depcap"), ["none"], 8, "eos")
    run(found, 1, 1, tmp_path, lambda *_: None)
    header = json.loads((tmp_path / "outcomes" / found[0].file).read_text().splitlines()[0])
    assert header["method"] == "depcap"
    assert header["params"]["gamma"] == -16.0
