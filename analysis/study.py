"""A question asked of recorded decodes: record them, measure one after the other, then conclude.

Everything on the way is kept, so that a stopped study goes on: traces in `traces/`, rows in `STUDY.jsonl`.
Where only the study's table is left, `STUDY.parquet`, as in a fresh clone, it goes on from that.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any
from zlib import crc32

import pandas as pd
import plotly.graph_objects as go

from analysis.rows import Measured, Row, read, table
from depcap import trace as traces
from depcap.errors import DepcapError
from depcap.evaluation import check_batch_size, check_problems, held_out
from depcap.generation import start
from depcap.journal import Journal
from depcap.models.loading import Model
from depcap.request import Request, Settings, check, identity
from depcap.trace import Header, Trace, json_params

Progress = Callable[[int], object]
NAME = re.compile("(.+)-([0-9]{4})")
"""How the decode of a task's problem is called."""
ROWS = 4
"""What rows hold, as a number: a journal with rows of another kind is not gone on with."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a study concludes: a sentence, and the tables and figures that it rests on, by title.

    `marks` are columns for the table of the rows, such as whether the verdict counts a row.
    """

    verdict: str
    tables: dict[str, pd.DataFrame]
    figures: dict[str, go.Figure] = field(default_factory=dict)
    marks: dict[str, pd.Series] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decode:
    """A recorded decode: its name, such as `python-0007`, its trace, and a seed of its own."""

    name: str
    trace: Trace
    seed: int

    @property
    def task(self) -> str | None:
        """The task whose problem it is named for, if it is."""
        found = NAME.fullmatch(self.name)
        return found[1] if found else None

    @property
    def prompt(self) -> str:
        """A digest of the prompt: decodes of one prompt hang together, whatever they are called."""
        return _digest(self.trace.header.prompt_ids)

    @property
    def digest(self) -> str:
        """A digest of what was decided: decoded again in the same way, a problem keeps it."""
        header = self.trace.header
        return _digest([header.prompt_ids, header.tokens, header.unmask_step, header.block_sizes])


@dataclass(frozen=True)
class Study:
    """A question, how one decode is measured, and how all of it is read.

    `measure` gets the model and a decode and returns rows; `options` is what rows hang on besides.
    `needs_scores` asks for traces that hold more than the commits; `terms` are what its tables' words mean,
    `hints` what a table or figure shows, by title.
    """

    name: str
    question: str
    measure: Callable[[Model, Decode], list[Row]]
    conclude: Callable[[pd.DataFrame], Finding]
    options: dict[str, Any] = field(default_factory=dict)
    needs_scores: bool = False
    terms: str = ""
    hints: Mapping[str, str] = field(default_factory=dict)

    def finding(self, rows: pd.DataFrame) -> Finding:
        """What is concluded of rows; of none, that there is nothing to conclude from."""
        if rows.empty:
            return Finding("Nothing to tell: these decodes have nothing that could be measured.", {})
        return self.conclude(rows)


def record(
    model: Model, task: str, limit: int, settings: Settings, folder: Path, batch_size: int, progress: Progress
) -> list[Path]:
    """Decode the first held-out problems of a task; a trace file for each. Those that are there are kept."""
    check_batch_size(batch_size)
    check_problems(model, task, limit, settings.gen_length, scored=False)
    folder.mkdir(parents=True, exist_ok=True)
    chosen, problems = held_out(task, limit, scored=False)
    prompts = {
        folder / f"{chosen.name}-{number:04}.parquet": problem.prompt
        for number, problem in enumerate(problems)
    }
    there = [path for path in prompts if path.exists()]
    for path in there:
        _same(traces.load(path).header, check(model, [prompts[path]], settings), path)
    progress(len(there))
    todo = (path for path in prompts if not path.exists())
    while batch := list(islice(todo, batch_size)):
        results = start(model, [prompts[path] for path in batch], settings, "distributions").run()
        for path, result in zip(batch, results, strict=True):
            if result.trace is not None:
                traces.save(result.trace, path)
        progress(len(batch))
    return list(prompts)


def recorded(folder: Path) -> list[Path]:
    """The trace files of a folder, by name."""
    paths = sorted(folder.glob("*.parquet")) if folder.is_dir() else []
    if not paths:
        raise DepcapError(f"{folder} holds no traces (*.parquet)")
    return paths


def _same(header: Header, request: Request, path: Path) -> None:
    """Whether a trace that is there is the one that would be recorded."""
    if header.prompt_ids != request.prompts[0]:
        raise DepcapError(f"{path} is of another decode (of another prompt): give another folder")
    for key, value in identity(request.model, request.settings).items():
        found = json_params(header.params) if key == "params" else getattr(header, key)
        if found != value:
            other = f"{key} {found!r}, not {value!r}"
            raise DepcapError(f"{path} is of another decode ({other}): give another folder")


def measure(
    study: Study, model: Model, paths: Iterable[Path], journal: Path | None, seed: int, progress: Progress
) -> pd.DataFrame:
    """One table row per row that the study measures, with the decode's name and task before it."""
    header = {
        "study": study.name, "model": model.weights, "dtype": str(model.dtype), "seed": seed, "rows": ROWS,
        **study.options,
    }  # fmt: skip
    kept = Journal(Measured, journal, header)
    if journal is not None and not kept.entries:
        kept.add(read(journal.with_suffix(".parquet"), header))
    done, chosen = {entry.decode: entry for entry in kept.entries}, dict[str, Measured]()
    for path in dict.fromkeys(paths):
        trace = _checked(traces.load(path), model, study, path)
        decode = Decode(path.stem, trace, crc32(f"{seed}/{path.stem}".encode()))
        if path.stem in done and done[path.stem].digest != decode.digest:
            raise DepcapError(f"{journal} holds rows of another {path.stem}: give another folder")
        if path.stem not in done:
            done[path.stem] = _measured(study, model, decode)
            kept.add([done[path.stem]])
        chosen[path.stem] = done[path.stem]
        progress(1)
    return table(chosen.values(), header)


def _measured(study: Study, model: Model, decode: Decode) -> Measured:
    how = settings(decode.trace.header)
    told = asdict(how) | {"params": json_params(how.params)}
    rows = study.measure(model, decode)
    return Measured(decode.name, decode.task or "traces", decode.prompt, decode.digest, told, rows)


def _digest(value: object) -> str:
    return sha256(repr(value).encode()).hexdigest()[:12]


def settings(header: Header) -> Settings:
    """How a trace was decoded."""
    return Settings(
        header.method, header.cache, header.gen_length, header.stop, header.seed, header.temperature,
        header.params,
    )  # fmt: skip


def _checked(trace: Trace, model: Model, study: Study, path: Path) -> Trace:
    if trace.header.weights != model.weights:
        raise DepcapError(f"{path} was decoded with other weights than those of {model.name}")
    if study.needs_scores and trace.header.level == "decisions":
        raise DepcapError(f"{path} holds decisions only: {study.name} needs a trace of level scores")
    return trace
