"""Figures are checked by their data, not by their pixels."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from analysis import figures

NAN = math.nan
VIEWER = Path(__file__).parents[1] / "app" / "viewer"


def roles(figure: figures.go.Figure) -> list[str]:
    return [trace.meta["role"] for trace in figure.data]


@pytest.mark.parametrize(
    ("figure", "wanted"),
    [
        (figures.boundary(), ["influence", "uncertainty", "score", "whatif"]),
        (figures.conflicts(), ["blocked", "ignored", "other", "apex", "node"]),
        (figures.timeline(), ["confidence", "unmasked"]),
    ],
)
def test_empty_specs_have_every_role_and_no_data(figure: figures.go.Figure, wanted: list[str]) -> None:
    assert roles(figure) == wanted
    for trace in figure.data:
        assert len(trace.x or ()) == 0
    assert len(figure.layout.shapes) == 0
    json.loads(figure.to_json())


def test_nothing_is_sent_anywhere() -> None:
    assert figures.CONFIG["showSendToCloud"] is False
    assert figures.CONFIG["displaylogo"] is False
    assert figures.CONFIG["responsive"] is True
    assert figures.CONFIG["typesetMath"] is False


def test_specs_take_their_theme_from_the_page() -> None:
    for figure in (figures.boundary(), figures.conflicts(), figures.timeline()):
        assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
        assert figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
        assert figure.layout.xaxis.fixedrange
        assert figure.layout.yaxis.fixedrange


def test_boundary_holds_the_curves_and_the_cut() -> None:
    figure = figures.boundary([8, 9, 10], [1.0, 0.5, -0.2], [0.1, 0.2, 0.3], [0.9, 0.3, -0.5], end=10)
    influence, uncertainty, score, what_if = figure.data
    assert list(influence.x) == [8, 9, 10]
    assert list(uncertainty.y) == [0.1, 0.2, 0.3]
    assert list(score.y) == [0.9, 0.3, -0.5]
    assert len(what_if.y) == 0
    assert figure.layout.yaxis.zeroline
    (line,) = figure.layout.shapes
    assert line.x0 == line.x1 == 9.5


def test_arcs_start_and_end_on_their_tokens() -> None:
    figure = figures.conflicts([4, 6, 9], [0.9, 0.85, 0.99], [(4, 6, -9.3)], [(4, 9, -2.0)])
    blocked, ignored, other, _, node = figure.data
    assert blocked.x[0] == pytest.approx(4)
    assert blocked.x[-2] == pytest.approx(6)
    assert blocked.x[-1] is None
    assert max(y for y in blocked.y if y is not None) > 0
    assert min(y for y in ignored.y if y is not None) < 0
    assert len(other.x) == 0
    assert list(node.x) == [4, 6, 9]
    assert node.marker.size[2] > node.marker.size[1]


def test_wider_conflicts_have_higher_arcs() -> None:
    figure = figures.conflicts([0, 1, 9], [1.0] * 3, [(0, 1, -3.0), (0, 9, -3.0)])
    heights = np.array([np.nan if y is None else y for y in figure.data[0].y])
    first, second = heights[:25], heights[26:51]
    assert first.max() < second.max() == pytest.approx(1)


def test_timeline_turns_steps_into_columns() -> None:
    confidence = np.array([[0.2, 0.9, NAN], [0.7, NAN, NAN], [NAN, NAN, 0.5]])
    figure = figures.timeline(confidence, [2, 1, 0], start=20)
    heat, unmasked = figure.data
    assert list(heat.x) == [1, 2, 3]
    assert list(heat.y) == [20, 21, 22]
    assert [list(row) for row in heat.z] == [[0.2, 0.7, None], [0.9, None, None], [None, None, 0.5]]
    assert list(zip(unmasked.x, unmasked.y, strict=True)) == [(2, 20), (1, 21)]
    assert list(figure.layout.xaxis.range) == [0.5, 3.5]
    assert list(figure.layout.yaxis.range) == [22.5, 19.5]


def test_timeline_leaves_the_cursor_to_arithmetic() -> None:
    layout = figures.timeline().layout
    assert layout.margin.autoexpand is False
    assert None not in (layout.margin.l, layout.margin.r, layout.margin.t, layout.margin.b, layout.height)


def test_every_curve_and_edge_has_a_colour_in_the_style_sheet() -> None:
    style = (VIEWER / "viewer.css").read_text()
    for role in figures.PALETTE:
        assert style.count(f"--dv-{role}:") == 2, f"--dv-{role} needs a light and a dark colour"
