"""One Chromium for all browser tests, and a bare page with the viewer on it."""

import functools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import plotly
import pytest
from payloads import payload
from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
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
    if CHROMIUM.exists():
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=f"needs {CHROMIUM}"))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {"executable_path": str(CHROMIUM), "args": ARGS.split()}


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
