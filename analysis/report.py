"""The files of a comparison: tables in Parquet and Markdown, a figure per model."""

from pathlib import Path

import pandas as pd
from rich.table import Table

from analysis.findings import write_page, write_table
from analysis.pareto import pareto
from analysis.summary import front, markdown, summary
from depcap.files import replace_text


def write(outcomes: pd.DataFrame, baseline: str, out: Path) -> Table:
    """Write `outcomes.parquet`, `summary.parquet`, `summary.md` and `pareto-MODEL.html`; a table to print."""
    table = summary(outcomes, baseline)
    write_table(outcomes, out / "outcomes.parquet")
    write_table(table, out / "summary.parquet")
    replace_text(out / "summary.md", markdown(table))
    for model, rows in table.groupby("model", sort=False):
        name = str(model).replace("/", "_")
        write_page(pareto(rows), out / f"pareto-{name}.html")
    return _shown(table)


def _shown(table: pd.DataFrame) -> Table:
    best = front(table, "nfe")
    shown = Table(box=None, padding=(0, 2))
    for name in ("model", "task", "method", "cache", "accuracy", "NFE", "tokens/s"):
        shown.add_column(name, justify="right" if name in ("accuracy", "NFE", "tokens/s") else "left")
    for place, row in table.iterrows():
        shown.add_row(
            row.model, row.task, row.method, row.cache, f"{row.accuracy:.1%}", f"{row.nfe:.1f}",
            f"{row.tokens_per_second:.0f}", style="bold" if best[place] else None,
        )  # fmt: skip
    return shown
