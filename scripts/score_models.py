"""Score the bundled models for their cards: outcomes under `docs/models/outcomes`, tables in the cards.

    python -m scripts.score_models            # all: some three hours on two cores; goes on where it stopped
    python -m scripts.score_models tiny-ar

Each cell is what `depcap eval --model M --task T --limit 500 --method X --batch-size 5` says, with `--cache
causal` for a causal model. A diffusion model is decoded one token per step, which is its bar, and carelessly
(every token above a confidence of 0.3), which has to cost accuracy if the tasks are to tell methods apart.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from tqdm import tqdm

import depcap
from depcap.evaluation import LikelihoodReport, Report, evaluate, evaluate_likelihood
from depcap.files import replace_text
from depcap.journal import Journal
from depcap.models.loading import CARDS, Model
from depcap.request import Settings
from depcap.tasks import TASKS
from depcap.tasks.base import LEVELS

CARDS_FOLDER = Path(__file__).parents[1] / "docs" / "models"
OUTCOMES = CARDS_FOLDER / "outcomes"
BUNDLED = tuple(name for name, card in CARDS.items() if card.bundled)
LIMIT, BATCH, GEN_LENGTH = 500, 5, 256
LIKELIHOOD_LIMIT, MASKS = 100, 32
METHODS: dict[bool, dict[str, tuple[str, str, dict[str, Any]]]] = {
    True: {"ar": ("ar", "causal", {})},
    False: {"llada": ("llada", "none", {}), "threshold-0.3": ("fast-dllm", "none", {"threshold": 0.3})},
}
"""Method, cache and parameters by a name for files, for causal models and for diffusion models."""
START, END = "<!-- scores -->", "<!-- end of scores -->"


def cells(model: Model) -> Iterator[tuple[str, str, Settings]]:
    """Task, name and settings of all that a model is scored by."""
    for name, (method, cache, params) in METHODS[model.denoiser.causal].items():
        for task in TASKS:
            yield task, name, Settings(method, cache, GEN_LENGTH, "eos", params=params)


def outcome_file(model: Model, task: str, name: str) -> Path:
    """Where a cell's outcomes are."""
    return OUTCOMES / f"{model.name}-{task}-{name}.jsonl"


def table(model: Model, limit: int = LIMIT) -> str:
    """Scores of every task and level, from outcomes kept or newly made."""
    head = ["task", "method", "all levels (95 %)", *(f"level {level}" for level in LEVELS), "overlong", "NFE"]
    rows = [head, ["---"] * len(head)]
    for task, name, settings in cells(model):
        out = outcome_file(model, task, name)
        with tqdm(total=limit, desc=out.stem) as bar:
            rows.append(row(task, name, evaluate(model, task, limit, settings, BATCH, bar.update, out)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def row(task: str, name: str, report: Report) -> list[str]:
    """One line of the table."""
    low, high = report.ci95
    whole = f"**{report.accuracy:.1%}** ({low:.1%} to {high:.1%})"
    levels = [
        "{:.0%} ({:.0%} to {:.0%})".format(report.levels[level].accuracy, *report.levels[level].ci95)
        for level in LEVELS
    ]
    return [task, f"`{name}`", whole, *levels, f"{report.overlong:.1%}", f"{report.nfe_mean:.1f}"]


def likelihoods(model: Model) -> str:
    """The likelihood of every task's references, kept or newly measured, as a table."""
    rows = ["| task | nats per token (95 %) |", "| --- | --- |"]
    for task in TASKS:
        log = likelihood_journal(model, task)
        if not log.entries:
            log.add([evaluate_likelihood(model, task, LIKELIHOOD_LIMIT, MASKS)])
        rows.append(likelihood_row(task, log.entries[0]))
    return "\n".join(rows)


def likelihood_journal(model: Model, task: str) -> Journal[LikelihoodReport]:
    """Where a task's likelihood is: one entry, or none yet."""
    header = {"model": model.name, "weights": model.weights, "task": task, "version": TASKS[task].version}
    kept = OUTCOMES / f"{model.name}-{task}-nll.jsonl"
    return Journal(LikelihoodReport, kept, header | {"limit": LIKELIHOOD_LIMIT, "masks": MASKS})


def likelihood_row(task: str, found: LikelihoodReport) -> str:
    """One line of the likelihoods' table."""
    assert found.ci95 is not None
    low, high = found.ci95
    return f"| {task} | {found.nats_per_token:.4f} ({low:.4f} to {high:.4f}) |"


def main(
    names: Annotated[list[str] | None, typer.Argument(help="models; all if none is named")] = None,
) -> None:
    """Score models and write what was found into their cards."""
    for name in names or BUNDLED:
        model = depcap.load(name, "cpu")
        card = CARDS_FOLDER / f"{name}.md"
        before, rest = card.read_text().split(START)
        after = rest.split(END)[1]
        found = "\n\n".join((START, table(model), likelihoods(model), END))
        replace_text(card, before + found + after)


if __name__ == "__main__":
    typer.run(main)
