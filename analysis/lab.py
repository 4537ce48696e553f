"""The additivity lab's payload: every view of a study's rows as panels of a figure and its numbers."""

import json
import math
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analysis import additivity_study as additivity
from analysis.additivity import reach
from analysis.agreement import agreement, bounded_gap, moved, whole
from analysis.blocks import CHOSEN
from analysis.figures import CONFIG
from analysis.hints import ADDITIVITY
from analysis.openings import LAST
from analysis.verdict import verdict

LAB_SCHEMA = 1
BLOCK = ["decode", "task", "block"]
DIGITS = 5
POINTS = [
    *BLOCK, "size", "additive", "joint", "joint, low", "joint, high", "histories",
    "distinct", "seen", "own_additive", "correlation", "cross", "inconsistency", "entropy",
]  # fmt: skip
"""What is told of every point: A' is `own_additive`; T, X and kappa are `correlation`, `cross` and
`inconsistency`."""
SHARED = (
    ("Where it holds", "By stratum"), ("Cumulative influence", "By place in the block"),
    ("Cumulative ratio", "By place in the block"), ("What the gap is made of", "Parts of the gap"),
    ("", "By size and order"), ("", "Between orders"), ("", "Along the decoded tokens"),
    ("", "Compared with"),
    ("", "Drawn instead of masked"), ("", "Top-K influence"), ("", "Blocks left out"),
)  # fmt: skip


def lab_payload(rows: pd.DataFrame, source: str, settings: dict[str, Any] | None = None) -> dict[str, Any]:
    """A view per size and order, each with its verdict, and the panels that all views share.

    `settings` are those of the decodes, for whoever shows one of them again.
    """
    real = rows[rows.masked_again == LAST]
    finding = additivity.conclude(rows)
    views = [
        _view(str(candidates), str(order), moved(whole(group)))
        for (candidates, order), group in real.groupby(["candidates", "order"], sort=False)
    ]
    shared = [
        _panel(figure or table, finding.figures.get(figure), finding.tables[table])
        for figure, table in SHARED
        if len(finding.tables.get(table, ()))
    ]
    views.sort(key=lambda view: view["candidates"] != CHOSEN)
    return {
        "schema": LAB_SCHEMA, "source": source, "settings": settings, "views": views, "shared": shared,
    }  # fmt: skip


def _view(candidates: str, order: str, blocks: pd.DataFrame) -> dict[str, Any]:
    found = agreement(blocks)
    numbers = additivity.statistics_table(blocks, found)
    wide = reach(blocks["standard_error"], blocks["histories"])
    ends = {"joint, low": blocks["joint"] - wide, "joint, high": blocks["joint"] + wide}
    points = blocks.assign(**ends).reindex(columns=POINTS)
    gaps = points[BLOCK].assign(gap=bounded_gap(blocks["joint"], blocks["additive"]))
    shown = zip(additivity.point_figures(blocks).items(), (points, gaps), strict=True)
    panels = [_panel(title, figure, rows) for (title, figure), rows in shown]
    return {
        "candidates": candidates, "order": order, "verdict": verdict(blocks, found),
        "panels": [*panels, _panel("J against A", None, numbers)],
    }  # fmt: skip


def _panel(title: str, figure: go.Figure | None, table: pd.DataFrame) -> dict[str, Any]:
    spec = None if figure is None else json.loads(figure.to_json()) | {"config": CONFIG}
    columns = [str(name) for name in table.columns]
    cells = [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return {
        "title": title,
        "hint": ADDITIVITY.get(title, ""),
        "figure": spec,
        "columns": columns,
        "rows": cells,
    }


def _cell(value: Any) -> Any:
    """A table's cell as JSON has it."""
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int | float) or hasattr(value, "dtype"):
        number = float(value)
        return (
            (float(f"{number:.{DIGITS}g}") if number % 1 else int(number)) if math.isfinite(number) else None
        )
    return str(value)
