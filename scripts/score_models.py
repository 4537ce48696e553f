"""Score the bundled models: outcomes under `docs/models/outcomes`, tables in the cards and the README.

    python -m scripts.score_models            # all: some three hours on two cores; goes on where it stopped
    python -m scripts.score_models tiny-ar

Each row is what `depcap eval --model M --task T --limit N --method X --batch-size 5` says, with `--cache
causal` for a causal model. A diffusion model is decoded one token per step in blocks of 8, its bar, and in
blocks of 32, the default, to show what the order costs; by DepCap with the published parameters and with
those that the page starts from; and with every token above a confidence of 0.9, and carelessly of 0.3, in
blocks of 32, which has to cost accuracy if the tasks are to tell methods apart. A row says how many problems
it has so far; a card says whether its model meets the bar once it has all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from tqdm import tqdm

import depcap
from app.presets import SUITED
from depcap.evaluation import (
    LikelihoodReport,
    Outcome,
    Report,
    evaluate,
    evaluate_likelihood,
    kept_outcomes,
    report,
)
from depcap.files import replace_text
from depcap.journal import Journal
from depcap.models.loading import CARDS, Model
from depcap.request import Settings
from depcap.tasks import TASKS
from depcap.tasks.base import LEVELS

REPOSITORY = Path(__file__).parents[1]
README, CARDS_FOLDER = REPOSITORY / "README.md", REPOSITORY / "docs" / "models"
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
CARELESS = Way("threshold-0.3", "fast-dllm", params={"threshold": 0.3}, limit=100)
FURTHER = (
    Way("depcap", "depcap", limit=100),
    Way("depcap-suited", "depcap", params=SUITED["depcap"], limit=100),
    Way("threshold-0.9", "fast-dllm", params={"threshold": 0.9}, limit=100),
    CARELESS,
    Way("llada-32", "llada", limit=100),
)
DECISIVE = (GREEDY, ONE_BY_ONE)
"""What the bar is on, and the README tells."""
WAYS = {True: (GREEDY,), False: (ONE_BY_ONE, *FURTHER)}
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
    kept = kept_outcomes(model, task, way.settings, BATCH, outcome_file(model, task, way))
    return kept[: way.limit]


def score(model: Model) -> None:
    """Decode what is not decoded yet."""
    for task, way in cells(model):
        out = outcome_file(model, task, way)
        with tqdm(total=way.limit, desc=out.stem) as bar:
            evaluate(model, task, way.limit, way.settings, BATCH, bar.update, out)
    for task in TASKS:
        log = likelihood_journal(model, task)
        if not log.entries:
            log.add([evaluate_likelihood(model, task, LIKELIHOOD_LIMIT, MASKS)])


def reports(model: Model) -> list[tuple[Way, Report]]:
    """What the cells say so far; those without outcomes are left out."""
    found = [(task, way, outcomes(model, task, way)) for task, way in cells(model)]
    return [(way, report(TASKS[task], kept, BATCH)) for task, way, kept in found if kept]


def table(found: list[tuple[Way, Report]]) -> str:
    """Scores of every task and level."""
    levels = [f"level {level}" for level in LEVELS]
    head = ["task", "method", "problems", "all levels (95 %)", *levels, "overlong", "NFE"]
    rows = [head, ["---"] * len(head), *(row(way, scored) for way, scored in found)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def bars(found: list[tuple[Way, Report]]) -> str:
    """Whether the bar of every task is met."""
    said = [
        f"{verdict(way, scored)} on {scored.task} ({scored.accuracy:.1%} of {scored.n})"
        for way, scored in found
        if way in DECISIVE
    ]
    return f"The bar (at least {BAR:.0%}, less than {MOST_OVERLONG:.0%} overlong): {', '.join(said)}."


def verdict(way: Way, scored: Report) -> str:
    """Whether a model is good enough to be worth decoding; fewer problems than asked for say nothing."""
    if scored.n < way.limit:
        return "undecided"
    return "met" if scored.accuracy >= BAR and scored.overlong < MOST_OVERLONG else "**not met**"


def row(way: Way, scored: Report) -> list[str]:
    """One line of the table."""
    low, high = scored.ci95
    whole = f"**{scored.accuracy:.1%}** ({low:.1%} to {high:.1%})"
    levels = [
        "{:.0%} ({:.0%} to {:.0%})".format(scored.levels[level].accuracy, *scored.levels[level].ci95)
        for level in LEVELS
    ]
    measured = [f"{scored.overlong:.1%}", f"{scored.nfe_mean:.1f}"]
    return [scored.task, f"`{way.name}`", str(scored.n), whole, *levels, *measured]


def summary() -> str:
    """Every model one token at a time, by task: the README's table."""
    rows = ["| model | " + " | ".join(TASKS) + " |", "| --- " * (1 + len(TASKS)) + "|"]
    for name in BUNDLED:
        found = [scored for way, scored in reports(depcap.load(name, "cpu")) if way in DECISIVE]
        said = ["{:.1%} ({:.1%} to {:.1%}) of {}".format(s.accuracy, *s.ci95, s.n) for s in found]
        rows.append(f"| `{name}` | {' | '.join(said)} |")
    return "\n".join(rows)


def likelihoods(model: Model) -> str:
    """The likelihood of every task's references so far, as a table."""
    rows = ["| task | nats per token (95 %) |", "| --- | --- |"]
    found = (
        (task, likelihood_journal(model, task)) for task in TASKS if likelihood_file(model, task).exists()
    )
    rows += [likelihood_row(task, entry) for task, log in found for entry in log.entries]
    return "\n".join(rows)


def likelihood_file(model: Model, task: str) -> Path:
    """Where a task's likelihood is."""
    return OUTCOMES / f"{model.name}-{task}-nll.jsonl"


def likelihood_journal(model: Model, task: str) -> Journal[LikelihoodReport]:
    """A task's likelihood: one entry, or none yet."""
    header = {"model": model.name, "weights": model.weights, "task": task, "version": TASKS[task].version}
    sizes = {"limit": LIKELIHOOD_LIMIT, "masks": MASKS}
    return Journal(LikelihoodReport, likelihood_file(model, task), header | sizes)


def likelihood_row(task: str, found: LikelihoodReport) -> str:
    """One line of the likelihoods' table."""
    assert found.ci95 is not None
    low, high = found.ci95
    return f"| {task} | {found.nats_per_token:.4f} ({low:.4f} to {high:.4f}) |"


def fill(page: Path, *parts: str) -> None:
    """Put parts between a page's markers, in place of what was there."""
    before, rest = page.read_text().split(START)
    replace_text(page, before + "\n\n".join((START, *parts, END)) + rest.split(END)[1])


def main(
    names: Annotated[list[str] | None, typer.Argument(help="models; all if none is named")] = None,
    so_far: Annotated[bool, typer.Option("--so-far", help="only write down what is decoded already")] = False,
) -> None:
    """Score models and write what was found into their cards and the README."""
    for name in names or BUNDLED:
        model = depcap.load(name, "cpu")
        if not so_far:
            score(model)
        scores = reports(model)
        fill(CARDS_FOLDER / f"{name}.md", table(scores), bars(scores), likelihoods(model))
    fill(README, summary())


if __name__ == "__main__":
    typer.run(main)
