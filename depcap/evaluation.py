"""Score a model on a task's held-out problems: accuracy beside what it cost, or likelihood."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice

from scipy.stats import binomtest

from depcap.errors import DepcapError
from depcap.generation import start
from depcap.likelihood import Progress, likelihood
from depcap.methods import choose
from depcap.models.loading import Model
from depcap.request import Settings
from depcap.tasks import TASKS, Example, Task, examples


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation found.

    `ci95` is the Wilson interval of the accuracy; `tokens_per_second` counts tokens before the first end
    token over the decoding time at the given batch size; `overlong` is the share of responses without an
    end token; `seconds` is decoding time.
    """

    task: str
    n: int
    accuracy: float
    ci95: tuple[float, float]
    nfe_mean: float
    tokens_per_second: float
    mean_response_tokens: float
    overlong: float
    seconds: float
    batch_size: int


@dataclass(frozen=True, slots=True)
class LikelihoodReport:
    """Nats per token of the reference responses: a bound, or exact for a causal model."""

    task: str
    n: int
    nats_per_token: float
    ci95: tuple[float, float]
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
) -> Report:
    """Decode and score the first `limit` held-out problems."""
    if batch_size < 1:
        raise DepcapError("batch size must be at least 1")
    chosen, problems = _problems(task, limit)
    right: list[bool] = []
    nfe, tokens, overlong, seconds = 0, 0, 0, 0.0
    while batch := list(islice(problems, batch_size)):
        results = start(model, [example.prompt for example in batch], settings).run()
        for example, result in zip(batch, results, strict=True):
            right.append(chosen.score(example, result.text or "") == 1.0)
            nfe += result.nfe
            tokens += result.response_length
            overlong += result.response_length == settings.gen_length
        seconds += max(result.seconds for result in results)
        progress(len(batch))
    n = len(right)
    interval = binomtest(sum(right), n).proportion_ci(method="wilson")
    return Report(
        task, n, sum(right) / n, (float(interval.low), float(interval.high)), nfe / n,
        tokens / seconds, tokens / n, overlong / n, seconds, batch_size,
    )  # fmt: skip


def evaluate_likelihood(
    model: Model, task: str, limit: int, masks: int, progress: Progress = lambda _done: None
) -> LikelihoodReport:
    """The likelihood of the first `limit` held-out reference responses."""
    _, problems = _problems(task, limit)
    began = time.perf_counter()
    found = likelihood(model, ((e.prompt, e.reference) for e in problems), masks, progress)
    return LikelihoodReport(task, limit, **asdict(found), seconds=time.perf_counter() - began)


def _problems(task: str, limit: int) -> tuple[Task, Iterator[Example]]:
    chosen: Task = choose(TASKS, task, "task")
    if limit < 1:
        raise DepcapError(f"limit {limit} must be at least 1")
    return chosen, examples(chosen, limit)
