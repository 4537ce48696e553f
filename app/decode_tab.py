"""The tab that decodes: a form, and the viewer under it. No maths and no torch here."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import gradio as gr

from app import session
from app.controls import DIFFUSION_METHODS, ParameterFields
from app.files import TRACES, url
from app.host import host
from app.presets import EXAMPLES, MODELS
from depcap import DepcapError
from depcap.generation import Decoding
from depcap.request import Settings

PRIVATE: dict[str, Any] = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
RUNNING: dict[str, Any] = {
    "concurrency_id": "model", "concurrency_limit": 1, "show_progress": "minimal",
    "api_visibility": "private",
}  # fmt: skip
"""One at a time; whoever waits is told how many are before them."""
_numbers = count(1)
"""What makes equal events for the viewer differ, so that each is delivered."""


@dataclass(frozen=True)
class Outputs:
    """What a decode changes on the page."""

    viewer: gr.HTML
    run: gr.Button
    stop: gr.Button
    download: gr.DownloadButton

    @property
    def components(self) -> list[Any]:
        """In the order of the updates that `play` yields."""
        return [self.viewer, self.run, self.stop, self.download]


def decode_tab() -> Outputs:
    """The form and the viewer, wired; what a decode changes."""
    with gr.Row(elem_id="form", equal_height=False):
        with gr.Column(scale=3, min_width=300):
            prompt = gr.Textbox(
                EXAMPLES[0].prompt, label="Problem", lines=4, max_lines=10,
                max_length=session.MAX_PROMPT_CHARACTERS, elem_id="prompt",
            )  # fmt: skip
            examples = gr.Radio(
                [example.label for example in EXAMPLES], label="Examples", value=EXAMPLES[0].label,
                elem_id="examples",
            )  # fmt: skip
            with gr.Row():
                run = gr.Button("Decode", variant="primary", elem_id="decode")
                stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="stop")
                download = gr.DownloadButton("Trace (.parquet)", visible=False, elem_id="download")
        with gr.Column(scale=2, min_width=300):
            with gr.Row():
                method = gr.Dropdown(
                    list(DIFFUSION_METHODS), value="depcap", label="Method", elem_id="method"
                )
                cache = gr.Dropdown(
                    list(DIFFUSION_METHODS["depcap"].caches), value="none", label="Cache", elem_id="cache"
                )
            with gr.Row():
                model = gr.Dropdown(MODELS, value=MODELS[0], label="Model", elem_id="model")
                length = gr.Slider(
                    8,
                    session.MAX_GEN_LENGTH,
                    session.MAX_GEN_LENGTH,
                    step=8,
                    label="Generation length",
                    elem_id="length",
                )
            with gr.Accordion("Parameters", open=False, elem_id="parameters"):
                fields = ParameterFields("depcap")
    first = {"type": "load", "url": url(TRACES / f"{EXAMPLES[0].trace}.json"), "id": 0}
    viewer = host("viewer.js", "viewer", first)
    outputs = Outputs(viewer, run, stop, download)
    inputs = [prompt, model, method, cache, length, *fields.components]
    running = run.click(_handler(fields), inputs, outputs.components, show_progress_on=prompt, **RUNNING)
    stop.click(_stop, **PRIVATE)
    restore_buttons(running, outputs)
    method.change(fields.visibility, method, list(fields.groups.values()), **PRIVATE)
    method.change(_caches, [method, cache], cache, **PRIVATE)
    examples.input(_show_example, examples, [prompt, viewer, download], **PRIVATE)
    return outputs


def _handler(fields: ParameterFields) -> Any:
    """The decode event: a generator whose yields reach the page one by one."""

    def decode(
        request: gr.Request, prompt: str, model: str, method: str, cache: str, length: int, *values: Any
    ) -> Iterator[tuple[Any, Any, Any, Any]]:
        try:
            params = fields.collect(method, values)
            settings = Settings(method, cache, int(length or 0), params=params)
            yield from play(session.prepare(prompt, model, settings), request)
        except DepcapError as error:
            gr.Warning(str(error), title="Cannot decode this")
            yield (gr.skip(),) * 4

    return decode


def play(
    decoding: Decoding, request: gr.Request, block: int | None = None
) -> Iterator[tuple[Any, Any, Any, Any]]:
    """A decode as it happens, and then its replay, at the opening of a block if one is named."""
    for event in session.events(decoding, str(request.session_hash)):
        if event["type"] == "load":
            run = event["run"]
            file = gr.DownloadButton(value=str(session.RUNS / f"{run}.parquet"), visible=True)
            yield replay(session.RUNS / f"{run}.json", block), gr.skip(), gr.skip(), file
        elif event["type"] == "begin":
            yield _viewer(event), *buttons(running=True), no_download()
        else:
            if "why" in event:
                gr.Warning(event["why"], title="Stopped")
            yield _viewer(event), gr.skip(), gr.skip(), gr.skip()


def replay(payload: Path, block: int | None = None) -> gr.HTML:
    """A recorded decode, at its end or where a block opens; also if it is what was shown last."""
    return _viewer({"type": "load", "url": url(payload), "block": block})


def _viewer(event: session.Event) -> gr.HTML:
    """An event for the viewer."""
    return gr.HTML(event={**event, "id": next(_numbers)})


def no_download() -> gr.DownloadButton:
    """What is on screen has no trace to take home."""
    return gr.DownloadButton(visible=False)


def buttons(running: bool) -> tuple[gr.Button, gr.Button]:
    """Decode and Stop. Neither leaves the page, so that who uses the keyboard stays where they are."""
    return gr.Button(interactive=not running), gr.Button(interactive=running)


def restore_buttons(running: Any, outputs: Outputs) -> None:
    """When a decode has ended, and not before: a click on Decode while it is still ending would be lost."""
    running.then(_idle, None, [outputs.run, outputs.stop], **PRIVATE)


def _stop(request: gr.Request) -> None:
    """Stop ends whatever the visitor is decoding, between two steps.

    Gradio's own `cancels` is not used: a step that is still on its way to the page when it is cancelled
    leaves the event open there for good, and every later click on Decode is ignored.
    """
    session.stop(str(request.session_hash))


def _idle(request: gr.Request) -> tuple[gr.Button, gr.Button]:
    """The buttons once nothing runs: the visitor's next decode may have begun by now."""
    return buttons(running=session.busy(str(request.session_hash)))


def _caches(method: str, chosen: str) -> gr.Dropdown:
    """The caches that go with a method; the chosen one stays if it is among them."""
    caches = DIFFUSION_METHODS[method].caches
    return gr.Dropdown(choices=list(caches), value=chosen if chosen in caches else "none")


def _show_example(label: str) -> tuple[str, gr.HTML, gr.DownloadButton]:
    """An example's text, and its recorded trace at once."""
    example = next(example for example in EXAMPLES if example.label == label)
    return example.prompt, replay(TRACES / f"{example.trace}.json"), no_download()
