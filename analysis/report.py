"""The files of a comparison: tables in Parquet and Markdown, a figure per model, as a page and a picture."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from rich.table import Table

from analysis.comparison import Baseline, pooled
from analysis.findings import write_page, write_pictures, write_table
from analysis.paired import against, paired
from analysis.pareto import pareto, short
from analysis.statistics import ENOUGH_PROMPTS
from analysis.summary import TABLE, fronts, markdown, summary, told
from depcap.files import replace_text

NOTES = """A method in **bold** is on a Pareto front: nothing else in its table beats it in accuracy or in
that cost without losing in the other; the cost, forwards or tokens/s, is bold too. A front is of what was
measured, chance included, and its fast end may be of no use: look at accuracy first. Intervals are of 95 %,
Wilson's for accuracy. The text of `pearl` is that of its verifier, whatever drafts.

Forwards are NFE, plus those of a second model; each counts as one, however small that model is. *Positions
computed* are those that went through the network, in all forwards together; an *overlong* response has no
end token. Not counted is the filter of `learn2pd`, of 2,112 parameters, asked once a forward; its time is.

Seconds are of decoding alone, a problem's equal share of its batch's; tokens/s are up to the end token,
positions/s count all that were decided, which a method that decides more past the end has more of. Where
several machines have decoded, they are those of the one that most decoders of a table have run on; a dash is
where it decoded nothing. Decoders that were not run together met another hour of that machine: compare their
times roughly. Under stop rule `eos` a decode ends with the response, where papers decode all
positions: ratios here cannot be set beside theirs."""
TESTS = """Every decoder against each baseline on the same problems. Δ is its accuracy less the baseline's,
with Newcombe's interval; p is McNemar's, as it is and after Holm's correction over that one table, and Δ is
bold where the latter is below 0.05. The interval is of Δ alone, not corrected, and near 0.05 it and p may
disagree. Where Δ is not bold the two need not be equally good: the interval says how far apart they may be.
How many times fewer forwards it takes than the baseline and how much less time (below 1 it takes more) have
bootstrap intervals: over problems, and over batches for time (the problems of a batch share one measurement;
with fewer than {batches} batches there is none). Times are of problems that one machine has decoded in both
ways."""
CAPTION = """Shapes are methods, open where parameters are not the defaults; colours are caches. A dotted line
joins a Pareto front, whose methods are named where there is room, with their parameters' values."""


def write(outcomes: pd.DataFrame, baselines: list[Baseline], out: Path, how: Mapping[str, object]) -> Table:
    """Write a comparison's files; a table to print.

    `outcomes.parquet`, `summary.parquet`, `paired.parquet`, `summary.md`, `tests-MODEL-TASK.md`,
    `pareto-MODEL.html` and, where there is a Chromium, the same as `.svg`. Several tasks are also told
    together, with as many problems of each. `how` is what the outcomes hang on besides, by name, for
    `summary.md` to say.
    """
    every = pooled(outcomes)
    how = {**how, "decoded on": " and on ".join(machines(outcomes))}
    table, tests = summary(every), paired(every, baselines)
    write_table(outcomes, out / "outcomes.parquet")
    write_table(table, out / "summary.parquet")
    write_table(tests, out / "paired.parquet")
    figures = {_figure(model): pareto(rows) for model, rows in table.groupby("model", sort=False)}
    for name, figure in figures.items():
        write_page(figure, out / f"{name}.html")
    drawn = write_pictures({out / f"{name}.svg": figure for name, figure in figures.items()})
    for (model, task), rows in tests.groupby(TABLE, sort=False):
        text = [f"# {model}, {task}: paired tests", TESTS.format(batches=ENOUGH_PROMPTS), *against(rows)]
        replace_text(out / _tests(model, task), _joined(text))
    replace_text(out / "summary.md", _page(table, set(tests.groupby(TABLE).groups), how, drawn))
    return _shown(table)


def machines(outcomes: pd.DataFrame) -> list[str]:
    """Those that have decoded, and how much."""
    counts = outcomes["machine"].value_counts(sort=False)
    return [f"{name or 'an unnamed machine'} ({count:,} decodes)" for name, count in counts.items()]


def _figure(model: object) -> str:
    """The name of a model's figure, as a file."""
    return f"pareto-{model}".replace("/", "_")


def _tests(model: object, task: object) -> str:
    """The file of a table's paired tests; apart, since there are as many tables of them as baselines."""
    return f"tests-{model}-{task}.md".replace("/", "_").replace(" ", "-")


def _joined(parts: list[str]) -> str:
    return "\n\n".join(parts) + "\n"


def _page(table: pd.DataFrame, tested: set[tuple[str, str]], how: Mapping[str, object], drawn: bool) -> str:
    """What was run, how to read it, the figures, and the tables, with a link from those that are tested."""
    listed = "\n".join(f"- {name}: {value}" for name, value in how.items())
    parts = ["# Comparison", listed, NOTES, CAPTION]
    for model, tasks in table.groupby("model", sort=False):
        name = _figure(model)
        shown = f"![accuracy against cost]({name}.svg)" if drawn else "accuracy against cost"
        parts += [f"## {model}", f"[{shown}]({name}.html)"]
        for task, rows in tasks.groupby("task", sort=False):
            parts += [f"### {model}, {task} ({rows['n'].max()} problems)", markdown(rows)]
            if (model, task) in tested:
                parts += [f"[Each against the baselines, on the same problems]({_tests(model, task)})"]
    return _joined(parts)


def _shown(table: pd.DataFrame) -> Table:
    best = fronts(table).any(axis=1)
    shown = Table(box=None, padding=(0, 1))
    for name in ("model", "task", "method", "cache"):  # where it is narrow the first two are folded
        shown.add_column(name, no_wrap=name in ("method", "cache"), overflow="fold")
    for name in ("accuracy", "forwards", "tokens/s"):
        shown.add_column(name, justify="right", no_wrap=True)
    for place, row in table.iterrows():
        shown.add_row(
            row.model, row.task, short(row.method), row.cache, f"{row.accuracy:.1%}", f"{row.forwards:.1f}",
            told(row.tokens_per_second, ".0f"), style="bold" if best[place] else None,
        )  # fmt: skip
    return shown
