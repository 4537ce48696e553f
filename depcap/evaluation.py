"""Score a model with a method on a task: accuracy beside what it cost."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from scipy.stats import binomtest

from depcap.errors import DepcapError
from depcap.generation import start
from depcap.methods import choose
from depcap.models.loading import Model
from depcap.request import Settings
from depcap.tasks import TASKS, examples


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation found.

    `ci95` is the Wilson interval of the accuracy; `tokens_per_second` counts tokens before the first end
    token over the decoding time at the given batch size; `seconds` is decoding time.
    """

    task: str
    n: int
    accuracy: float
    ci95: tuple[float, float]
    nfe_mean: float
    tokens_per_second: float
    mean_response_tokens: float
    seconds: float
    batch_size: int


def evaluate(
    model: Model,
    task: str,
    limit: int,
    settings: Settings,
    batch_size: int = 8,
    progress: Callable[[int], None] = lambda _done: None,
) -> Report:
    """Decode and score `limit` held-out problems.

    `progress` is called with the number of problems done after each batch.
    """
    if limit < 1 or batch_size < 1:
        raise DepcapError("limit and batch size must be at least 1")
    chosen = choose(TASKS, task, "task")
    problems = examples(chosen, limit)
    right, nfe, tokens, seconds, done = 0.0, 0, 0, 0.0, 0
    while batch := list(islice(problems, batch_size)):
        results = start(model, [example.prompt for example in batch], settings).run()
        for example, result in zip(batch, results, strict=True):
            right += chosen.score(example, result.text or "")
            nfe += result.nfe
            tokens += result.response_length
        seconds += max(result.seconds for result in results)
        done += len(batch)
        progress(len(batch))
    interval = binomtest(round(right), done).proportion_ci(method="wilson")
    return Report(
        task, done, right / done, (float(interval.low), float(interval.high)), nfe / done,
        tokens / seconds, tokens / done, seconds, batch_size,
    )  # fmt: skip
