"""The page: a form, and the viewer under it. No maths and no torch here."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import gradio as gr

from app import session
from app.controls import DIFFUSION_METHODS, ParameterFields
from app.presets import EXAMPLES, MODELS
from depcap import DepcapError

HERE = Path(__file__).parent
VIEWER, TRACES, PAGE = HERE / "viewer", HERE / "traces", HERE / "page"
PLOTLY = Path(str(files("plotly"))) / "package_data" / "plotly.min.js"
INTRO = """# DepCap, step by step
A diffusion language model writes by unmasking many positions at once. **DepCap** decides *how far to look* by
how much the last block changed the rest, and *what to unmask together* by which tokens do not depend on each
other. Pick a problem, watch it being decoded, then scrub through every decision."""


def build_demo() -> gr.Blocks:
    """The whole page. Nothing is loaded yet: a recorded trace is on screen before any model is."""
    gr.set_static_paths([VIEWER, TRACES, PLOTLY, session.RUNS])
    with gr.Blocks(title="DepCap", analytics_enabled=False, fill_width=True) as demo:
        gr.Markdown(INTRO, elem_id="intro")
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
                    stop = gr.Button("Stop", variant="stop", visible=False, elem_id="stop")
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
                        8, session.MAX_GEN_LENGTH, 96, step=8, label="Generation length", elem_id="length"
                    )
                with gr.Accordion("Parameters", open=False, elem_id="parameters"):
                    fields = ParameterFields("depcap")
        viewer = gr.HTML(
            html_template='<div class="depcap-host"></div>',
            js_on_load=(PAGE / "host.js").read_text(),
            apply_default_css=False,
            elem_id="viewer",
            event={"type": "load", "url": _url(TRACES / f"{EXAMPLES[0].trace}.json"), "id": 0},
            viewer=_url(VIEWER / "viewer.js"),
            plotly=_url(PLOTLY),
        )
        decode = _handler(fields)
        inputs = [prompt, model, method, cache, length, *fields.components]
        running = run.click(
            decode, inputs, [viewer, run, stop, download], concurrency_id="model", concurrency_limit=1,
            show_progress="hidden", api_visibility="private",
        )  # fmt: skip
        private = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
        stop.click(_idle, None, [run, stop], cancels=[running], **private)
        method.change(fields.visibility, method, list(fields.groups.values()), **private)
        method.change(_caches, [method, cache], cache, **private)
        examples.input(_show_example, examples, [prompt, viewer], **private)
    demo.queue(max_size=16, default_concurrency_limit=1)
    return demo


def _handler(fields: ParameterFields) -> Any:
    """The decode event: a generator whose yields reach the page one by one."""

    def decode(
        prompt: str, model: str, method: str, cache: str, length: int, *values: Any
    ) -> Iterator[tuple[Any, Any, Any, Any]]:
        try:
            decoding = session.prepare(
                prompt, model, method, cache, int(length or 0), fields.collect(method, values)
            )
            for number, event in enumerate(session.events(decoding), start=1):
                if event["type"] == "load":
                    run, download = event["run"], gr.DownloadButton
                    event = {"type": "load", "url": _url(session.RUNS / f"{run}.json")}
                    file = session.RUNS / f"{run}.parquet"
                    yield _viewer(event, number), *_idle(), download(value=str(file), visible=True)
                elif event["type"] == "begin":
                    yield _viewer(event, number), gr.Button(visible=False), gr.Button(visible=True), gr.skip()
                else:  # the buttons are left alone: a late step must not undo what Stop has done
                    yield _viewer(event, number), gr.skip(), gr.skip(), gr.skip()
        except DepcapError as error:
            gr.Warning(str(error), title="Cannot decode this")
            yield gr.skip(), *_idle(), gr.skip()

    return decode


def _viewer(event: session.Event, number: int) -> gr.HTML:
    """An event for the viewer. The number makes equal events differ, so that each is delivered."""
    return gr.HTML(event={**event, "id": number})


def _idle() -> tuple[gr.Button, gr.Button]:
    return gr.Button(visible=True), gr.Button(visible=False)


def _caches(method: str, chosen: str) -> gr.Dropdown:
    """The caches that go with a method; the chosen one stays if it is among them."""
    caches = DIFFUSION_METHODS[method].caches
    return gr.Dropdown(choices=list(caches), value=chosen if chosen in caches else "none")


def _show_example(label: str) -> tuple[str, gr.HTML]:
    """An example's text, and its recorded trace at once."""
    example = next(example for example in EXAMPLES if example.label == label)
    return example.prompt, _viewer({"type": "load", "url": _url(TRACES / f"{example.trace}.json")}, 0)


def _url(path: Path) -> str:
    return f"gradio_api/file={path}"
