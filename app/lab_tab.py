"""The tab that asks whether influence is additive: recorded results, or a trace of the visitor's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from app import lab, session
from app.decode_tab import PRIVATE, RUNNING, Outputs, no_download, play, replay, restore_buttons
from app.files import url
from app.host import host
from app.presets import MODELS
from app.uploads import uploaded
from depcap import DepcapError

INTRO = """DepCap judges each token by how far the last block moved it alone. Is what the last block did to a
block's tokens *together* the sum of that? Every point below is one block of a recorded decode."""


def lab_tab(tabs: gr.Tabs, outputs: Outputs) -> None:
    """Results by model and task, or a trace to measure; a clicked point is replayed in the other tab."""
    gr.Markdown(INTRO, elem_id="lab-intro")
    with gr.Row(elem_id="lab-form"):
        model = gr.Dropdown(MODELS, value=MODELS[0], label="Model", elem_id="lab-model")
        task = gr.Dropdown(list(lab.TASKS), value=lab.TASKS[0], label="Task", elem_id="lab-task")
        file = gr.UploadButton(
            "Measure a trace of your own (.parquet)", file_types=[".parquet"], elem_id="lab-file"
        )
    first = {"type": "load", "url": url(lab.shipped(MODELS[0], lab.TASKS[0])), "id": 0}
    view = host("lab.js", "lab", first)
    for choice in (model, task):
        choice.input(_show, [model, task], view, **PRIVATE)
    file.upload(_measure, [file, model], view, show_progress_on=model, **RUNNING)
    replayed = view.pick(_replay, model, [tabs, *outputs.components], show_progress_on=model, **RUNNING)
    restore_buttons(replayed, outputs)


def _show(model: str, task: str) -> gr.HTML:
    try:
        return _view(lab.shipped(model, task))
    except DepcapError as error:
        gr.Warning(str(error), title="Cannot show this")
        return gr.skip()


def _view(path: Path) -> gr.HTML:
    return gr.HTML(event={"type": "load", "url": url(path), "id": path.name})


def _measure(file: str, model: str) -> Iterator[gr.HTML]:
    """Measure an uploaded trace: a line while it takes its time, then what was found."""
    try:
        for made in lab.measuring(uploaded(file, session.model(model)), model):
            yield _view(made) if isinstance(made, Path) else gr.HTML(event={"type": "say", "line": made})
    except DepcapError as error:
        gr.Warning(str(error), title="Cannot measure this")
        yield gr.skip()


def _replay(model: str, request: gr.Request, event: gr.EventData) -> Iterator[tuple[Any, ...]]:
    """Show where the point's block opens; a held-out problem is decoded again for that."""
    try:
        what, block = lab.picked(event._data)
        if isinstance(what, Path):
            yield gr.Tabs(selected="decode"), replay(what, block), gr.skip(), gr.skip(), no_download()
            return
        decoding = session.prepare(what, model, lab.settings(model))
        shown: Any = gr.Tabs(selected="decode")
        for updates in play(decoding, request, block):
            yield shown, *updates
            shown = gr.skip()  # a visitor who has gone elsewhere is not called back
    except DepcapError as error:
        gr.Warning(str(error), title="Cannot replay this")
        yield (gr.skip(),) * 5
