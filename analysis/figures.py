"""Plotly figures of one decode: where a block ends, which tokens conflict, when each was unmasked.

Each function builds its figure once, empty or filled. The viewer in `app/viewer` fills the empty ones
step by step in the browser: it finds a trace by `meta.role` and takes colours from its style sheet, so
nothing here is called again while scrubbing.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

PALETTE: dict[str, str] = {
    "influence": "#0072B2",
    "uncertainty": "#E69F00",
    "score": "#009E73",
    "whatif": "#CC79A7",
    "blocked": "#D55E00",
    "ignored": "#56B4E9",
    "other": "#8A929C",
    "now": "#009E73",
}
"""Okabe-Ito colours of what a position, a curve or an edge is."""

SCALE = "Cividis"
"""Colour scale of confidence."""

CONFIG: dict[str, Any] = {
    "showSendToCloud": False,
    "displaylogo": False,
    "responsive": True,
    "typesetMath": False,
    "displayModeBar": "hover",
    "modeBarButtonsToRemove": [
        "select2d",
        "lasso2d",
        "zoom2d",
        "pan2d",
        "zoomIn2d",
        "zoomOut2d",
        "autoScale2d",
    ],
}
"""Plotly configuration of every figure: nothing is sent anywhere."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"

GRID = "rgba(128,128,128,0.2)"
BASE: dict[str, Any] = {
    "template": "none", "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"family": FONT, "size": 12},
}  # fmt: skip
"""Layout of every figure: it takes the colour of the page it stands on."""

Edge = tuple[int, int, float]


def boundary(
    positions: Sequence[int] = (),
    influence: Sequence[float] = (),
    uncertainty: Sequence[float] = (),
    score: Sequence[float] = (),
    end: int | None = None,
) -> go.Figure:
    """Influence, uncertainty and score over the opening window of a block.

    Parameters
    ----------
    positions
        Absolute positions of the window.
    influence, uncertainty, score
        Normalised influence, lambda_u times normalised entropy, and their difference.
    end
        Where the block ends (half-open); drawn as a vertical line.
    """
    curves = (
        ("influence", "influence", influence, "solid", 1.5),
        ("λᵤ × uncertainty", "uncertainty", uncertainty, "dot", 1.75),
        ("score", "score", score, "solid", 2.75),
        ("score, what if", "whatif", (), "dash", 2.0),
    )
    figure = go.Figure(
        [_curve(name, role, positions, y, dash, width) for name, role, y, dash, width in curves],
        _layout(height=260, margin={"l": 44, "r": 12, "t": 34, "b": 40}, hovermode="x unified"),
    )
    figure.update_xaxes(title_text="position")
    figure.update_yaxes(zeroline=True, zerolinewidth=1.5)
    if end is not None:
        figure.add_vline(x=end - 0.5, line={"color": PALETTE["score"], "width": 2})
    return figure


def conflicts(
    positions: Sequence[int] = (),
    confidence: Sequence[float] = (),
    blocked: Sequence[Edge] = (),
    ignored: Sequence[Edge] = (),
    other: Sequence[Edge] = (),
) -> go.Figure:
    """Arc diagram of one step: candidates on a line, conflicts as arcs.

    Parameters
    ----------
    positions, confidence
        The candidates.
    blocked
        Conflicts `(i, j, D)` that made a token wait; arcs above the line.
    ignored
        Conflicts between two tokens above tau_high; arcs below.
    other
        Conflicts between two tokens that waited for others.
    """
    arcs = (
        ("made a token wait", "blocked", blocked, 1.0, "solid", 2.0),
        ("ignored, both sure", "ignored", ignored, -1.0, "solid", 1.5),
        ("other conflict", "other", other, 1.0, "dot", 1.0),
    )
    traces: list[go.Scatter] = []
    for name, role, edges, side, dash, width in arcs:
        x, y = _arcs(edges, side)
        trace = _curve(name, role, x, y, dash, width)
        traces.append(trace.update(hoverinfo="skip", hovertemplate=None))
    marks: dict[str, Any] = {"mode": "markers", "showlegend": False, "hoverinfo": "text"}
    traces.append(go.Scatter(x=[], y=[], text=[], meta={"role": "apex"}, marker={"size": 7}, **marks))
    size = [8 + 8 * value for value in confidence]
    nodes = {"size": size, "color": PALETTE["other"], "line": {"width": 1.5}}
    zero = [0.0] * len(positions)
    traces.append(
        go.Scatter(x=list(positions), y=zero, text=[], meta={"role": "node"}, marker=nodes, **marks)
    )
    figure = go.Figure(
        traces, _layout(height=330, margin={"l": 24, "r": 12, "t": 34, "b": 64}, hovermode="closest")
    )
    figure.update_xaxes(showgrid=False, tickangle=-60, ticklabeloverflow="allow")
    figure.update_yaxes(visible=False, range=[-1.15, 1.15])
    return figure


def timeline(
    confidence: ArrayLike | None = None,
    unmasked_at: Sequence[int] = (),
    start: int = 0,
) -> go.Figure:
    """Confidence of each masked position of the active block over steps, and when it was unmasked.

    Parameters
    ----------
    confidence
        Steps x positions; NaN where a position was not evaluated. The first row is step 1.
    unmasked_at
        Step in which each position was unmasked, 0 for never.
    start
        Position of the first column.
    """
    matrix: NDArray[np.float64] = np.asarray([[]] if confidence is None else confidence, dtype=np.float64)
    num_steps, num_positions = matrix.shape if matrix.size else (0, 0)
    grid = (
        [[None if np.isnan(value) else float(value) for value in row] for row in matrix.T]
        if matrix.size
        else []
    )
    heat = go.Heatmap(
        x=list(range(1, num_steps + 1)),
        y=list(range(start, start + num_positions)),
        z=grid,
        zmin=0,
        zmax=1,
        colorscale=SCALE,
        hoverongaps=False,
        hovertemplate="step %{x}, position %{y}<br>confidence %{z:.3f}<extra></extra>",
        colorbar={"thickness": 8, "outlinewidth": 0, "tickvals": [0, 0.5, 1], "x": 1.01, "len": 1, "ypad": 0},
        meta={"role": "confidence"},
    )
    done = [(step, start + k) for k, step in enumerate(unmasked_at) if step > 0]
    commits = go.Scatter(
        x=[step for step, _ in done],
        y=[position for _, position in done],
        mode="markers",
        name="unmasked",
        showlegend=False,
        hoverinfo="skip",
        marker={"size": 6, "color": PALETTE["now"], "line": {"width": 1, "color": "white"}},
        meta={"role": "unmasked"},
    )
    layout = _layout(
        height=320, margin={"l": 48, "r": 48, "t": 10, "b": 40, "autoexpand": False}, hovermode="closest"
    )
    figure = go.Figure([heat, commits], layout)
    figure.update_xaxes(title_text="step", showgrid=False, range=[0.5, max(num_steps, 1) + 0.5])
    figure.update_yaxes(
        title_text="position", showgrid=False, range=[start + max(num_positions, 1) - 0.5, start - 0.5]
    )
    return figure


def _curve(
    name: str, role: str, x: Sequence[float | None], y: Sequence[float | None], dash: str, width: float
) -> go.Scatter:
    return go.Scatter(
        x=list(x),
        y=list(y),
        name=name,
        mode="lines",
        line={"color": PALETTE[role], "dash": dash, "width": width},
        hovertemplate="%{y:.3g}",
        meta={"role": role},
    )


def _arcs(edges: Sequence[Edge], side: float) -> tuple[list[float | None], list[float | None]]:
    """Half ellipses over the pairs, in one polyline with gaps; `side` 1 is above, -1 below."""
    x: list[float | None] = []
    y: list[float | None] = []
    widest = max((abs(j - i) for i, j, _ in edges), default=1)
    for i, j, _ in edges:
        angle = np.linspace(np.pi, 0, 25)
        height = side * (abs(j - i) / widest) ** 0.7
        x += [*((i + j) / 2 + abs(j - i) / 2 * np.cos(angle)).tolist(), None]
        y += [*(height * np.sin(angle)).tolist(), None]
    return x, y


def _layout(height: int, margin: dict[str, int | bool], hovermode: str) -> go.Layout:
    axis = {"fixedrange": True, "zeroline": False, "ticks": "", "automargin": False}
    return go.Layout(
        height=height,
        margin=margin,
        hovermode=hovermode,
        dragmode=False,
        **BASE,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        xaxis=axis,
        yaxis=axis,
    )
