"""The model cards say what the shipped weights do, and the weights do what was promised of them."""

import pytest

import depcap
from depcap.evaluation import Outcome, evaluate, evaluation_header, report
from depcap.journal import Journal
from depcap.models import loading
from depcap.tasks import TASKS
from scripts.score_models import (
    BATCH,
    BUNDLED,
    CARDS_FOLDER,
    LIMIT,
    cells,
    likelihood_journal,
    likelihood_row,
    outcome_file,
    row,
)

BAR, LEAST_LOSS, MOST_OVERLONG, MOST_BYTES = 0.90, 0.05, 0.01, 10_000_000


@pytest.fixture(scope="module", params=BUNDLED)
def model(request: pytest.FixtureRequest) -> depcap.Model:
    return depcap.load(request.param, "cpu")


@pytest.fixture(scope="module")
def outcomes(model: depcap.Model) -> dict[tuple[str, str], list[Outcome]]:
    """Of every cell; a file made with other weights, settings or problems is refused."""
    return {
        (task, name): Journal(
            Outcome, outcome_file(model, task, name), evaluation_header(model, TASKS[task], settings, BATCH)
        ).entries
        for task, name, settings in cells(model)
    }


def test_the_card_holds_every_number(
    model: depcap.Model, outcomes: dict[tuple[str, str], list[Outcome]]
) -> None:
    card = (CARDS_FOLDER / f"{model.name}.md").read_text()
    assert "@@" not in card
    for (task, name), found in outcomes.items():
        assert [outcome.problem for outcome in found] == list(range(LIMIT))
        assert f"| {' | '.join(row(task, name, report(TASKS[task], found, BATCH)))} |" in card
    for task in TASKS:
        assert likelihood_row(task, *likelihood_journal(model, task).entries) in card


def test_decoding_again_gives_the_same(
    model: depcap.Model, outcomes: dict[tuple[str, str], list[Outcome]]
) -> None:
    for task, name, settings in cells(model):
        found, known = evaluate(model, task, 2, settings, BATCH), outcomes[task, name][:2]
        again = report(TASKS[task], known, BATCH)
        assert (found.accuracy, found.nfe_mean, found.mean_response_tokens) == (
            again.accuracy, again.nfe_mean, again.mean_response_tokens,
        )  # fmt: skip


def test_the_bars_are_met(model: depcap.Model, outcomes: dict[tuple[str, str], list[Outcome]]) -> None:
    usual = "ar" if model.denoiser.causal else "llada"
    for (task, name), found in outcomes.items():
        if name == usual:
            whole = report(TASKS[task], found, BATCH)
            assert whole.accuracy >= BAR, task
            assert whole.overlong < MOST_OVERLONG, task


def test_careless_decoding_costs_accuracy(
    model: depcap.Model, outcomes: dict[tuple[str, str], list[Outcome]]
) -> None:
    if not model.denoiser.causal:
        accuracy = {cell: report(TASKS[cell[0]], found, BATCH).accuracy for cell, found in outcomes.items()}
        losses = [accuracy[task, "llada"] - accuracy[task, "threshold-0.3"] for task in TASKS]
        assert max(losses) >= LEAST_LOSS


@pytest.mark.parametrize("name", BUNDLED)
def test_a_checkpoint_is_small(name: str) -> None:
    weights = loading.BUNDLED / name / "model.safetensors"
    assert weights.stat().st_size < MOST_BYTES
