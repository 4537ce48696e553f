"""Serving the page: what stands in the way is told in one line."""

import socket
from collections.abc import Iterator

import gradio as gr
import httpx
import pytest
from gradio import networking

from app.launch import serve


@pytest.fixture
def demo() -> Iterator[gr.Blocks]:
    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.Markdown("a page")
    yield blocks
    blocks.close()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def refused(demo: gr.Blocks, capsys: pytest.CaptureFixture[str]) -> str:
    """What serving says instead."""
    with pytest.raises(SystemExit) as stop:
        serve(demo)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("depcap: ")
    assert said.count("\n") == 1
    return said


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1"])
def test_a_port_is_a_number(
    demo: gr.Blocks, port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", port)
    assert f"1 to 65535, got '{port}'" in refused(demo, capsys)


def test_a_port_that_is_taken(
    demo: gr.Blocks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        said = refused(demo, capsys)
    assert f"port {port} of 127.0.0.1 is taken" in said
    assert "PORT=8000" in said


def test_a_page_that_does_not_answer(
    demo: gr.Blocks, free_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", str(free_port))
    monkeypatch.setattr(networking, "url_ok", lambda _url: False)
    assert f"no answer on 127.0.0.1:{free_port}" in refused(demo, capsys)


def test_a_proxy_that_answers_in_the_page_s_stead(
    demo: gr.Blocks, free_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Gradio raises a bare Exception then."""
    answer = httpx.Response(503, request=httpx.Request("GET", "http://127.0.0.1/"))
    monkeypatch.setenv("PORT", str(free_port))
    monkeypatch.setattr(httpx, "get", lambda *_, **__: answer)
    assert "a proxy in between" in refused(demo, capsys)
