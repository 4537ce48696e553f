"""How the app is served: privately by default, without telemetry, share links or monitoring."""

import os
from pathlib import Path

import gradio as gr

from analysis.figures import FONT

CSS = Path(__file__).parent / "page" / "page.css"
SANS = tuple(name.strip(" '") for name in FONT.split(","))
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
"""The visitor's own fonts, as in the figures: the theme's comes without most letters of its bold face."""


def serve(demo: gr.Blocks) -> None:
    """Serve on `PORT` (default 7860), on this machine only unless a Space says otherwise."""
    port = os.environ.get("PORT") or os.environ.get("GRADIO_SERVER_PORT") or "7860"
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise SystemExit(f"depcap: PORT must be a number from 1 to 65535, got {port!r}")
    demo.launch(
        server_name=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),
        server_port=int(port),
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
