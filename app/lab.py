"""What the additivity tab shows: recorded results, and what is measured of a visitor's own trace."""

import json
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

import depcap
from analysis.blocks import LEFT_TO_RIGHT, Plan, measure
from analysis.lab import lab_payload
from analysis.openings import openings
from analysis.swaps import problem
from app import session
from app.files import STUDIES
from app.presets import MODELS
from depcap import DepcapError
from depcap.request import Settings

TASKS = ("all", "arithmetic", "python")
PLAN = Plan(sizes=(4, 8), orders=(LEFT_TO_RIGHT,), samples=8, baselines=False, largest=32)
MAX_OPENINGS = 32
"""What is measured of an uploaded trace."""
PICK = re.compile(
    r"(?P<problem>(?:arithmetic|python)-[0-9]{4}|(?P<run>[0-9a-f]{32})), block (?P<block>[0-9]{1,3})"
)


def shipped(model: str, task: str) -> Path:
    """The recorded results of a model of the page."""
    if model not in MODELS or task not in TASKS:
        raise DepcapError(f"no results for {model!r} and {task!r}")
    return STUDIES / f"{model}-{task}.json"


def settings(model: str) -> Settings:
    """How the recorded decodes of a model were made, as its results on file say; the page is not asked."""
    told = json.loads(shipped(model, TASKS[0]).read_text(encoding="utf-8"))["settings"]
    return Settings(**told)


def picked(data: Any) -> tuple[str | Path, int]:
    """What a clicked point is of: a held-out problem, or an upload's payload; and the block."""
    name = data.get("name") if isinstance(data, dict) else None
    found = PICK.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        raise DepcapError("there is nothing to replay behind this point")
    block = int(found["block"])
    if found["run"]:
        return session.RUNS / f"{found['run']}.json", block
    _, example = problem(found["problem"]) or (None, None)
    if example is None:
        raise DepcapError("there is nothing to replay behind this point")
    return example.prompt, block


def measuring(trace: depcap.Trace, model: str) -> Iterator[str | Path]:
    """Lines to show while a trace is measured, and at last the results' file."""
    every = openings(trace)
    found = every[:MAX_OPENINGS]
    if not found:
        raise DepcapError("this decode has one block only: no last block has had an influence")
    run, rows, began, number = uuid.uuid4().hex, list[dict[str, Any]](), time.monotonic(), 0
    try:
        session.write_payload(trace, session.RUNS / f"{run}.json")
    except (TypeError, ValueError, LookupError):
        raise DepcapError("this trace is damaged: its columns do not fit each other") from None
    for number, opening in enumerate(found, start=1):
        yield f"Measuring block {number} of {len(found)} …"
        made = measure(session.model(model).denoiser, opening, PLAN, number)
        rows += [{"decode": run, "prompt": run, "task": "this trace", **row} for row in made]
        if time.monotonic() - began > session.DEADLINE_SECONDS:
            break
    source = f"Your trace: {number} of {len(every)} blocks after the first, {PLAN.samples} histories each."
    session.write_json(lab_payload(pd.DataFrame(rows), source), path := session.RUNS / f"{run}-study.json")
    session.forget_old_runs()
    yield path
