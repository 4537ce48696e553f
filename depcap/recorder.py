"""The recorder: a consumer of steps that builds one trace per row. It only watches.

Tensors are kept as they are and narrowed to the block; everything moves to the host once, in `finish`.
Levels: `decisions` (what was committed when, and the blocks), `scores` (with confidences, reasons, conflicts
and boundary curves) and `distributions` (with the most probable alternatives at every masked position).
"""

import importlib.metadata
import platform
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from depcap.boundary import CLAMPS
from depcap.reasons import CODES
from depcap.request import Request
from depcap.result import Result
from depcap.trace import CURVES, SCHEMA, SCHEMA_VERSION, Header, Trace
from depcap.types import Step
from depcap.unmask import as_wide

ALTERNATIVES = 5
LIBRARIES = ("depcap", "torch", "pyarrow", "safetensors", "tokenizers")


@dataclass(frozen=True, slots=True)
class Frame:
    """One step, narrowed to what a level needs; still on the device."""

    seconds: float
    values: dict[str, Tensor]


class Recorder:
    """Collects steps; `finish` makes the traces."""

    def __init__(self, request: Request, level: str) -> None:
        self.request, self.level = request, level
        self.frames: list[Frame] = []

    def step(self, step: Step, seconds: float) -> None:
        """Keep a step, without copying it off the device."""
        proposal, selection = step.proposal, step.selection
        values = {
            "live": proposal.eligible.any(dim=1), "computed": step.computed,
            "block": step.block.index, "start": step.block.start, "end": step.block.end,
            "opened": step.opened, "places": proposal.window.positions, "eligible": proposal.eligible,
            "unmask": selection.unmask,
            "remask": torch.zeros_like(selection.unmask) if selection.remask is None else selection.remask,
            "tokens": proposal.tokens,
        }  # fmt: skip
        if step.opening is not None:
            values |= {name: value for name, value in step.opening.evidence.items() if self._keeps(name)}
        if self.level != "decisions":
            values |= self._scores(step)
        if self.level == "distributions":
            count = min(ALTERNATIVES, proposal.log_probs.shape[2])
            values["top_log_probs"], values["top_ids"] = proposal.log_probs.topk(count, dim=2)
        self.frames.append(Frame(seconds, values))

    def _keeps(self, evidence: str) -> bool:
        return self.level != "decisions" or evidence in ("clamp", "wanted")

    def _scores(self, step: Step) -> dict[str, Tensor]:
        unmask = self.request.method.method.unmask
        codes, cause, rounds = unmask.explain(step.proposal, step.selection)
        values = {"reason": codes, "cause": cause, "round": rounds, "confidence": step.proposal.confidence}
        if "conflict" in step.selection.evidence:
            seen = step.selection.evidence
            edges = seen["conflict"].triu().nonzero()  # [edges, 3]: row, column, column
            row, i, j = edges.unbind(dim=1)
            candidates = as_wide(seen["candidates"], step.proposal.tokens, False)
            values |= {"candidates": candidates, "edges": edges, "d": seen["scores"][row, i, j]}
        return values

    def finish(self, results: list[Result]) -> list[Result]:
        """The results with their traces."""
        frames = [Frame(f.seconds, {k: v.cpu() for k, v in f.values.items()}) for f in self.frames]
        return [replace(result, trace=self._trace(frames, row, result)) for row, result in enumerate(results)]

    def _trace(self, frames: list[Frame], row: int, result: Result) -> Trace:
        mine = [frame for frame in frames if frame.values["live"][row]]
        rows = [self._row(frame, row, step) for step, frame in enumerate(mine, start=1)]
        ends = {record["block"]: record["end"] for record in rows}  # a block may reach further in the end
        rows = [record | {"end": ends[record["block"]]} for record in rows]
        table = pa.Table.from_pylist(rows, schema=SCHEMA)
        return Trace(self._header(result, rows), table)

    def _row(self, frame: Frame, row: int, step: int) -> dict[str, Any]:
        values = frame.values
        record: dict[str, Any] = dict.fromkeys(SCHEMA.names)
        record |= {name: int(values[name][row]) for name in ("computed", "block", "start", "end")}
        record |= {"step": step, "seconds": frame.seconds}
        record["opened"] = bool(values["opened"][row])
        chosen = values["unmask"][row]
        record["committed"] = values["places"][row][chosen].tolist()
        record["committed_tokens"] = values["tokens"][row][chosen].tolist()
        record["remasked"] = values["places"][row][values["remask"][row]].tolist()
        if record["opened"] and "clamp" in values:
            record |= _opening(values, row)
        if self.level != "decisions":
            record |= _scored(values, row)
        if self.level == "distributions":
            eligible = values["eligible"][row]
            for name in ("top_ids", "top_log_probs"):
                record[name] = values[name][row][eligible].tolist()
        return record

    def _header(self, result: Result, rows: list[dict[str, Any]]) -> Header:
        request, model = self.request, self.request.model
        return Header(
            schema_version=SCHEMA_VERSION, level=self.level, model=model.name, weights=model.weights,
            tokenizer=model.tokenizer.fingerprint() if model.tokenizer else None,
            method=request.method.name, cache=request.method.cache, stop=request.method.stop,
            params=request.method.params, helpers=dict(request.method.helpers),
            gen_length=request.settings.gen_length, seed=request.settings.seed,
            temperature=request.settings.temperature, device=str(model.denoiser.device),
            dtype=str(model.dtype).removeprefix("torch."), versions=versions(), prompt_ids=result.prompt_ids,
            mask_id=model.denoiser.mask_id, end_ids=list(model.denoiser.end_ids),
            pieces=self._pieces(result, rows), tokens=result.tokens, text=result.text, nfe=result.nfe,
            block_sizes=result.block_sizes, unmask_step=result.unmask_step, seconds=result.seconds,
            tokens_per_second=result.tokens_per_second,
        )  # fmt: skip

    def _pieces(self, result: Result, rows: list[dict[str, Any]]) -> dict[int, str]:
        """The text of every token id that the trace mentions."""
        ids = {*result.prompt_ids, *result.tokens}
        for row in rows:
            ids.update(row["committed_tokens"], row["tokens"] or [], *(row["top_ids"] or []))
        tokenizer = self.request.model.tokenizer
        return {i: tokenizer.piece(i) if tokenizer else f"<{i}>" for i in sorted(ids)}


def _opening(values: dict[str, Tensor], row: int) -> dict[str, Any]:
    clamp = CLAMPS[int(values["clamp"][row])]
    record: dict[str, Any] = {"clamp": None if clamp == "none" else clamp}
    wanted = int(values["wanted"][row]) if "wanted" in values else -1
    if wanted >= 0:
        record["wanted"] = wanted
        if "score" in values:
            valid = values["valid"][row]
            record |= {name: values[name][row][valid].tolist() for name in CURVES}
    return record


def _scored(values: dict[str, Tensor], row: int) -> dict[str, Any]:
    eligible, places = values["eligible"][row], values["places"][row]
    record: dict[str, Any] = {
        name: values[name][row][eligible].tolist() for name in ("tokens", "confidence", "cause", "round")
    }
    record["positions"] = places[eligible].tolist()
    record["reason"] = [CODES[c] for c in values["reason"][row][eligible].tolist()]
    if "edges" in values:
        record["candidates"] = places[values["candidates"][row]].tolist()
        mine = values["edges"][:, 0] == row
        ends, scores = places[values["edges"][mine][:, 1:]].tolist(), values["d"][mine].tolist()
        record["edges"] = [{"i": i, "j": j, "d": d} for (i, j), d in zip(ends, scores, strict=True)]
    return record


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that a decode depends on."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
