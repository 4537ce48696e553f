"""How the app is served: privately by default, without telemetry, share links or monitoring."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import gradio as gr

from analysis.figures import FONT

CSS = Path(__file__).parent / "page" / "page.css"
SANS = tuple(name.strip(" '") for name in FONT.split(","))
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
"""The visitor's own fonts, as in the figures: the theme's comes without most letters of its bold face."""


def serve(demo: gr.Blocks) -> None:
    """Serve on `PORT` (default 7860), on this machine only unless a Space says otherwise.

    What stands in the way is told in one line, with exit code 2.
    """
    port = os.environ.get("PORT") or os.environ.get("GRADIO_SERVER_PORT") or "7860"
    host = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    if not port.isdigit() or not 0 < int(port) < 65536:
        _refuse(f"PORT must be a number from 1 to 65535, got {port!r}")
    try:
        _launch(demo, host, int(port))
    except OSError:
        _refuse(f"port {port} of {host} is taken, or not to be had; for another: PORT=8000 make app")
    except Exception:  # of any kind, Gradio's own is bare: the page was asked for once, and did not come
        _refuse(f"no answer on {host}:{port}: a proxy in between (NO_PROXY={host}), or a machine too busy")


def _refuse(why: str) -> NoReturn:
    print(f"depcap: {why}", file=sys.stderr)
    raise SystemExit(2)


def _launch(demo: gr.Blocks, host: str, port: int) -> None:
    demo.launch(
        server_name=host,
        server_port=port,
        share=False,
        show_error=False,
        enable_monitoring=False,
        run_history=False,
        mcp_server=False,
        ssr_mode=False,
        footer_links=["settings"],
        max_file_size="8mb",
        css_paths=[CSS],
        theme=gr.themes.Base(primary_hue="blue", neutral_hue="slate", font=SANS, font_mono=MONO),
    )
