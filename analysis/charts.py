"""Plotly charts of studies: points with errors, curves with bands, intervals, shares, histograms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from analysis.figures import BASE, GRID, PALETTE

COLORS = tuple(
    PALETTE[name] for name in ("influence", "blocked", "score", "uncertainty", "whatif", "ignored")
)
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")


@dataclass(frozen=True, slots=True)
class Band:
    """A curve with the range around it."""

    x: ArrayLike
    middle: ArrayLike
    low: ArrayLike
    high: ArrayLike


@dataclass(frozen=True, slots=True)
class Points:
    """A group of points; `errors` are half-widths upwards and downwards, `names` what a click gives back.

    `hollow` says which points are drawn open.
    """

    x: ArrayLike
    y: ArrayLike
    errors: ArrayLike | None = None
    names: Sequence[str] | None = None
    hollow: ArrayLike | None = None


def scatter(groups: Mapping[str, Points], x: str, y: str, identity: bool = False) -> go.Figure:
    """Points by group; with `identity` the line y = x and equal axes."""
    figure = _figure(x, y, 460)
    if identity:
        top = max((float(np.max(points.x)) for points in groups.values() if np.size(points.x)), default=1.0)
        top = max(top, max((float(np.max(p.y)) for p in groups.values() if np.size(p.y)), default=1.0))
        figure.add_trace(_line([0, 1.05 * top], [0, 1.05 * top], "y = x", "dot"))
    for place, (name, points) in enumerate(groups.items()):
        figure.add_trace(_points(name, points, place))
    return figure


def _points(name: str, points: Points, place: int) -> go.Scatter:
    errors, symbol = None, SYMBOLS[place % len(SYMBOLS)]
    hollow = np.zeros(np.size(points.x), dtype=bool) if points.hollow is None else np.asarray(points.hollow)
    if points.errors is not None:
        errors = {"type": "data", "array": np.asarray(points.errors), "thickness": 0.8, "width": 0}
    return go.Scatter(
        x=np.asarray(points.x), y=np.asarray(points.y), error_y=errors, customdata=points.names, name=name,
        mode="markers",
        marker={
            "color": _color(place), "size": 7, "opacity": 0.75,
            "symbol": [f"{symbol}-open" if is_open else symbol for is_open in hollow],
        },
        hovertemplate=("%{customdata}<br>" if points.names else "") + "(%{x:.3g}, %{y:.3g})<extra></extra>",
    )  # fmt: skip


def bands(curves: Mapping[str, Band], x: str, y: str, reference: float | None = None) -> go.Figure:
    """Curves with bands, where both ends are known; `reference` is a horizontal line."""
    figure = _figure(x, y, 380)
    if reference is not None:
        figure.add_hline(y=reference, line={"color": PALETTE["other"], "width": 1, "dash": "dot"})
    for place, (name, band) in enumerate(curves.items()):
        color, where = _color(place), np.asarray(band.x)
        low, high = np.asarray(band.low, dtype=float), np.asarray(band.high, dtype=float)
        known = ~(np.isnan(low) | np.isnan(high))
        figure.add_trace(
            go.Scatter(
                x=np.concatenate((where[known], where[known][::-1])),
                y=np.concatenate((high[known], low[known][::-1])),
                fill="toself", fillcolor=color, opacity=0.18, line={"width": 0}, hoverinfo="skip",
                showlegend=False, legendgroup=name,
            )
        )  # fmt: skip
        figure.add_trace(
            go.Scatter(
                x=where, y=np.asarray(band.middle), name=name, legendgroup=name, mode="lines+markers",
                line={"color": color, "width": 2}, marker={"size": 4},
                hovertemplate="%{x}: %{y:.3g}<extra>" + name + "</extra>",
            )
        )  # fmt: skip
    return figure


def intervals(
    labels: Sequence[str],
    values: ArrayLike,
    lows: ArrayLike,
    highs: ArrayLike,
    x: str,
    reference: float | None = None,
) -> go.Figure:
    """A value with its interval on a line of its own, from the top down."""
    middle = np.asarray(values, dtype=float)
    figure = _figure(x, "", 110 + 24 * len(labels))
    if reference is not None:
        figure.add_vline(x=reference, line={"color": PALETTE["other"], "width": 1, "dash": "dot"})
    figure.add_trace(
        go.Scatter(
            x=middle, y=list(labels), mode="markers", marker={"color": COLORS[0], "size": 9},
            error_x={
                "type": "data", "symmetric": False, "array": np.asarray(highs, dtype=float) - middle,
                "arrayminus": middle - np.asarray(lows, dtype=float), "thickness": 1.5, "width": 0,
            },
            hovertemplate="%{y}: %{x:.3g}<extra></extra>", showlegend=False,
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False, automargin=True, ticklabelstandoff=8)
    return figure


def bars(categories: Sequence[str], series: Mapping[str, ArrayLike], x: str, y: str) -> go.Figure:
    """Groups of bars, one colour per series."""
    figure = _figure(x, y, 360)
    for place, (name, values) in enumerate(series.items()):
        figure.add_trace(
            go.Bar(
                x=list(categories), y=np.asarray(values), name=name, marker={"color": _color(place)},
                hovertemplate="%{x}: %{y:.3g}<extra>" + name + "</extra>",
            )
        )  # fmt: skip
    figure.update_layout(barmode="group", bargap=0.25, xaxis_type="category")
    return figure


def histogram(groups: Mapping[str, ArrayLike], x: str, size: float) -> go.Figure:
    """Shares of each group in bins of a size."""
    figure = _figure(x, "share", 340)
    for place, (name, values) in enumerate(groups.items()):
        figure.add_trace(
            go.Histogram(
                x=np.asarray(values), name=name, histnorm="probability", xbins={"size": size},
                marker={"color": _color(place)}, opacity=0.6,
            )
        )  # fmt: skip
    figure.update_layout(barmode="overlay")
    return figure


def _line(x: Any, y: Any, name: str, dash: str) -> go.Scatter:
    line = {"color": PALETTE["other"], "dash": dash, "width": 1.5}
    return go.Scatter(x=x, y=y, name=name, mode="lines", line=line, hoverinfo="skip")


def _color(place: int) -> str:
    return COLORS[place % len(COLORS)]


def _figure(x: str, y: str, height: int) -> go.Figure:
    axis = {"showgrid": True, "gridcolor": GRID, "zeroline": False, "ticks": ""}
    return go.Figure(
        layout=go.Layout(
            **BASE, height=height, margin={"l": 64, "r": 20, "t": 40, "b": 52},
            hovermode="closest", dragmode=False, xaxis={**axis, "title": {"text": x}},
            yaxis={**axis, "title": {"text": y}},
            legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        )
    )  # fmt: skip
