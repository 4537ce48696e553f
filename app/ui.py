"""The page: an introduction and its tabs."""

import gradio as gr

from app import session
from app.decode_tab import decode_tab
from app.files import PLOTLY, STUDIES, TRACES, VIEWER
from app.lab_tab import lab_tab

UPLOADS = (3600, 3600)
"""Every how many seconds uploaded files are looked through, and how old they may be then."""
INTRO = """# DepCap, step by step
A diffusion language model writes by unmasking many positions at once. **DepCap** decides *how far to look* by
how much the last block changed the rest, and *what to unmask together* by which tokens do not depend on each
other. Pick a problem, watch it being decoded, then scrub through every decision."""


def build_demo() -> gr.Blocks:
    """The whole page. Nothing is loaded yet: a recorded trace is on screen before any model is."""
    gr.set_static_paths([VIEWER, TRACES, STUDIES, PLOTLY, session.RUNS])
    with gr.Blocks(title="DepCap", analytics_enabled=False, fill_width=True, delete_cache=UPLOADS) as demo:
        gr.Markdown(INTRO, elem_id="intro")
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Decode", id="decode"):
                outputs = decode_tab()
            with gr.Tab("Additivity", id="additivity"):
                lab_tab(tabs, outputs)
    demo.queue(max_size=16, default_concurrency_limit=1)
    return demo
