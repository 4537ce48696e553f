"""Decode the same held-out problems with many methods and caches, and keep every outcome."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain, product
from pathlib import Path

import pandas as pd

from analysis.spec import Spec
from depcap.caches import cache_policy
from depcap.choices import choose, split
from depcap.errors import DepcapError
from depcap.evaluation import Outcome, check_batch_size, evaluate, held_out, kept_outcomes
from depcap.generation import start
from depcap.journal import Journal
from depcap.methods import METHODS
from depcap.methods.base import DIFFUSION_CACHES, Preset
from depcap.models.loading import Model
from depcap.request import Settings, named_method
from depcap.stopping import STOPS
from depcap.tasks import find_task

KEYS = ["model", "task", "method", "cache"]
Baseline = tuple[str, str]
"""What others are compared with: a method and its cache."""
ALL_TASKS = "all tasks"
BASELINES = ("llada", "depcap")
"""What others are compared with unless something else is named."""


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
        names = (self.model.name, Path(self.task).stem, self.spec.label, self.settings.cache)
        return dict(zip(KEYS, names, strict=True))

    @property
    def file(self) -> str:
        """The name of its outcomes' file."""
        return "-".join(self.keys.values()).replace("/", "_").replace(":", "-").replace("=", "") + ".jsonl"


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
    names = [find_task(task).name for task in dict.fromkeys(tasks)]
    if len(set(names)) < len(names):
        raise DepcapError(f"tasks of one name ({', '.join(names)}): give a file another name")
    choose(STOPS, stop, "stop")
    caches = list(dict.fromkeys(cache_policy(cache)[0] for cache in caches))
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
    """Those of the caches that a method has, as asked for, and its own; or else the first it has."""
    by_name = {name: [cache for cache in asked if split(cache, "cache")[0] == name] for name in preset.caches}
    by_name |= {name: by_name[name] or [name] for name in preset.caches if name not in DIFFUSION_CACHES}
    return tuple(chain.from_iterable(by_name.values())) or preset.caches[:1]


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


def rounds(limit: int, batch_size: int) -> Iterator[int]:
    """When tables are written: after a batch, and after ever twice as many more: 20, 60, 140, 300."""
    goal = batch_size
    while goal < limit:
        yield goal
        goal = 2 * goal + batch_size
    yield limit


def kept(found: list[Cell], batch_size: int, out: Path) -> dict[str, list[Outcome]]:
    """Outcomes that are in `out`, by their file; one made in another way is refused."""
    check_batch_size(batch_size)
    folder = out / "outcomes"
    return {
        cell.file: kept_outcomes(cell.model, cell.task, cell.settings, batch_size, folder / cell.file)
        for cell in found
    }


def run(
    found: list[Cell], limit: int, batch_size: int, out: Path, progress: Callable[[Cell, int], None]
) -> bool:
    """Decode what is not yet in `out`; whether there was anything.

    Decoders take turns, a batch each: whatever else the machine does at some hour, all of them meet it, and
    times of one batch can be compared. `progress` hears of a cell and how many of its problems are done. A
    model that has work to do decodes something short first, so that no problem's time has in it what is done
    but once.
    """
    done = kept(found, batch_size, out)
    left = [cell for cell in found if len(done[cell.file]) < limit]
    for cell in {id(cell.model): cell for cell in left}.values():
        _warm_up(cell)
    for goal in range(batch_size, limit + batch_size, batch_size):
        for cell in left:
            if len(done[cell.file]) < goal:
                _decode(cell, min(goal, limit), batch_size, out, progress)
    return bool(left)


def _warm_up(cell: Cell) -> None:
    """One problem, a few positions of it, by the plainest method."""
    _, problems = held_out(cell.task, 1)
    plain = Settings("ar" if cell.model.denoiser.causal else "llada", gen_length=8)
    start(cell.model, [next(problems).prompt], plain).run()


def _decode(
    cell: Cell, limit: int, batch_size: int, out: Path, progress: Callable[[Cell, int], None]
) -> None:
    done = 0

    def heard(more: int) -> None:
        nonlocal done
        done += more
        progress(cell, done)

    where = out / "outcomes" / cell.file
    evaluate(cell.model, cell.task, limit, cell.settings, batch_size, heard, where)


def pooled(table: pd.DataFrame) -> pd.DataFrame:
    """Outcomes with those of all tasks together as one task more, where there are several."""
    if table["task"].nunique() < 2:
        return table
    apart = {name: table["task"] + " " + table[name].astype(str) for name in ("problem", "batch")}
    return pd.concat([table.assign(task=ALL_TASKS, **apart), table], ignore_index=True)


def outcomes(found: list[Cell], limit: int, out: Path) -> pd.DataFrame:
    """One row per problem and decoder."""
    return pd.DataFrame(
        {**cell.keys, **asdict(outcome)}
        for cell in found
        for outcome in Journal(Outcome, out / "outcomes" / cell.file).entries[:limit]
    )
