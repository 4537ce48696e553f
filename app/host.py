"""A view of ours, written in JavaScript, inside a Gradio component."""

from typing import Any

import gradio as gr

from app.files import PAGE, PLOTLY, VIEWER, url


def host(module: str, elem_id: str, event: dict[str, Any]) -> gr.HTML:
    """The component for a module of the viewer's folder, with the first event for it.

    Data goes in as the `event` property only: Gradio's templates would execute what stands in them.
    """
    return gr.HTML(
        html_template='<div class="depcap-host"></div>',
        js_on_load=(PAGE / "host.js").read_text(),
        apply_default_css=False,
        elem_id=elem_id,
        event=event,
        module=url(VIEWER / module),
        plotly=url(PLOTLY),
    )
