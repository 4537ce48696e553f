"""Score the bundled models for their cards: outcomes under `docs/models/outcomes`, tables in the cards.

    python -m scripts.score_models            # all: some three hours on two cores; goes on where it stopped
    python -m scripts.score_models tiny-ar

Each row is what `depcap eval --model M --task T --limit N --method X --batch-size 5` says, with `--cache
causal` for a causal model. A diffusion model is decoded one token per step in blocks of 8, its bar, and in
blocks of 32, the default, to show what the order costs; and carelessly (every token above a confidence of
0.3), which has to cost accuracy if the tasks are to tell methods apart. A row says how many problems it has
so far; a card says whether its model meets the bar.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from tqdm import tqdm

import depcap
from depcap.evaluation import (
    LikelihoodReport,
    Outcome,
    Report,
    evaluate,
    evaluate_likelihood,
    evaluation_header,
    report,
)
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
BAR, MOST_OVERLONG = 0.90, 0.01
START, END = "<!-- scores -->", "<!-- end of scores -->"


@dataclass(frozen=True, eq=False)
class Way:
    """A way to decode that models are scored by, by its name in tables; it gets `limit` problems."""

    name: str
    method: str
    cache: str = "none"
    params: dict[str, Any] = field(default_factory=dict)
    limit: int = LIMIT

    @property
    def settings(self) -> Settings:
        """As a decode asks for it."""
        return Settings(self.method, self.cache, GEN_LENGTH, "eos", params=self.params)


GREEDY = Way("ar", "ar", "causal")
ONE_BY_ONE = Way("llada-8", "llada", params={"block_size": 8})
CARELESS = Way("threshold-0.3", "fast-dllm", params={"threshold": 0.3})
WAYS = {True: (GREEDY,), False: (ONE_BY_ONE, Way("llada-32", "llada", limit=100), CARELESS)}
"""For causal models, and for diffusion models."""


def cells(model: Model) -> Iterator[tuple[str, Way]]:
    """Every task with everything that a model is scored by."""
    for way in WAYS[model.denoiser.causal]:
        for task in TASKS:
            yield task, way


def outcome_file(model: Model, task: str, way: Way) -> Path:
    """Where a cell's outcomes are."""
    return OUTCOMES / f"{model.name}-{task}-{way.name}.jsonl"


def outcomes(model: Model, task: str, way: Way) -> list[Outcome]:
    """What a cell has so far; a file made with other weights, settings or problems is refused."""
    header = evaluation_header(model, TASKS[task], way.settings, BATCH)
    return Journal(Outcome, outcome_file(model, task, way), header).entries


def score(model: Model) -> None:
    """Decode what is not decoded yet."""
    for task, way in cells(model):
        out = outcome_file(model, task, way)
        with tqdm(total=way.limit, desc=out.stem) as bar:
            evaluate(model, task, way.limit, way.settings, BATCH, bar.update, out)


def reports(model: Model) -> list[tuple[Way, Report]]:
    """What the cells say so far; those without outcomes are left out."""
    found = [(task, way, outcomes(model, task, way)) for task, way in cells(model)]
    return [(way, report(TASKS[task], kept, BATCH)) for task, way, kept in found if kept]


def table(found: list[tuple[Way, Report]]) -> str:
    """Scores of every task and level."""
    levels = [f"level {level}" for level in LEVELS]
    head = ["task", "method", "problems", "all levels (95 %)", *levels, "overlong", "NFE"]
    rows = [row(way, report) for way, report in found]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def bars(found: list[tuple[Way, Report]]) -> str:
    """Whether the bar of every task is met."""
    said = [
        f"{'met' if passes(report) else '**not met**'} on {report.task} ({report.accuracy:.1%} of {report.n})"
        for way, report in found
        if way in (GREEDY, ONE_BY_ONE)
    ]
    return f"The bar (at least {BAR:.0%}, less than {MOST_OVERLONG:.0%} overlong): {', '.join(said)}."


def passes(report: Report) -> bool:
    """Good enough to be worth decoding."""
    return report.accuracy >= BAR and report.overlong < MOST_OVERLONG


def row(way: Way, report: Report) -> list[str]:
    """One line of the table."""
    low, high = report.ci95
    whole = f"**{report.accuracy:.1%}** ({low:.1%} to {high:.1%})"
    levels = [
        "{:.0%} ({:.0%} to {:.0%})".format(report.levels[level].accuracy, *report.levels[level].ci95)
        for level in LEVELS
    ]
    measured = [f"{report.overlong:.1%}", f"{report.nfe_mean:.1f}"]
    return [report.task, f"`{way.name}`", str(report.n), whole, *levels, *measured]


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
    so_far: Annotated[bool, typer.Option("--so-far", help="only write down what is decoded already")] = False,
) -> None:
    """Score models and write what was found into their cards."""
    for name in names or BUNDLED:
        model = depcap.load(name, "cpu")
        if not so_far:
            score(model)
        card = CARDS_FOLDER / f"{name}.md"
        before, rest = card.read_text().split(START)
        after = rest.split(END)[1]
        scores = reports(model)
        found = "\n\n".join((START, table(scores), bars(scores), likelihoods(model), END))
        replace_text(card, before + found + after)


if __name__ == "__main__":
    typer.run(main)
