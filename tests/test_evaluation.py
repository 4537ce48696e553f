"""`evaluate` and `evaluate_likelihood`: what is counted, and what is refused."""

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import depcap
from depcap import DepcapError
from depcap.evaluation import Outcome, evaluate, evaluate_likelihood
from depcap.generation import Decoding, start
from depcap.journal import Journal
from depcap.request import Settings
from depcap.result import Result

SETTINGS = Settings("fast-dllm", gen_length=8)


def test_a_report_counts_every_problem_once(text_model: depcap.Model) -> None:
    done: list[int] = []
    report = evaluate(text_model, "arithmetic", 5, SETTINGS, batch_size=2, progress=done.append)
    assert (report.n, done) == (5, [2, 2, 1])
    assert report.accuracy == 0.0
    assert report.ci95[0] == pytest.approx(0.0, abs=1e-9)
    assert 0.4 < report.ci95[1] < 0.5  # Wilson: 0 of 5
    assert 1 <= report.nfe_mean <= 8
    assert 0 <= report.overlong <= 1


def test_the_batch_size_changes_nothing_but_the_time(text_model: depcap.Model) -> None:
    one, many = (evaluate(text_model, "arithmetic", 4, SETTINGS, size) for size in (1, 4))
    assert (one.accuracy, one.nfe_mean, one.mean_response_tokens) == (
        many.accuracy, many.nfe_mean, many.mean_response_tokens,
    )  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [Settings("llada", "none", 8, params={"order": "random"}), Settings("llada", "none", 8, temperature=1.0)],
    ids=["order", "tokens"],
)
def test_what_a_problem_draws_hangs_on_its_number_alone(
    text_model: depcap.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    decoded: list[Result] = []

    def kept(*given: Any) -> Decoding:
        decoding = start(*given)
        decoded.extend(decoding.run())
        return decoding

    monkeypatch.setattr("depcap.evaluation.start", kept)

    def drawn(name: str, *runs: tuple[int, int]) -> list[tuple[list[int], list[int]]]:
        """What every problem drew, in runs up to a limit at a batch size."""
        decoded.clear()
        for limit, size in runs:
            evaluate(text_model, "python", limit, settings, size, out=tmp_path / name)
        return [(result.tokens, result.unmask_step) for result in decoded]

    in_pairs = drawn("in pairs", (6, 2))
    assert drawn("at once", (6, 6)) == in_pairs
    assert drawn("stopped", (3, 2), (6, 2)) == in_pairs


def test_what_was_cut_short_without_an_end_token_is_overlong(
    text_model: depcap.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, ended = (Result([1], tokens, "", 1, 9, 0, 0, 3, [3], [1, 1, 1], 0.1, n) for tokens, n in (
        ([5, 6, 7], 3), ([5, 6, 0], 2),
    ))  # fmt: skip
    monkeypatch.setattr("depcap.evaluation.start", lambda *_: SimpleNamespace(run=lambda: [cut, ended]))
    assert evaluate(text_model, "python", 2, SETTINGS).overlong == 0.5


def test_a_stopped_evaluation_goes_on_where_it_was(text_model: depcap.Model, tmp_path: Path) -> None:
    whole = evaluate(text_model, "python", 4, SETTINGS, 2)
    out = tmp_path / "some" / "log.jsonl"
    evaluate(text_model, "python", 2, SETTINGS, 2, out=out)
    with out.open("a") as file:
        file.write('{"problem": 2, "rig')  # stopped while it was writing
    done: list[int] = []
    resumed = evaluate(text_model, "python", 4, SETTINGS, 2, done.append, out)
    assert done == [2, 2]
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["problem"] for line in lines[1:]] == [0, 1, 2, 3]
    assert (resumed.accuracy, resumed.nfe_mean, resumed.computed_mean) == (
        whole.accuracy, whole.nfe_mean, whole.computed_mean,
    )  # fmt: skip


def test_a_log_has_room_for_more_problems_than_are_asked_for(
    text_model: depcap.Model, tmp_path: Path
) -> None:
    out = tmp_path / "log.jsonl"
    evaluate(text_model, "python", 3, SETTINGS, 2, out=out)
    assert evaluate(text_model, "python", 2, SETTINGS, 2, out=out).n == 2


@pytest.mark.parametrize(
    ("task", "params"), [("arithmetic", {}), ("python", {"threshold": 0.5})], ids=["task", "params"]
)
def test_a_log_of_another_evaluation_is_refused(
    text_model: depcap.Model, tmp_path: Path, task: str, params: dict[str, float]
) -> None:
    out = tmp_path / "log.jsonl"
    evaluate(text_model, "python", 1, SETTINGS, out=out)
    before = out.read_text()
    with pytest.raises(DepcapError, match="another run"):
        evaluate(text_model, task, 1, Settings("fast-dllm", gen_length=8, params=params), out=out)
    assert out.read_text() == before


def test_a_log_of_another_batch_size_is_refused_for_its_times(
    text_model: depcap.Model, tmp_path: Path
) -> None:
    evaluate(text_model, "python", 1, SETTINGS, 2, out=tmp_path / "log.jsonl")
    with pytest.raises(DepcapError, match=r"another run \(batch_size 2, not 3\)"):
        evaluate(text_model, "python", 1, SETTINGS, 3, out=tmp_path / "log.jsonl")
    assert '"device": "cpu"' in (tmp_path / "log.jsonl").read_text().splitlines()[0]


def test_a_log_that_two_runs_wrote_to_is_refused(text_model: depcap.Model, tmp_path: Path) -> None:
    """Each of them would have counted the other's problems as further ones."""
    out = tmp_path / "log.jsonl"
    evaluate(text_model, "python", 2, SETTINGS, 2, out=out)
    header, *lines = out.read_text().splitlines(keepends=True)
    out.write_text(header + "".join(lines + lines))
    for limit in (2, 6):
        with pytest.raises(DepcapError, match="two runs wrote to it"):
            evaluate(text_model, "python", limit, SETTINGS, 2, out=out)


def test_batches_begin_at_multiples_of_their_size(text_model: depcap.Model, tmp_path: Path) -> None:
    done: list[int] = []
    for limit in (3, 7):
        evaluate(text_model, "python", limit, SETTINGS, 2, done.append, tmp_path / "log.jsonl")
    assert done == [2, 1, 3, 1, 2, 1]  # the three that were there are counted at once
    entries = Journal(Outcome, tmp_path / "log.jsonl").entries
    assert [entry.batch for entry in entries] == [0, 0, 1, 1, 2, 2, 3]


@pytest.mark.parametrize(
    "content", ["", "nonsense\n", '{"a": 1}\n[]\n', "[1]\n"], ids=["empty", "text", "rows", "list"]
)
def test_a_file_that_is_no_log_is_refused_and_kept(
    text_model: depcap.Model, tmp_path: Path, content: str
) -> None:
    out = tmp_path / "log.jsonl"
    out.write_text(content)
    with pytest.raises(DepcapError, match="no journal of Outcomes"):
        evaluate(text_model, "python", 1, SETTINGS, out=out)
    assert out.read_text() == content


def test_no_cache_computes_every_position_in_every_forward(text_model: depcap.Model) -> None:
    result = depcap.generate(text_model, "What is 1+1?", "llada", gen_length=8, stop="run_to_end")[0]
    assert result.computed == 8 * (len(result.prompt_ids) + 8)


def test_a_random_model_is_about_as_surprised_as_its_vocabulary_is_large(text_model: depcap.Model) -> None:
    report = evaluate_likelihood(text_model, "arithmetic", 3, masks=4)
    assert report.nats_per_token > 0.5 * math.log(640)
    assert (report.n, report.masks) == (3, 4)


@pytest.mark.parametrize(
    ("task", "limit", "batch"), [("poetry", 1, 1), ("python", 0, 1), ("python", 1_001, 1), ("python", 1, 0)]
)
def test_what_cannot_be_evaluated_is_refused(
    text_model: depcap.Model, task: str, limit: int, batch: int
) -> None:
    with pytest.raises(DepcapError):
        evaluate(text_model, task, limit, SETTINGS, batch)
