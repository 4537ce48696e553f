"""One decode for one visitor: limits checked, steps turned into small events, the trace left at a URL."""

import json
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import depcap
from analysis.payload import payload
from app.presets import MODELS
from depcap.files import replace_text
from depcap.generation import Decoding, start
from depcap.request import Settings
from depcap.trace import json_params
from depcap.types import Step

MAX_PROMPT_CHARACTERS = 2_000
MAX_PROMPT_TOKENS = 256
MAX_GEN_LENGTH = 256
DEADLINE_SECONDS = 60
KEPT_RUNS = 64
RUNS = Path(tempfile.mkdtemp(prefix="depcap-runs-"))
"""Traces of this process's decodes; the oldest are removed."""
_wishes: dict[str, threading.Event] = {}
"""Of each visitor whose decode is under way: whether it is to end."""

Event = dict[str, Any]


@cache
def model(name: str) -> depcap.Model:
    """A model of the allow-list, loaded once."""
    if name not in MODELS:
        raise depcap.DepcapError(f"unknown model {name!r} (known: {', '.join(MODELS)})")
    return depcap.load(name)


def prepare(prompt: str, model_name: str, settings: Settings) -> Decoding:
    """A checked decode within the page's limits. Callers of the API pass through here too."""
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise depcap.DepcapError(f"the prompt has {len(prompt)} characters; at most {MAX_PROMPT_CHARACTERS}")
    if not 1 <= settings.gen_length <= MAX_GEN_LENGTH:
        raise depcap.DepcapError(f"gen_length {settings.gen_length} is out of range (1 to {MAX_GEN_LENGTH})")
    decoding = start(model(model_name), prompt, settings, "distributions")
    tokens = len(decoding.request.prompts[0])
    if tokens > MAX_PROMPT_TOKENS:
        raise depcap.DepcapError(f"the prompt has {tokens} tokens; at most {MAX_PROMPT_TOKENS}")
    return decoding


def busy(visitor: str) -> bool:
    """Whether a decode of this visitor's is under way."""
    return visitor in _wishes


def stop(visitor: str) -> None:
    """End this visitor's decode after the step that it is at."""
    if wish := _wishes.get(visitor):
        wish.set()


def events(decoding: Decoding, visitor: str) -> Iterator[Event]:
    """What the viewer is told while a decode runs; last where its trace lies, or that it was stopped."""
    wish = _wishes[visitor] = threading.Event()
    try:
        yield from _events(decoding, wish)
    finally:
        _wishes.pop(visitor, None)


def _events(decoding: Decoding, wish: threading.Event) -> Iterator[Event]:
    yield _begin(decoding)
    seen: set[int] = set(decoding.request.prompts[0])
    began = time.monotonic()
    for step in decoding:
        yield _commit(decoding, step, seen)
        if wish.is_set():
            yield {"type": "stopped"}
            return
        if time.monotonic() - began > DEADLINE_SECONDS:
            yield {"type": "stopped", "why": f"a decode on this page may take {DEADLINE_SECONDS} seconds"}
            return
    trace = decoding.results()[0].trace
    assert trace is not None
    name = uuid.uuid4().hex
    depcap.trace.save(trace, RUNS / f"{name}.parquet")
    write_payload(trace, RUNS / f"{name}.json")
    forget_old_runs()
    yield {"type": "load", "run": name}


def write_payload(trace: depcap.Trace, path: Path) -> None:
    """The viewer's payload as a file."""
    write_json(payload(trace), path)


def write_json(document: Any, path: Path) -> None:
    """A document for the browser, whole or not at all."""
    replace_text(path, json.dumps(document, separators=(",", ":"), ensure_ascii=False))


def _begin(decoding: Decoding) -> Event:
    request = decoding.request
    named, denoiser = request.method, request.model.denoiser
    prompt = request.prompts[0]
    params = json_params(named.params)
    header = {"model": request.model.name, "method": named.name, "cache": named.cache, "params": params}
    return {
        "type": "begin",
        "start": {
            "prompt": prompt, "pieces": _pieces(decoding, prompt), "gen_length": request.settings.gen_length,
            "end_id": denoiser.end_ids[0], "mask_id": denoiser.mask_id, "header": header,
        },
    }  # fmt: skip


def _commit(decoding: Decoding, step: Step, seen: set[int]) -> Event:
    chosen = step.selection.unmask[0]
    tokens = step.proposal.tokens[0][chosen].tolist()
    new = set(tokens) - seen
    seen.update(new)
    block = step.block
    return {
        "type": "commit",
        "delta": {
            "step": step.index,
            "block": {"index": int(block.index[0]), "start": int(block.start[0]), "end": int(block.end[0])},
            "positions": step.proposal.window.positions[0][chosen].tolist(),
            "tokens": tokens,
            "confidence": step.proposal.confidence[0][chosen].tolist(),
            "remasked": _remasked(step),
            "pieces": _pieces(decoding, sorted(new)),
            "nfe": int(step.nfe[0]),
            "seconds": decoding.seconds,
        },
    }


def _remasked(step: Step) -> list[int]:
    if step.selection.remask is None:
        return []
    return step.proposal.window.positions[0][step.selection.remask[0]].tolist()


def _pieces(decoding: Decoding, ids: list[int]) -> dict[str, str]:
    tokenizer = decoding.request.model.tokenizer
    assert tokenizer is not None
    return {str(token): tokenizer.piece(token) for token in ids}


def forget_old_runs() -> None:
    """Keep the files of the latest runs only."""
    files = sorted(RUNS.iterdir(), key=lambda path: path.stat().st_mtime)
    for path in files[: -2 * KEPT_RUNS]:
        path.unlink(missing_ok=True)
