"""Score a model on a task's held-out problems: accuracy beside what it cost, or likelihood."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from depcap.errors import DepcapError
from depcap.generation import start
from depcap.journal import Journal
from depcap.likelihood import Progress, likelihood
from depcap.machine import this_machine
from depcap.models.loading import Model
from depcap.request import Settings, identity, prompt_ids
from depcap.tasks import TASKS, Example, Listed, Task, examples, find_task
from depcap.tasks.base import HELD_OUT_PROBLEMS


@dataclass(frozen=True, slots=True)
class Outcome:
    """One held-out problem, decoded and scored.

    `problem` is its place in the held-out set, from 0, `level` how hard it is; `computed` counts positions
    that the network computed, `auxiliary` forwards of a second model and `auxiliary_computed` its positions;
    `filled` the positions that were decided, `response_length` those before the first end token, `overlong`
    says that there was none; `seconds` is an equal share of its batch's decoding time, so that times of one
    `batch` are one observation (0 in files that do not tell) and compare with those of one `machine` (empty
    in files that do not tell).
    """

    problem: int
    level: int
    right: bool
    nfe: int
    computed: int
    auxiliary: int
    filled: int
    response_length: int
    overlong: bool
    seconds: float
    batch: int = 0
    auxiliary_computed: int = 0
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """Share of right answers among n, with its Wilson interval."""

    n: int
    accuracy: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation found.

    `levels` has the accuracy of every level that occurs; `nfe_mean`, `auxiliary_mean` and `computed_mean` are
    forwards, forwards of a second model and positions run through the network, per problem;
    `positions_per_second` counts all positions that were decided, `tokens_per_second` tokens before the first
    end token, over the decoding time at the given batch size; `overlong` is the share of responses without an
    end token; `seconds` is decoding time.
    """

    task: str
    version: int
    n: int
    accuracy: float
    ci95: tuple[float, float]
    levels: dict[int, Score]
    nfe_mean: float
    auxiliary_mean: float
    computed_mean: float
    positions_per_second: float
    tokens_per_second: float
    mean_response_tokens: float
    overlong: float
    seconds: float
    batch_size: int


@dataclass(frozen=True, slots=True)
class LikelihoodReport:
    """Nats per token of the reference responses: a bound, or exact for a causal model."""

    task: str
    version: int
    n: int
    nats_per_token: float
    ci95: tuple[float, float] | None
    tokens: int
    masks: int
    seconds: float


def evaluate(
    model: Model,
    task: str,
    limit: int,
    settings: Settings,
    batch_size: int = 8,
    progress: Progress = lambda _done: None,
    out: Path | None = None,
) -> Report:
    """Decode and score the first `limit` held-out problems; problem n draws with seed `settings.seed + n`.

    With `out` every problem's outcome is kept in that file; those that are in it are not decoded again. A
    file made on another device or at another batch size is refused: its times would be others, and on a GPU,
    which rounds otherwise for another shape, a token now and then. Batches begin at multiples of their size,
    wherever a run was stopped.
    """
    check_batch_size(batch_size)
    chosen, problems = held_out(task, limit)
    log = _journal(model, chosen, settings, batch_size, out)
    if done := len(log.entries[:limit]):
        progress(done)
    problems = islice(problems, done, None)
    while batch := list(islice(problems, batch_size - len(log.entries) % batch_size)):
        number = len(log.entries) // batch_size
        log.add(_decode(model, chosen, batch, settings, len(log.entries), number))
        progress(len(batch))
    return report(chosen, log.entries[:limit], batch_size)


def check_problems(model: Model, task: str, limit: int, gen_length: int, scored: bool = True) -> None:
    """The first `limit` held-out problems exist, and the model can go on from each; before any is decoded."""
    _, problems = held_out(task, limit, scored)
    for number, problem in enumerate(problems, start=1):
        try:
            prompt_ids(model, problem.prompt, gen_length)
        except DepcapError as error:
            raise DepcapError(f"{task}: problem {number}: {error}") from None


def check_batch_size(batch_size: int) -> None:
    """At least one problem is decoded at a time."""
    if batch_size < 1:
        raise DepcapError("batch size must be at least 1")


def kept_outcomes(model: Model, task: str, settings: Settings, batch_size: int, out: Path) -> list[Outcome]:
    """What `evaluate` has kept in a file, which is not begun if it is not there.

    One that was made in another way is refused.
    """
    if not out.exists():
        return []
    return _journal(model, find_task(task), settings, batch_size, out).entries


def _journal(
    model: Model, task: Task, settings: Settings, batch_size: int, out: Path | None
) -> Journal[Outcome]:
    """Outcomes in the order of their problems; of two evaluations that wrote to one file it is refused."""
    log = Journal(Outcome, out, evaluation_header(model, task, settings, batch_size) if out else None)
    if any(outcome.problem != place for place, outcome in enumerate(log.entries)):
        raise DepcapError(
            f"{out} holds problems twice or out of order: two runs wrote to it; write elsewhere"
        )
    return log


def evaluation_header(model: Model, task: Task, settings: Settings, batch_size: int) -> dict[str, Any]:
    """Everything that an outcome hangs on, by name."""
    kind = {"model": model.name, "task": task.name, "version": task.version}
    clock = {"device": str(model.denoiser.device), "batch_size": batch_size}
    return kind | identity(model, settings) | clock


def _decode(
    model: Model, task: Task, batch: list[Example], settings: Settings, first: int, number: int
) -> Iterator[Outcome]:
    """What came of each problem of batch `number`, the first of which is problem `first`."""
    own = replace(settings, seed=settings.seed + first)  # row r of a batch adds r
    results = start(model, [example.prompt for example in batch], own).run()
    machine = this_machine(model.denoiser.device)
    seconds = max(result.seconds for result in results) / len(batch)
    for place, (example, result) in enumerate(zip(batch, results, strict=True)):
        right = task.score(example, result.text or "") == 1.0
        overlong = result.response_length == len(result.tokens)
        yield Outcome(
            first + place, example.level, right, result.nfe, result.computed, result.auxiliary,
            result.filled, result.response_length, overlong, seconds, number, result.auxiliary_computed,
            machine,
        )  # fmt: skip


def report(task: Task, outcomes: list[Outcome], batch_size: int) -> Report:
    """Outcomes in sum."""
    n, whole = len(outcomes), score([outcome.right for outcome in outcomes])
    found = sorted({outcome.level for outcome in outcomes})
    levels = {level: score([o.right for o in outcomes if o.level == level]) for level in found}
    tokens, seconds = sum(o.response_length for o in outcomes), sum(o.seconds for o in outcomes)
    return Report(
        task.name, task.version, n, whole.accuracy, whole.ci95, levels, sum(o.nfe for o in outcomes) / n,
        sum(o.auxiliary for o in outcomes) / n, sum(o.computed for o in outcomes) / n,
        sum(o.filled for o in outcomes) / seconds, tokens / seconds, tokens / n,
        sum(o.overlong for o in outcomes) / n, seconds, batch_size,
    )  # fmt: skip


def evaluate_likelihood(
    model: Model, task: str, limit: int, masks: int, progress: Progress = lambda _done: None
) -> LikelihoodReport:
    """The likelihood of the first `limit` held-out reference responses."""
    chosen, problems = held_out(task, limit)
    began = time.perf_counter()
    found = likelihood(model, ((e.prompt, e.reference) for e in problems), masks, progress)
    return LikelihoodReport(task, chosen.version, limit, **asdict(found), seconds=time.perf_counter() - began)


def score(right: list[bool]) -> Score:
    """Accuracy with its 95 % interval."""
    return Score(len(right), sum(right) / len(right), wilson(sum(right), len(right)))


def wilson(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a share."""
    interval = binomtest(right, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def held_out(task: str, limit: int, scored: bool = True) -> tuple[Task, Iterator[Example]]:
    """A task by name or file, and its first `limit` held-out problems; `scored` ones need an answer each."""
    chosen = find_task(task)
    listed = chosen.examples if isinstance(chosen, Listed) else None
    size = HELD_OUT_PROBLEMS if listed is None else len(listed)
    if not 1 <= limit <= size:
        raise DepcapError(f"limit {limit} must be from 1 to {size:,}, the size of the held-out set")
    problems = _drawn(task, limit) if listed is None else listed[:limit]
    if scored and (missing := [n for n, problem in enumerate(problems, start=1) if not problem.reference]):
        raise DepcapError(f"{task}: problem {missing[0]} has no answer, and cannot be scored")
    return chosen, iter(problems)


@lru_cache(maxsize=8)
def _drawn(task: str, limit: int) -> tuple[Example, ...]:
    """Drawn once: a comparison asks for the same problems with every decoder."""
    return tuple(examples(TASKS[task], limit))
