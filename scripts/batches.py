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

TOKENIZER = Path(__file__).parents[1] / "depcap" / "bundled" / "tokenizer.json"
END_ID, MASK_ID = 0, 1
BUCKETS = (64, 96, 128, 192, 320)
DRILL_SHARE = 0.15
ARITHMETIC_SHARE = 0.6


@dataclass(frozen=True)
class Batch:
    """Rows of one length: clean ids, where the response starts, where its first end token stands."""

    ids: Tensor  # [B L]
    start: Tensor  # [B]
    end: Tensor  # [B]


Problem = Callable[[Random], tuple[str, str]]
"""Draws a prompt and its response."""


def batches(
    problem: Problem, tokens: int, stretch: tuple[float, ...], seed: int, first_step: int
) -> Iterator[Batch]:
    """One batch of about `tokens` tokens per step; a step's draw hangs on the seed and its number alone.

    `stretch` is how often a row goes to the smallest bucket it fits, to the next, and so on: a network that
    has seen no long tail of padding does not know what to do with a long generation region.
    """
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    step = first_step
    while True:
        yield _batch(tokenizer, problem, tokens, Random(f"{seed}/{step}"), stretch)
        step += 1


def _batch(
    tokenizer: Tokenizer, problem: Problem, tokens: int, rng: Random, stretch: tuple[float, ...]
) -> Batch:
    """Rows are drawn until some length's bucket is full."""
    rows: dict[int, list[tuple[list[int], list[int]]]] = {length: [] for length in BUCKETS}
    while True:
        prompt, response = problem(rng)
        head, tail = tokenizer.encode(prompt).ids, tokenizer.encode(response).ids
        fits = [length for length in BUCKETS if len(head) + len(tail) < length]
        further = rng.choices(range(len(stretch)), stretch)[0]
        length = fits[min(further, len(fits) - 1)]
        rows[length].append((head, tail))
        if len(rows[length]) * length >= tokens:
            return _pack(rows[length], length)


def tasks(rng: Random) -> tuple[str, str]:
    """A problem of either task's training split, or a drill."""
    if rng.random() < DRILL_SHARE:
        return drill(rng)
    task = TASKS["arithmetic" if rng.random() < ARITHMETIC_SHARE else "python"]
    example = task.sample(rng, "train")
    return example.prompt, example.reference


def _pack(rows: list[tuple[list[int], list[int]]], length: int) -> Batch:
    ids = [head + tail + [END_ID] * (length - len(head) - len(tail)) for head, tail in rows]
    start = [len(head) for head, _ in rows]
    end = [len(head) + len(tail) for head, tail in rows]
    return Batch(torch.tensor(ids), torch.tensor(start), torch.tensor(end))


def prefetch(source: Iterator[Batch], depth: int = 8) -> Iterator[Batch]:
    """Run `source` in a thread, so that the cores stay on the network."""
    ready: queue.Queue[Batch] = queue.Queue(depth)

    def fill() -> None:
        for item in source:
            ready.put(item)

    threading.Thread(target=fill, daemon=True).start()
    while True:
        yield ready.get()
