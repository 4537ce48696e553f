"""Decode the same held-out problems with many methods and caches, and keep every outcome."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import pandas as pd

from depcap.cache import CACHES
from depcap.errors import DepcapError
from depcap.evaluation import Outcome, evaluate
from depcap.journal import Journal
from depcap.methods import METHODS, choose
from depcap.models.loading import Model
from depcap.request import Settings, named_method
from depcap.tasks import TASKS

KEYS = ["model", "task", "method", "cache"]


@dataclass(frozen=True, slots=True)
class Spec:
    """A method with parameters other than the default, as a user writes it: `fast-dllm:threshold=0.3`.

    An `optional` one is left out where the model lacks what it needs.
    """

    label: str
    method: str
    params: dict[str, str]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One decoder on one task with one model."""

    model: Model
    task: str
    spec: Spec
    settings: Settings

    @property
    def keys(self) -> dict[str, str]:
        """What tells it from the others of a comparison."""
        names = (self.model.name, self.task, self.spec.label, self.settings.cache)
        return dict(zip(KEYS, names, strict=True))

    @property
    def file(self) -> str:
        """The name of its outcomes' file."""
        return "-".join(self.keys.values()).replace("/", "_").replace(":", "-").replace("=", "") + ".jsonl"


def spec(text: str) -> Spec:
    """A method's name, or its name and parameters: `name:key=value:key=value`."""
    method, *pairs = text.strip().split(":")
    choose(METHODS, method, "method")
    if not all("=" in pair for pair in pairs):
        raise DepcapError(f"method {text!r}: parameters are written name:key=value:key=value")
    return Spec(text.strip(), method, dict(pair.split("=", 1) for pair in pairs))


def specs(text: str) -> list[Spec]:
    """Methods separated by commas; `all` is every method there is."""
    if text == "all":
        return [Spec(name, name, {}, optional=True) for name in METHODS]
    return [spec(part) for part in text.split(",")]


def cells(
    models: list[Model],
    tasks: list[str],
    methods: list[Spec],
    caches: list[str],
    gen_length: int,
    stop: str,
    left_out: Callable[[str], None] = lambda _why: None,
) -> list[Cell]:
    """Every combination that there is: a method with those of the caches that it has, on models it fits.

    A method that has none of the caches is run with the last it has (for causal ones: exact and quickest).
    What is wrong with any combination is found here, before anything is decoded; `left_out` hears why an
    optional method cannot be run.
    """
    for task in tasks:
        choose(TASKS, task, "task")
    for cache in caches:
        choose(CACHES, cache, "cache")
    found = []
    for model, task, method in product(models, tasks, methods):
        preset = METHODS[method.method]
        if preset.causal != model.denoiser.causal:
            continue
        for cache in [cache for cache in preset.caches if cache in caches] or preset.caches[-1:]:
            settings = Settings(method.method, cache, gen_length, stop, params=method.params)
            try:
                named_method(model, settings)
            except DepcapError as error:
                if not method.optional:
                    raise
                left_out(str(error))
            else:
                found.append(Cell(model, task, method, settings))
    if not found:
        raise DepcapError("none of these methods goes with these models")
    return found


def run(
    found: list[Cell], limit: int, batch_size: int, out: Path, progress: Callable[[Cell, int], None]
) -> None:
    """Decode what is not yet in `out`; `progress` hears of every batch."""
    for cell in found:
        evaluate(
            cell.model, cell.task, limit, cell.settings, batch_size,
            lambda done, cell=cell: progress(cell, done),  # type: ignore[misc]
            out / "outcomes" / cell.file,
        )  # fmt: skip


def outcomes(found: list[Cell], limit: int, out: Path) -> pd.DataFrame:
    """One row per problem and decoder."""
    return pd.DataFrame(
        {**cell.keys, **asdict(outcome)}
        for cell in found
        for outcome in Journal(Outcome, out / "outcomes" / cell.file).entries[:limit]
    )
