"""The files of a comparison: tables in Parquet and Markdown, a figure per model."""

import os
from pathlib import Path

import pandas as pd
from rich.table import Table

from analysis.figures import CONFIG
from analysis.pareto import pareto
from analysis.summary import front, markdown, summary


def write(outcomes: pd.DataFrame, baseline: str, out: Path) -> Table:
    """Write `outcomes.parquet`, `summary.parquet`, `summary.md` and `pareto-MODEL.html`; a table to print."""
    table = summary(outcomes, baseline)
    outcomes.to_parquet(out / "outcomes.parquet.tmp", index=False)
    os.replace(out / "outcomes.parquet.tmp", out / "outcomes.parquet")
    table.to_parquet(out / "summary.parquet", index=False)
    (out / "summary.md").write_text(markdown(table), encoding="utf-8")
    for model, rows in table.groupby("model", sort=False):
        name = str(model).replace("/", "_")
        pareto(rows).write_html(out / f"pareto-{name}.html", include_plotlyjs="directory", config=CONFIG)
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
