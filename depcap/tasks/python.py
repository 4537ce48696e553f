"""Small Python functions from a signature and a docstring, scored by running tests on them.

A problem is composed from parts (which items to keep, what to compute of each, how to combine, what to do
at the end), so that held-out problems are new combinations of known parts. Names vary independently.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from depcap.tasks.base import Example, Split, held_out
from depcap.tasks.programs import FAMILIES, Program
from depcap.tasks.sandbox import run_program

NUM_TESTS = 8
LIST_NAMES = ("xs", "nums", "values", "items", "data")
NUMBER_NAMES = ("k", "n", "limit")
FUNCTION_NAMES = ("f", "g", "solve", "compute", "answer", "result_of", "process", "run")


@dataclass(frozen=True, slots=True)
class Python:
    """The python task (see the module)."""

    name: str = "python"
    version: int = 1

    def sample(self, rng: Random, split: Split) -> Example:
        """A problem of the split; the split is decided by what is asked, not by the names in it."""
        while True:
            family = rng.choice(FAMILIES)
            program = family(rng, *_names(rng))
            canonical = family.__name__ + "|" + _neutral(program)
            if held_out(canonical) == (split == "test"):
                example = _example(program, rng.choice(FUNCTION_NAMES), family.__name__.strip("_"))
                if len({repr(expected) for _, expected in example.checks}) > 1:  # a constant must not pass
                    return example

    def score(self, example: Example, completion: str) -> float:
        """1.0 when the completed function passes every test, run in the sandbox."""
        cases = [(args, expected) for args, expected in example.checks]
        outcome = run_program(example.prompt + completion, [args for args, _ in cases])
        if outcome.error is not None:
            return 0.0
        return float(all(got == want for got, (_, want) in zip(outcome.values, cases, strict=True)))


def _names(rng: Random) -> tuple[str, str]:
    return rng.choice(LIST_NAMES), rng.choice(NUMBER_NAMES)


def _neutral(program: Program) -> str:
    """The program's docstring with its parameter names replaced by their places."""
    words = program.doc
    for place, name in enumerate(program.params):
        words = re.sub(rf"\b{re.escape(name)}\b", f"${place}", words)
    return words


def _example(program: Program, function: str, family: str) -> Example:
    head = f"def {function}({', '.join(program.params)}):\n"
    prompt = f'{head}    """{program.doc}"""\n'
    body = "\n".join(f"    {line}" for line in program.body)
    rng = Random(zlib.crc32(prompt.encode()))
    arguments = [tuple(ARGUMENTS[kind](rng) for kind in program.kinds) for _ in range(NUM_TESTS)]
    return Example(prompt, body, family, tuple(_solve(prompt + body, function, arguments)))


def _solve(source: str, function: str, arguments: list[tuple[Any, ...]]) -> list[tuple[Any, Any]]:
    """The reference outputs. The source is our own canonical solution, never a model's."""
    space: dict[str, Any] = {}
    exec(compile(source, "<reference>", "exec"), space)
    return [(args, space[function](*args)) for args in arguments]


def _numbers(rng: Random) -> list[int]:
    return [rng.randint(-12, 30) for _ in range(rng.choice((0, 1, 3, 5, 7, 9)))]


ARGUMENTS: dict[str, Callable[[Random], Any]] = {
    "numbers": _numbers,
    "number": lambda rng: rng.randint(0, 12),
    "rows": lambda rng: [_numbers(rng) for _ in range(rng.choice((0, 1, 2, 3, 4)))],
    "text": lambda rng: "".join(rng.choice("aeioubcdnrstxyz 0123456789") for _ in range(rng.randint(4, 14))),
    "count": lambda rng: rng.randint(0, 40),
    "digits": lambda rng: rng.randint(0, 99999),
}
