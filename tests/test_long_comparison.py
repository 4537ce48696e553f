"""Comparisons that take hours: rounds, going on, the time that is left, several processes, warm-up."""

import re
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from tiny import write_text_checkpoint

import depcap
from analysis import comparison, progress
from analysis.comparison import Cell, cells, kept, outcomes, rounds, run
from analysis.progress import Progress, Tally, remaining
from analysis.spec import specs
from depcap import DepcapError, machine
from depcap.evaluation import Outcome, evaluate
from depcap.files import replace, replace_text

GRID = ("--task", "python", "--methods", "llada,fast-dllm", "--cache", "none", "--gen-length", "8")


def grid(*models: depcap.Model) -> list[Cell]:
    return cells(list(models), ["python"], specs("fast-dllm,llada"), ["none"], 8, "eos")


def silent(_cell: Cell, _done: int) -> None:
    pass


def untimed(outcome: Outcome) -> dict[str, Any]:
    return {key: value for key, value in asdict(outcome).items() if key != "seconds"}


# Rounds


@pytest.mark.parametrize(
    ("limit", "batch_size", "goals"),
    [(300, 20, [20, 60, 140, 300]), (200, 20, [20, 60, 140, 200]), (7, 20, [7]), (20, 20, [20])],
)
def test_rounds_grow_by_whole_batches(limit: int, batch_size: int, goals: list[int]) -> None:
    assert list(rounds(limit, batch_size)) == goals


def test_rounds_and_stops_leave_outcomes_as_they_are(text_model: depcap.Model, tmp_path: Path) -> None:
    found = grid(text_model)
    for goal in (3, *rounds(7, 2)):  # a call that stopped within a batch, then one that goes further
        run(found, goal, 2, tmp_path, silent)
    for cell in found:
        whole = tmp_path / "whole" / cell.file
        evaluate(text_model, cell.task, 7, cell.settings, 2, out=whole)
        there = kept([cell], 2, tmp_path)[cell.file]
        straight = comparison.Journal(Outcome, whole).entries
        assert [untimed(outcome) for outcome in there] == [untimed(outcome) for outcome in straight]


def test_what_a_stopped_comparison_has_covers_all_methods(
    run_cli: Any, text_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def stopping(*arguments: Any) -> Any:
        asked.append(arguments[2])
        if len(asked) == 4:
            raise KeyboardInterrupt
        return evaluate(*arguments)

    monkeypatch.setattr(comparison, "evaluate", stopping)
    call = ("compare", *GRID, "--model", str(text_folder), "--batch-size", "1", "--out", str(tmp_path))
    assert run_cli(*call, "--limit", "4")[0] == 130
    assert asked == [1, 1, 2, 2]
    assert dict(pd.read_parquet(tmp_path / "summary.parquet")[["method", "n"]].to_numpy()) == {
        "llada": 1, "fast-dllm": 1,
    }  # fmt: skip
    assert run_cli(*call, "--limit", "4")[0] == 0
    assert list(pd.read_parquet(tmp_path / "summary.parquet").n) == [4, 4]


def test_outcomes_of_another_batch_size_are_refused_before_anything_runs(
    text_model: depcap.Model, tmp_path: Path
) -> None:
    found = grid(text_model)
    run(found[1:], 1, 1, tmp_path, silent)
    with pytest.raises(DepcapError, match="batch_size 1, not 2"):
        run(found, 2, 2, tmp_path, silent)
    assert not (tmp_path / "outcomes" / found[0].file).exists()


def test_decoders_take_turns(text_model: depcap.Model, tmp_path: Path) -> None:
    """So that none is timed at another hour than the others; one that is behind catches up first."""
    found = grid(text_model)
    run(found[1:], 2, 2, tmp_path, silent)
    turns: list[tuple[str, int]] = []
    run(found, 5, 2, tmp_path, lambda cell, done: turns.append((cell.spec.label, done)))
    decoded = list(dict.fromkeys(turns))
    assert [done for name, done in decoded if name == "fast-dllm"] == [2, 4, 5]
    assert decoded.index(("fast-dllm", 4)) < decoded.index(("llada", 4)) < decoded.index(("fast-dllm", 5))


def test_machines_that_have_decoded_are_told(
    run_cli: Any, text_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ("compare", *GRID, "--model", str(text_folder), "--out", str(tmp_path))
    for number, limit in enumerate(("1", "2", "2")):
        monkeypatch.setattr(machine, "_cpu", lambda number=number: f"processor {number}")
        assert run_cli(*call, "--limit", limit)[0] == 0
    said = (tmp_path / "summary.md").read_text()
    assert re.search(r"- decoded on: processor 0 .+ and on processor 1 ", said)
    assert "processor 2" not in said  # it only wrote the tables


# The time that is left


def test_what_is_left_is_reckoned_at_each_cells_own_pace() -> None:
    assert remaining([Tally(2, 20.0), Tally(4, 4.0)], 10) == 8 * 10 + 6 * 1
    assert remaining([Tally(2, 20.0), Tally(2, 4.0), Tally(0, 0.0)], 2) == 2 * 6


def test_what_was_there_is_done_but_is_not_speed(
    text_model: depcap.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, clock = grid(text_model), iter(range(0, 1000, 10))
    run(found[:1], 2, 2, tmp_path, silent)
    monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    there = kept(found, 2, tmp_path)
    bar = Progress(there, 4)
    assert (bar.bar.total, bar.bar.initial, bar.bar.n) == (8, 2, 2)
    before = sum(outcome.seconds for outcome in there[found[0].file])
    run(found, 4, 2, tmp_path, bar)
    bar.close()
    assert bar.bar.n == 8
    first, second = (bar.tallies[cell.file] for cell in found)
    assert (first.done, first.seconds) == (4, before + 10)  # the two that were there are not heard as work
    assert (second.done, second.seconds) == (4, 20)
    assert "00:00 left" in str(bar.bar.postfix)


# Several processes


def test_models_can_be_decoded_apart_and_written_together(
    run_cli: Any, text_folder: Path, tmp_path: Path
) -> None:
    folders = [text_folder, write_text_checkpoint(tmp_path / "second")]
    models, out = [depcap.load(str(folder), "cpu", "float32") for folder in folders], tmp_path / "results"
    for model in models:
        assert run(grid(model), 2, 20, out, silent)
    assert not run(grid(*models), 2, 20, out, silent)
    names = ",".join(map(str, folders))
    code, *_ = run_cli("compare", *GRID, "--model", names, "--out", str(out), "--limit", "2")
    assert code == 0
    assert set(pd.read_parquet(out / "summary.parquet").model) == set(names.split(","))
    written = pd.read_parquet(out / "outcomes.parquet")
    there = outcomes(grid(*models), 2, out)
    assert sorted(written.seconds) == sorted(there.seconds)


def test_two_processes_can_write_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "summary.md"

    def slow(temporary: Path) -> None:
        temporary.write_text("first")
        with monkeypatch.context() as other:
            other.setattr("os.getpid", lambda: -1)
            replace_text(path, "second")
        assert path.read_text() == "second"

    replace(path, slow)
    assert path.read_text() == "first"
    assert [file.name for file in tmp_path.iterdir()] == ["summary.md"]


# Time


@pytest.mark.parametrize("causal", [False, True])
def test_a_model_with_work_to_do_warms_up_once(
    text_model: depcap.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, causal: bool
) -> None:
    model = depcap.load("tiny-ar", "cpu") if causal else text_model
    found = cells([model], ["python"], specs("ar" if causal else "fast-dllm,llada"), ["none"], 8, "eos")
    seen: list[str] = []

    def started(*arguments: Any) -> Any:
        seen.append("warm-up")
        return start(*arguments)

    start = comparison.start
    monkeypatch.setattr(comparison, "start", started)
    run(found, 1, 1, tmp_path, lambda *_: seen.append("decoded"))
    run(found, 1, 1, tmp_path, silent)
    assert seen == ["warm-up"] + ["decoded"] * len(found)
