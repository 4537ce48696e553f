"""Training data: problems drawn without end, tokenized, packed to rows of a few lengths."""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer
from torch import Tensor

from depcap.tasks import TASKS
from depcap.tasks.arithmetic import drill
from depcap.tasks.base import LEVELS

TOKENIZER = Path(__file__).parents[1] / "depcap" / "bundled" / "tokenizer.json"
END_ID, MASK_ID = 0, 1
DRILL_SHARE = 0.08


@dataclass(frozen=True)
class Batch:
    """Rows of one length: clean ids, where the response starts, where its first end token stands."""

    ids: Tensor  # [B L]
    start: Tensor  # [B]
    end: Tensor  # [B]


Problem = Callable[[Random], tuple[str, str]]
"""Draws a prompt and its response."""
Row = tuple[list[int], list[int]]
"""Token ids of a prompt and its response."""


@dataclass(frozen=True)
class Source:
    """Where batches come from: about `tokens` tokens each, in rows of one of the `lengths`.

    `stretch` is how often a row goes to the shortest length that it fits, to the next, and so on: a network
    that has seen no long tail of padding does not know what to do with a long generation region.
    """

    problem: Problem
    tokens: int
    lengths: tuple[int, ...]
    stretch: tuple[float, ...]


def batches(source: Source, seed: int, first_step: int) -> Iterator[Batch]:
    """One batch per step; a step's draw hangs on the seed and its number alone."""
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    step = first_step
    while True:
        yield _batch(source, tokenizer, Random(f"{seed}/{step}"))
        step += 1


def _batch(source: Source, tokenizer: Tokenizer, rng: Random) -> Batch:
    """A length is drawn first, then rows until there are enough of it.

    A batch has fewer rows of a greater length, which is chosen so much more often: rows occur as often as
    problems do.
    """
    while True:
        length, row = _row(source, tokenizer, rng)
        if rng.random() < length / source.lengths[-1]:
            break
    rows = [row]
    while (len(rows) + 1) * length <= source.tokens:
        other, row = _row(source, tokenizer, rng)
        if other == length:
            rows.append(row)
    return _pack(rows, length)


def _row(source: Source, tokenizer: Tokenizer, rng: Random) -> tuple[int, Row]:
    """The ids of a problem that fits a row, and the length of the row that they go to."""
    fits: list[int] = []
    while not fits:
        head, tail = (tokenizer.encode(text).ids for text in source.problem(rng))
        fits = [length for length in source.lengths if len(head) + len(tail) < length]
    further = rng.choices(range(len(source.stretch)), source.stretch)[0]
    return fits[min(further, len(fits) - 1)], (head, tail)


@dataclass(frozen=True)
class Mixture:
    """Problems of both training splits, this share of them arithmetic, all levels alike; and drills."""

    arithmetic: float

    def __call__(self, rng: Random) -> tuple[str, str]:
        """A problem, as `Problem` says."""
        if rng.random() < DRILL_SHARE:
            return drill(rng)
        task = TASKS["arithmetic" if rng.random() < self.arithmetic else "python"]
        return task.draw(rng, "train", rng.choice(LEVELS))


def _pack(rows: list[Row], length: int) -> Batch:
    ids = [head + tail + [END_ID] * (length - len(head) - len(tail)) for head, tail in rows]
    start = [len(head) for head, _ in rows]
    end = [len(head) + len(tail) for head, tail in rows]
    return Batch(torch.tensor(ids), torch.tensor(start), torch.tensor(end))


def prefetch(source: Iterator[Batch], depth: int = 8) -> Iterator[Batch]:
    """Run `source` in a thread, so that the cores stay on the network; what it raises is raised here."""
    ready: queue.Queue[Batch | Exception | None] = queue.Queue(depth)

    def fill() -> None:
        try:
            for batch in source:
                ready.put(batch)
            ready.put(None)
        except Exception as error:
            ready.put(error)

    threading.Thread(target=fill, daemon=True).start()
    while (item := ready.get()) is not None:
        if isinstance(item, Exception):
            raise item
        yield item
