"""Decode the same held-out problems with many methods and caches, and keep every outcome."""

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from depcap.cache import CACHES
from depcap.errors import DepcapError
from depcap.evaluation import Outcome, evaluate
from depcap.journal import Journal
from depcap.methods import METHODS, choose
from depcap.methods.base import DIFFUSION_CACHES, Preset
from depcap.models.loading import Model
from depcap.request import Settings, named_method
from depcap.stopping import STOPS
from depcap.tasks import TASKS

KEYS = ["model", "task", "method", "cache"]
Baseline = tuple[str, str]
"""What others are compared with: a method and its cache."""
BASELINES = ("llada", "depcap")
"""What others are compared with unless something else is named."""
VARIANTS = {
    "fast-dllm:factor=1.0": "a bound that rises with the rank instead of the threshold",
    "learn2pd:stop=eotp": "with its end-of-text prediction, as published",
    "llada:order=random": "positions in random order",
    "llada:guidance=0.5": "with classifier-free guidance",
    "dream:alg=maskgit_plus": "the most confident positions",
    "dream:alg=topk_margin": "positions of the largest margin",
    "dream:alg=origin": "positions in random order",
}
"""What is compared besides every method with its defaults, and what is different about it."""
GROUPS: dict[str, Iterable[str]] = {"all": METHODS, "variants": VARIANTS}
OWN: dict[str, Callable[[str], Any]] = {"stop": str, "temperature": float, "seed": int}
"""Settings that a method can have of its own, beside its parameters, and how they are read."""
BETWEEN = re.compile(r",(?![^\[\]]*\])")
"""The commas that are not within brackets."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A method with other parameters than the default, as a user writes it: `fast-dllm:threshold=0.3`.

    `own` are settings for this method alone. An `optional` one is left out where the model lacks what it
    needs.
    """

    label: str
    method: str
    params: dict[str, str]
    own: dict[str, Any] = field(default_factory=dict)
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
    """A method's name, or its name and what is its own: `name:key=value:key=value`."""
    method, *pairs = text.split(":")
    choose(METHODS, method, "method")
    if not all("=" in pair for pair in pairs):
        raise DepcapError(f"method {text!r}: parameters are written name:key=value:key=value")
    params = dict(pair.split("=", 1) for pair in pairs)
    try:
        own = {key: read(params.pop(key)) for key, read in OWN.items() if key in params}
    except ValueError:
        raise DepcapError(f"method {text!r}: temperature and seed are numbers") from None
    return Spec(text, method, params, own)


def specs(text: str) -> list[Spec]:
    """Methods separated by commas, each once; `all` is every method there is, `variants` are `VARIANTS`.

    A list is written in brackets: `adablock:delimiter_ids=[198,271]`.
    """
    found: dict[str, Spec] = {}
    for part in map(str.strip, BETWEEN.split(text)):
        if part in GROUPS:
            found |= {label: replace(spec(label), optional=True) for label in GROUPS[part]}
        else:
            found[part] = spec(part)
    return list(found.values())


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

    Besides, a method is run with what caches only it can use (`apd`: trailing, `ar`: causal), or baselines
    would be shown at their slowest. One that would be left with none is run with its first, `none`: what was
    not asked for must not change its tokens.

    What is wrong with any combination is found here, before anything is decoded; `left_out` hears which
    methods are for other models, and why an optional one cannot be run.
    """
    for table, names, kind in ((TASKS, tasks, "task"), (CACHES, caches, "cache"), (STOPS, [stop], "stop")):
        for name in names:
            choose(table, name, kind)
    for model in models:
        if others := [method.label for method in methods if not _fits(method, model)]:
            kind = "a causal model" if model.denoiser.causal else "a diffusion model"
            left_out(f"{', '.join(others)}: not for {model.name}, {kind}")
    found = []
    for model, task, method in product(models, tasks, methods):
        if not _fits(method, model):
            continue
        preset, own = METHODS[method.method], {"stop": stop, **method.own}
        for cache in _caches(preset, caches):
            settings = Settings(method.method, cache, gen_length, params=method.params, **own)
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


def _caches(preset: Preset, asked: list[str]) -> tuple[str, ...]:
    """Those of the caches that a method has, and its own; or else the first it has."""
    own = set(preset.caches) - set(DIFFUSION_CACHES)
    return tuple(cache for cache in preset.caches if cache in asked or cache in own) or preset.caches[:1]


def _fits(method: Spec, model: Model) -> bool:
    """Whether the method is for models of this kind."""
    return METHODS[method.method].causal in (model.denoiser.causal, None)


def choose_baselines(found: list[Cell], names: list[str]) -> list[Baseline]:
    """What others are compared with: a method in the first cache it is run with, or `method@cache`.

    Without names it is `BASELINES`, as far as they are run, or else the first method.
    """
    run_with: dict[str, str] = {}
    for cell in found:
        label, cache = cell.spec.label, cell.settings.cache
        run_with.setdefault(label, cache)
        run_with[f"{label}@{cache}"] = cache
    names = names or [name for name in BASELINES if name in run_with] or [found[0].spec.label]
    chosen = {name: choose(run_with, name, "baseline") for name in names}
    return list(dict.fromkeys((name.removesuffix(f"@{cache}"), cache) for name, cache in chosen.items()))


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
