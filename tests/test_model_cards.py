"""The model cards say what the shipped weights do."""

from dataclasses import replace

import pytest

import depcap
from depcap.evaluation import Report, evaluate
from depcap.models import loading
from depcap.tasks import TASKS
from scripts import score_models
from scripts.score_models import BATCH, BUNDLED, CARDS_FOLDER, CARELESS, GREEDY, LIMIT, ONE_BY_ONE, Way

LEAST_LOSS, MOST_BYTES = 0.05, 10_000_000
Scores = list[tuple[Way, Report]]


@pytest.fixture(scope="module", params=BUNDLED)
def model(request: pytest.FixtureRequest) -> depcap.Model:
    return depcap.load(request.param, "cpu")


@pytest.fixture(scope="module")
def scores(model: depcap.Model) -> Scores:
    return score_models.reports(model)


def test_the_card_holds_every_number(model: depcap.Model, scores: Scores) -> None:
    card = (CARDS_FOLDER / f"{model.name}.md").read_text()
    assert "@@" not in card
    assert score_models.table(scores) in card
    assert score_models.bars(scores) in card
    assert score_models.likelihoods(model) in card


def test_the_readme_holds_a_summary() -> None:
    assert score_models.summary() in score_models.README.read_text()


def test_every_task_is_scored(model: depcap.Model, scores: Scores) -> None:
    ways = score_models.WAYS[model.denoiser.causal]
    assert {(report.task, way) for way, report in scores} == {(task, way) for task in TASKS for way in ways}
    assert all(score_models.likelihood_file(model, task).exists() for task in TASKS)


def test_the_bar_is_met_on_every_task(scores: Scores) -> None:
    decisive = [report for way, report in scores if way in score_models.DECISIVE]
    assert [report.task for report in decisive] == list(TASKS)
    for report in decisive:
        assert report.n == LIMIT
        assert report.accuracy >= score_models.BAR
        assert report.overlong < score_models.MOST_OVERLONG


def test_decoding_again_gives_the_same(model: depcap.Model) -> None:
    for task, way in score_models.cells(model):
        for outcome in score_models.outcomes(model, task, way)[:1]:
            again = evaluate(model, task, 1, way.settings, BATCH)
            assert (again.accuracy, again.nfe_mean, again.mean_response_tokens) == (
                outcome.right, outcome.nfe, outcome.response_length,
            )  # fmt: skip


def test_careless_decoding_costs_accuracy(model: depcap.Model, scores: Scores) -> None:
    if not model.denoiser.causal:
        accuracy = {(report.task, way): report.accuracy for way, report in scores}
        assert max(accuracy[task, ONE_BY_ONE] - accuracy[task, CARELESS] for task in TASKS) >= LEAST_LOSS


@pytest.mark.parametrize(
    ("accuracy", "overlong", "problems", "said"),
    [
        (0.9, 0.0, LIMIT, "met on"),
        (0.898, 0.0, LIMIT, "**not met** on"),
        (0.95, 0.01, LIMIT, "**not met** on"),
        (0.95, 0.0, LIMIT - 1, "undecided on"),
    ],
)
def test_a_card_says_whether_its_model_meets_the_bar(
    scores: Scores, accuracy: float, overlong: float, problems: int, said: str
) -> None:
    way, report = next((way, report) for way, report in scores if way in (GREEDY, ONE_BY_ONE))
    found = score_models.bars([(way, replace(report, accuracy=accuracy, overlong=overlong, n=problems))])
    assert f": {said} " in found


@pytest.mark.parametrize("name", BUNDLED)
def test_a_checkpoint_is_small(name: str) -> None:
    weights = loading.BUNDLED / name / "model.safetensors"
    assert weights.stat().st_size < MOST_BYTES
