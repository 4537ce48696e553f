"""The files of a comparison: tables in Parquet and Markdown, a figure per model."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from rich.table import Table

from analysis.comparison import Baseline
from analysis.findings import write_page, write_table
from analysis.paired import against, paired
from analysis.pareto import pareto
from analysis.statistics import ENOUGH_PROMPTS
from analysis.summary import TABLE, front, markdown, summary
from depcap.files import replace_text

NOTES = """A method in **bold** is on the Pareto front: nothing else in its table beats it in accuracy or in
forwards without losing in the other. Forwards are NFE and those of a second model (auxiliary) together; each
counts as one, however small that model is. Seconds are of decoding alone, a problem's equal share of its
batch's. Intervals are of 95 %, Wilson's for accuracy.

Below each table every decoder is tested against each baseline on the same problems. Δ is its accuracy less
the baseline's; p is McNemar's, after Holm's correction over that one table, and Δ is bold where p is below
0.05. How many times fewer forwards it takes and how much less time have bootstrap intervals: over problems,
and over batches for time (the problems of a batch share one measurement; with fewer than {batches} batches
there is none)."""


def write(outcomes: pd.DataFrame, baselines: list[Baseline], out: Path, how: Mapping[str, object]) -> Table:
    """Write a comparison's files; a table to print.

    `outcomes.parquet`, `summary.parquet`, `paired.parquet`, `summary.md` and `pareto-MODEL.html`. `how` is
    what the outcomes hang on besides, by name, for `summary.md` to say.
    """
    table, tests = summary(outcomes), paired(outcomes, baselines)
    write_table(outcomes, out / "outcomes.parquet")
    write_table(table, out / "summary.parquet")
    write_table(tests, out / "paired.parquet")
    replace_text(out / "summary.md", _page(table, tests, how))
    for model, rows in table.groupby("model", sort=False):
        name = str(model).replace("/", "_")
        write_page(pareto(rows), out / f"pareto-{name}.html")
    return _shown(table)


def _page(table: pd.DataFrame, tests: pd.DataFrame, how: Mapping[str, object]) -> str:
    """What was run, how to read it, and the tables."""
    listed = "\n".join(f"- {name}: {value}" for name, value in how.items())
    parts = ["# Comparison", listed, NOTES.format(batches=ENOUGH_PROMPTS)]
    for (model, task), rows in table.groupby(TABLE, sort=False):
        parts += [f"## {model}, {task} ({rows['n'].max()} problems)", markdown(rows)]
        parts += against(tests[(tests.model == model) & (tests.task == task)])
    return "\n\n".join(parts) + "\n"


def _shown(table: pd.DataFrame) -> Table:
    best = front(table, "forwards")
    shown = Table(box=None, padding=(0, 2))
    for name in ("model", "task", "method", "cache"):
        shown.add_column(name, no_wrap=name == "method")
    for name in ("accuracy", "forwards", "tokens/s"):
        shown.add_column(name, justify="right")
    for place, row in table.iterrows():
        shown.add_row(
            row.model, row.task, row.method, row.cache, f"{row.accuracy:.1%}", f"{row.forwards:.1f}",
            f"{row.tokens_per_second:.0f}", style="bold" if best[place] else None,
        )  # fmt: skip
    return shown
