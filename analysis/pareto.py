"""Accuracy against cost: one figure per model, the Pareto front marked."""

from itertools import cycle

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.figures import BASE, GRID, PALETTE
from analysis.summary import COSTS, front

TITLES = {"forwards": "forwards per problem", "tokens_per_second": "tokens/s"}
CACHE_COLORS = ("influence", "blocked", "score", "uncertainty", "whatif", "ignored", "other")
SHAPES = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "x", "triangle-down",
          "pentagon", "bowtie", "hourglass", "triangle-left", "triangle-right", "hexagram", "star-diamond",
          "diamond-tall", "diamond-wide", "star-square", "star-triangle-up", "star-triangle-down",
          "hash")  # fmt: skip
"""As many as there are methods, and more; beyond these they come round again, and hovering tells which."""
FAINT = "rgba(128,128,128,0.35)"
LINE = 0.04
"""The height of a name, as a share of the accuracies' range."""


def pareto(table: pd.DataFrame) -> go.Figure:
    """Accuracy with its 95 % interval against forwards and against tokens/s, a row of panels per task.

    Colours are caches, shapes are methods: filled with their defaults, open with other parameters. A line
    joins what no other decoder beats.
    """
    tasks = list(dict.fromkeys(table["task"]))
    colors, shapes = _colors(table), _shapes(table)
    figure = make_subplots(
        len(tasks), 2, shared_yaxes=True, horizontal_spacing=0.03, vertical_spacing=0.22 / len(tasks),
        subplot_titles=[f"{task}: {TITLES[cost]}" for task in tasks for cost in COSTS],
    )  # fmt: skip
    for line, task in enumerate(tasks, start=1):
        rows = table[table.task == task]
        for column, (cost, larger) in enumerate(COSTS.items(), start=1):
            for _, row in rows.iterrows():
                symbol = shapes[base(row["method"])] + ("" if row["method"] in shapes else "-open")
                figure.add_trace(_point(row, cost, colors[row["cache"]], symbol), line, column)
            best = rows[front(rows, cost, larger)].sort_values(cost)
            room = LINE * float(np.ptp(rows["accuracy"]))
            figure.add_trace(_front(best, cost, larger, room), line, column)
            figure.update_xaxes(range=_range(rows[cost], larger), row=line, col=column)
    figure.add_traces(_keys(colors, shapes))
    figure.update_xaxes(type="log", dtick="D2", showgrid=True, gridcolor=GRID, zeroline=False)
    figure.update_yaxes(tickformat=".0%", showgrid=True, gridcolor=GRID, zeroline=False)
    figure.update_yaxes(title_text="accuracy", col=1)
    figure.update_layout(
        **BASE, height=140 + 400 * len(tasks), hovermode="closest",
        margin={"l": 60, "r": 20, "t": 40, "b": 40},
        legend={"orientation": "h", "y": -0.06, "yanchor": "top"},
    )  # fmt: skip
    return figure


def base(method: str) -> str:
    """A method's name, without its parameters."""
    return method.split(":")[0]


def short(method: str) -> str:
    """Its name, and its parameters' values alone."""
    name, *pairs = method.split(":")
    values = "/".join(pair.partition("=")[2] for pair in pairs)
    return f"{name} {values}".strip()


def _colors(table: pd.DataFrame) -> dict[str, str]:
    """The colour of each cache."""
    names = (PALETTE[name] for name in cycle(CACHE_COLORS))
    return dict(zip(dict.fromkeys(table["cache"]), names, strict=False))


def _shapes(table: pd.DataFrame) -> dict[str, str]:
    """The shape of each method."""
    return dict(zip(dict.fromkeys(map(base, table["method"])), cycle(SHAPES), strict=False))


def _keys(colors: dict[str, str], shapes: dict[str, str]) -> list[go.Scatter]:
    """The legend. A click on a method's key hides all that it is the base of."""
    gray = PALETTE["other"]
    keys = [(f"cache {cache}", color, "circle") for cache, color in colors.items()]
    keys += [(method, gray, shape) for method, shape in shapes.items()]
    return [
        go.Scatter(
            x=[None], y=[None], mode="markers", name=name, legendgroup=name, meta={"role": "key"},
            marker={"color": color, "symbol": symbol, "size": 10},
        )
        for name, color, symbol in keys
    ]  # fmt: skip


def _front(best: pd.DataFrame, cost: str, larger_is_better: bool, room: float) -> go.Scatter:
    """The line, and names on the side where nothing can be; of one method in two caches once.

    Where points are closer than `room` the most accurate is named.
    """
    names = best["method"].map(short)
    text = ("\u2002" + names + "\u2002").mask(names == names.shift(-1), "")
    last = np.inf
    for place, accuracy in best["accuracy"][text != ""].sort_values(ascending=False, kind="stable").items():
        if last - accuracy < room:
            text[place] = ""
        else:
            last = accuracy
    side = "right" if larger_is_better else "left"
    return go.Scatter(
        x=best[cost], y=best["accuracy"], text=text, mode="lines+text",
        textposition=f"middle {side}", textfont={"size": 11}, cliponaxis=False,
        hoverinfo="skip", showlegend=False, line={"color": PALETTE["other"], "width": 1.5, "dash": "dot"},
        meta={"role": "front"},
    )  # fmt: skip


def _range(costs: pd.Series, larger_is_better: bool) -> list[float]:
    """Log10 limits with room for names on one side."""
    low, high = np.log10(costs.min()), np.log10(costs.max())
    near, far = 0.04 * (high - low) + 0.02, 0.3 * (high - low) + 0.05
    return [low - near, high + far] if larger_is_better else [low - far, high + near]


def _point(row: pd.Series, cost: str, color: str, symbol: str) -> go.Scatter:
    name = f"{row['method']} · {row['cache']}"
    return go.Scatter(
        x=[row[cost]], y=[row["accuracy"]], mode="markers", name=name, legendgroup=base(row["method"]),
        marker={"color": color, "symbol": symbol, "size": 10, "line": {"width": 1}}, showlegend=False,
        error_y={
            "type": "data", "symmetric": False, "array": [row["high"] - row["accuracy"]],
            "arrayminus": [row["accuracy"] - row["low"]], "thickness": 1, "width": 0, "color": FAINT,
        },
        hovertemplate=f"<b>{name}</b><br>accuracy %{{y:.1%}}<br>%{{x:.3g}}<extra></extra>",
        meta={"role": "decoder"},
    )  # fmt: skip
