"""What a task is: prompts, references and a score."""

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, Protocol

Split = Literal["train", "test"]

LEVELS = (1, 2, 3, 4, 5)
"""How hard a problem is, from easy to hard; a held-out set goes through them in turn."""
HELD_OUT_PROBLEMS = 1_000
"""Size of a task's held-out set."""
HELD_OUT_SHARE = 20
"""One problem in this many is held out."""


@dataclass(frozen=True, slots=True)
class Example:
    """One problem: what the model reads, what it should write, and what scoring needs.

    `reference` is the canonical response; `checks` is task-specific (the expected number, or test
    cases); `level` and `family` (its generator) are for breakdowns.
    """

    prompt: str
    reference: str
    level: int
    family: str
    checks: Any


class Task(Protocol):
    """Problems that can be scored.

    `version` changes when the problems do: numbers of different versions are not comparable. `score` gives
    1.0 for a right completion and 0.0 for any other, including nonsense.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    def score(self, example: Example, completion: str) -> float: ...


class Source(Task, Protocol):
    """A task without end: `sample` draws one problem of the split and level from `rng`; `draw` gives only its
    prompt and reference, for training.
    """

    def sample(self, rng: Random, split: Split, level: int) -> Example: ...

    def draw(self, rng: Random, split: Split, level: int) -> tuple[str, str]: ...


def held_out(key: str) -> bool:
    """Whether the problem with this key belongs to the test split (by hash, so it never moves)."""
    return zlib.crc32(key.encode()) % HELD_OUT_SHARE == 0


def neutral(text: str, names: Mapping[str, str]) -> str:
    """`text` with every name, where it stands as a whole word, replaced by what it stands for.

    Two problems that differ in names alone are one problem: the split is decided by the neutral text.
    """
    if not names:
        return text
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"\b({pattern})\b", lambda found: names[found[0]], text)


def examples(task: Source, count: int, split: Split = "test", seed: int = 0) -> Iterator[Example]:
    """The first `count` distinct problems of a split, levels in turn, in an order fixed by `seed`."""
    rng = Random(f"{task.name}/{split}/{seed}")
    seen: set[str] = set()
    while len(seen) < count:
        example = task.sample(rng, split, LEVELS[len(seen) % len(LEVELS)])
        if example.prompt not in seen:
            seen.add(example.prompt)
            yield example
