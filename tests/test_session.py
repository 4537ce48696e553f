"""One visitor's decode: what the viewer is told, and what the buttons are."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import depcap
from app import decode_tab, session
from depcap.generation import start
from depcap.request import Settings

VISITOR = "a visitor"
REQUEST: Any = SimpleNamespace(session_hash=VISITOR)


@pytest.fixture(autouse=True)
def _runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(session, "RUNS", tmp_path)


@pytest.fixture
def told(text_model: depcap.Model) -> Iterator[session.Event]:
    """The events of a decode of 12 steps."""
    decoding = start(text_model, "ab", Settings("llada", gen_length=12, stop="run_to_end"), "distributions")
    return session.events(decoding, VISITOR)


def kinds(events: Iterator[session.Event]) -> list[str]:
    return [event["type"] for event in events]


def test_a_decode_begins_commits_and_can_be_loaded(told: Iterator[session.Event]) -> None:
    assert kinds(told) == ["begin", *["commit"] * 12, "load"]


def test_a_stopped_decode_says_so_and_leaves_no_trace(told: Iterator[session.Event], tmp_path: Path) -> None:
    assert next(told)["type"] == "begin"
    session.stop(VISITOR)
    assert kinds(told) == ["commit", "stopped"]
    assert list(tmp_path.iterdir()) == []


def test_a_decode_that_takes_too_long_says_so_too(
    told: Iterator[session.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "DEADLINE_SECONDS", -1)
    *_, last = told
    assert last["type"] == "stopped"
    assert "may take" in last["why"]


def test_who_runs_nothing_cannot_stop_what_comes(told: Iterator[session.Event]) -> None:
    session.stop(VISITOR)
    assert kinds(told)[-1] == "load"


def test_buttons_are_those_of_a_decode_that_has_begun_meanwhile(told: Iterator[session.Event]) -> None:
    next(told)
    run, stop = decode_tab._idle(REQUEST)
    assert (run.interactive, stop.interactive) == (False, True)
    list(told)
    run, stop = decode_tab._idle(REQUEST)
    assert (run.interactive, stop.interactive) == (True, False)


def test_a_decode_that_is_left_is_none_any_more(told: Iterator[session.Event]) -> None:
    next(told)
    told.close()  # type: ignore[attr-defined]
    assert not session.busy(VISITOR)


def test_what_is_shown_has_no_download_of_something_else(text_model: depcap.Model) -> None:
    decoding = start(text_model, "ab", Settings("llada", gen_length=4), "distributions")
    first, *_, last = decode_tab.play(decoding, REQUEST)
    assert (first[3].visible, last[3].visible) == (False, True)
    assert decode_tab._show_example(decode_tab.EXAMPLES[0].label)[2].visible is False


def test_the_same_replay_again_is_another_event() -> None:
    path = decode_tab.TRACES / "apples.json"
    assert decode_tab.replay(path, 1).props != decode_tab.replay(path, 1).props
