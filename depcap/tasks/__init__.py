"""The tasks that the bundled models are trained on and scored by."""

from depcap.tasks.arithmetic import Arithmetic
from depcap.tasks.base import Example, Task, examples
from depcap.tasks.python import Python

TASKS: dict[str, Task] = {"arithmetic": Arithmetic(), "python": Python()}

__all__ = ["TASKS", "Arithmetic", "Example", "Python", "Task", "examples"]
