"""The files of a comparison: tables in Parquet and Markdown, a figure per model."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from rich.table import Table

from analysis.findings import write_page, write_table
from analysis.pareto import pareto
from analysis.statistics import ENOUGH_PROMPTS
from analysis.summary import front, markdown, summary
from depcap.files import replace_text

NOTES = """A method in **bold** is on the Pareto front: nothing else in its table beats it in accuracy or in
forwards without losing in the other. Forwards are NFE and those of a second model (auxiliary) together; each
counts as one, however small that model is. Δ is the difference from the baseline in points of accuracy; p is
McNemar's, after Holm's correction over the table. Ratios are the baseline's forwards, and its time, over the
method's. Intervals are of 95 %: Wilson's for accuracy, bootstraps over problems for forwards, over batches
for time (the problems of a batch share one measurement; with fewer than {batches} batches there is none)."""


def write(outcomes: pd.DataFrame, baseline: str, out: Path, how: Mapping[str, object]) -> Table:
    """Write `outcomes.parquet`, `summary.parquet`, `summary.md` and `pareto-MODEL.html`; a table to print.

    `how` is what the outcomes hang on besides, by name, for `summary.md` to say.
    """
    table = summary(outcomes, baseline)
    write_table(outcomes, out / "outcomes.parquet")
    write_table(table, out / "summary.parquet")
    replace_text(out / "summary.md", _page(table, baseline, how))
    for model, rows in table.groupby("model", sort=False):
        name = str(model).replace("/", "_")
        write_page(pareto(rows), out / f"pareto-{name}.html")
    return _shown(table)


def _page(table: pd.DataFrame, baseline: str, how: Mapping[str, object]) -> str:
    """What was run, how to read it, and the tables."""
    cache = table[table.method == baseline].cache.iloc[0]
    lines = {**how, "baseline": f"`{baseline}`, cache {cache}"}
    listed = "\n".join(f"- {name}: {value}" for name, value in lines.items())
    notes = NOTES.format(batches=ENOUGH_PROMPTS)
    return "\n\n".join(("# Comparison", listed, notes, markdown(table)))


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
