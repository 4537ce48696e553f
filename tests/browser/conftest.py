"""One Chromium for all browser tests, and a bare page with the viewer on it."""

import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import plotly
import pytest
from payloads import payload
from playwright.sync_api import Page, expect

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome")
START_SECONDS = 120
expect.set_options(timeout=30_000)  # the other worker and the app share the machine's cores
ARGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Viewer</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>body { margin: 12px } body.dark { background: #0e1014 }</style></head>
<body><main id="place"></main><script type="module">
import { mount } from "./viewer/viewer.js";
window.viewer = mount(document.getElementById("place"), { plotly: "plotly.min.js" });
</script></body></html>
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:  # one browser, one page server: keep them in one worker
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    assert found, "the browser tests need Chromium: run `make chromium`"
    return {"executable_path": found, "args": ARGS.split()}


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app, started as `make app` starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("app") / "log.txt"
    with log.open("w") as out:
        app = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env={**os.environ, "PORT": str(port)},
            stdout=out,
            stderr=out,
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        _wait_for(url, app, log)
        yield url
    finally:
        app.terminate()
        app.wait(timeout=20)


def _wait_for(url: str, app: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert app.poll() is None, f"the app ended:\n{log.read_text()}"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(f"the app did not start within {START_SECONDS} s:\n{log.read_text()}")


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map: ClassVar[dict[str, str]] = {
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
    }

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a loopback server with the viewer, Plotly and one trace."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "viewer").symlink_to(ROOT / "app" / "viewer")
    script = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    (folder / "plotly.min.js").symlink_to(script)
    (folder / "index.html").write_text(PAGE)
    (folder / "trace.json").write_text(json.dumps(payload()))
    handler = functools.partial(_Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """Console errors, uncaught exceptions and dialogs of the page."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))

    def refuse(dialog: Any) -> None:
        found.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", refuse)
    return found


@pytest.fixture
def open_viewer(page: Page, site: str, complaints: list[str]) -> Callable[..., Page]:
    """Opens the page and, unless told otherwise, loads a payload (the served trace by default)."""

    def opened(document: dict[str, Any] | None = None, load: bool = True, charts: bool = False) -> Page:
        page.goto(site)
        page.wait_for_function("window.viewer")
        if load:
            page.evaluate("source => viewer.load(source)", "trace.json" if document is None else document)
        if charts:
            page.wait_for_function("document.querySelectorAll('.dv-panel-timeline .main-svg').length > 0")
        return page

    return opened
