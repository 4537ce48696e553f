"""`evaluate` and `evaluate_likelihood`: what is counted, and what is refused."""

import json
import math
from pathlib import Path

import pytest

import depcap
from depcap import DepcapError
from depcap.evaluation import evaluate, evaluate_likelihood
from depcap.request import Settings

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


@pytest.mark.parametrize("content", ["", "nonsense\n", '{"a": 1}\n[]\n'], ids=["empty", "text", "rows"])
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
