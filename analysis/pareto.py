"""Accuracy against cost: one figure per model, the Pareto front marked."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.figures import BASE, GRID, PALETTE
from analysis.summary import front

COSTS = (
    ("forwards", "forwards per problem (NFE, and a second model's)", False),
    ("tokens_per_second", "tokens/s", True),
)
CACHE_COLORS = ("influence", "blocked", "score", "uncertainty", "whatif", "ignored", "other")
SHAPES = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "x", "triangle-down",
          "pentagon", "bowtie", "hourglass", "triangle-left", "triangle-right", "hexagram", "star-diamond",
          "diamond-tall", "diamond-wide")  # fmt: skip
SYMBOLS = [shape + style for style in ("", "-open") for shape in SHAPES]
"""Filled, then open: no two alike. Beyond these they come round again; hovering tells which is which."""


def pareto(table: pd.DataFrame) -> go.Figure:
    """Accuracy with its 95 % interval against forwards and against tokens/s, a row of panels per task.

    Colours are caches, shapes are methods. A line joins what no other decoder beats.
    """
    tasks, caches, methods = (list(dict.fromkeys(table[name])) for name in ("task", "cache", "method"))
    figure = make_subplots(
        len(tasks), 2, shared_yaxes=True, horizontal_spacing=0.03, vertical_spacing=0.16,
        subplot_titles=[f"{task}: {title}" for task in tasks for _, title, _ in COSTS],
    )  # fmt: skip
    for line, task in enumerate(tasks, start=1):
        rows = table[table.task == task]
        for column, (cost, _, larger) in enumerate(COSTS, start=1):
            best = rows[front(rows, cost, larger)].sort_values(cost)
            figure.add_trace(_front(best, cost, larger), line, column)
            figure.update_xaxes(range=_range(rows[cost], larger), row=line, col=column)
            for _, row in rows.iterrows():
                color = PALETTE[CACHE_COLORS[caches.index(row["cache"]) % len(CACHE_COLORS)]]
                symbol = SYMBOLS[methods.index(row["method"]) % len(SYMBOLS)]
                point = _point(row, cost, color, symbol)
                point.showlegend = (line, column) == (1, 1)
                figure.add_trace(point, line, column)
    figure.update_xaxes(type="log", dtick="D2", showgrid=True, gridcolor=GRID, zeroline=False)
    figure.update_yaxes(tickformat=".0%", showgrid=True, gridcolor=GRID, zeroline=False)
    figure.update_yaxes(title_text="accuracy", col=1)
    figure.update_layout(
        **BASE, height=80 + 380 * len(tasks), hovermode="closest",
        margin={"l": 60, "r": 20, "t": 40, "b": 40},
        legend={"groupclick": "toggleitem", "tracegroupgap": 2},
    )  # fmt: skip
    return figure


def _front(best: pd.DataFrame, cost: str, larger_is_better: bool) -> go.Scatter:
    """The line, and names on the side where nothing can be."""
    side = "right" if larger_is_better else "left"
    return go.Scatter(
        x=best[cost], y=best["accuracy"], text=[f"\u2002{name}\u2002" for name in best["method"]],
        mode="lines+text", textposition=f"middle {side}", textfont={"size": 11}, cliponaxis=False,
        hoverinfo="skip", showlegend=False, line={"color": PALETTE["other"], "width": 1.5, "dash": "dot"},
        meta={"role": "front"},
    )  # fmt: skip


def _range(costs: pd.Series, larger_is_better: bool) -> list[float]:
    """Log10 limits with room for names on one side."""
    low, high = np.log10(costs.min()), np.log10(costs.max())
    near, far = 0.04 * (high - low) + 0.02, 0.22 * (high - low) + 0.05
    return [low - near, high + far] if larger_is_better else [low - far, high + near]


def _point(row: pd.Series, cost: str, color: str, symbol: str) -> go.Scatter:
    name = f"{row['method']} · {row['cache']}"
    return go.Scatter(
        x=[row[cost]], y=[row["accuracy"]], mode="markers", name=name, legendgroup=name,
        marker={"color": color, "symbol": symbol, "size": 10, "line": {"width": 1, "color": "white"}},
        error_y={
            "type": "data", "symmetric": False, "array": [row["high"] - row["accuracy"]],
            "arrayminus": [row["accuracy"] - row["low"]], "thickness": 1, "width": 0,
        },
        hovertemplate=f"<b>{name}</b><br>accuracy %{{y:.1%}}<br>%{{x:.3g}}<extra></extra>",
        meta={"role": "decoder"},
    )  # fmt: skip
