"""The tasks that the bundled models are trained on and scored by, and problems of your own."""

from pathlib import Path

from depcap.errors import DepcapError
from depcap.tasks.arithmetic import Arithmetic
from depcap.tasks.base import Example, Source, Task, examples
from depcap.tasks.listed import SUFFIX, Listed, read_problems
from depcap.tasks.python import Python

TASKS: dict[str, Source] = {"arithmetic": Arithmetic(), "python": Python()}


def find_task(name: str) -> Source | Listed:
    """A task by name, or that of a file of problems (`*.jsonl`)."""
    if name in TASKS:
        return TASKS[name]
    if not name.endswith(SUFFIX):
        known = ", ".join(TASKS)
        raise DepcapError(f"unknown task {name!r} (known: {known}; or a file of problems, *{SUFFIX})")
    found = read_problems(Path(name))
    if found.name in TASKS:
        raise DepcapError(f"{name}: {found.name} is a task of its own: give the file another name")
    return found


__all__ = ["TASKS", "Arithmetic", "Example", "Listed", "Python", "Source", "Task", "examples", "find_task"]
