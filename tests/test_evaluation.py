"""`evaluate` and `evaluate_likelihood`: what is counted, and what is refused."""

import math

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


def test_a_random_model_is_about_as_surprised_as_its_vocabulary_is_large(text_model: depcap.Model) -> None:
    report = evaluate_likelihood(text_model, "arithmetic", 3, masks=4)
    assert report.nats_per_token > 0.5 * math.log(600)
    assert (report.n, report.masks) == (3, 4)


@pytest.mark.parametrize(("task", "limit", "batch"), [("poetry", 1, 1), ("python", 0, 1), ("python", 1, 0)])
def test_what_cannot_be_evaluated_is_refused(
    text_model: depcap.Model, task: str, limit: int, batch: int
) -> None:
    with pytest.raises(DepcapError):
        evaluate(text_model, task, limit, SETTINGS, batch)
