"""Tests for a python problem: arguments on which its program differs from near misses."""

import re
import zlib
from collections.abc import Iterator
from random import Random
from typing import Any

from depcap.tasks.parts import Program

NUM_TESTS = 8
ATTEMPTS = 6
"""How many sets of arguments are tried before a problem is given up."""
Case = tuple[tuple[Any, ...], Any]


def cases(program: Program, prompt: str, reference: str, function: str) -> tuple[Case, ...] | None:
    """Arguments and expected values; None if no set told the program from all its near misses.

    The outputs are of at least two kinds, of three if any set makes them so: a constant does not pass.
    """
    good: tuple[Case, ...] | None = None
    near = [_compiled(prompt + other, function) for other in near_misses(reference)]
    right = _compiled(prompt + reference, function)
    for attempt in range(ATTEMPTS):
        rng = Random(zlib.crc32(prompt.encode()) + attempt)
        arguments = [_arguments(rng, program) for _ in range(NUM_TESTS)]
        expected = [right(*args) for args in arguments]
        kinds = len({repr(value) for value in expected})
        if kinds < 2 or any(_agrees(other, arguments, expected) for other in near):
            continue
        good = tuple(zip(arguments, expected, strict=True))
        if kinds > 2:
            break
    return good


def near_misses(reference: str) -> Iterator[str]:
    """The program with each condition always met, never met, and, where it has two parts, with `and`
    and `or` exchanged or one part alone.
    """
    lines = reference.split("\n")
    for place, line in enumerate(lines):
        found = re.fullmatch(r"( *(?:el)?if )(.*):", line)
        if not found:
            continue
        parts = re.split(r" (?:and|or) ", found[2])
        swapped = re.sub(r" (and|or) ", lambda joint: " or " if joint[1] == "and" else " and ", found[2])
        for other in ("True", "False", *((swapped, *parts) if len(parts) > 1 else ())):
            yield "\n".join([*lines[:place], f"{found[1]}{other}:", *lines[place + 1 :]])


def _compiled(source: str, function: str) -> Any:
    """The function. The source is our own solution or a change of it, never a model's."""
    space: dict[str, Any] = {}
    exec(compile(source, "<reference>", "exec"), space)
    return space[function]


def _agrees(other: Any, arguments: list[tuple[Any, ...]], expected: list[Any]) -> bool:
    """Whether the near miss passes all tests."""
    return all(other(*args) == value for args, value in zip(arguments, expected, strict=True))


def _arguments(rng: Random, program: Program) -> tuple[Any, ...]:
    """One value for each parameter, often at or next to a constant of the docstring."""
    second = rng.randint(2, 9)
    edges = [int(number) + step for number in re.findall(r"\d+", program.doc) for step in (-1, 0, 1)]
    if "number" in program.kinds:
        edges += [second - 1, second, second + 1]
    marks = "".join(re.findall(r"'(\w+)'", program.doc))
    return tuple(_value(rng, kind, second, edges, marks) for kind in program.kinds)


def _value(rng: Random, kind: str, second: int, edges: list[int], marks: str) -> Any:
    if kind == "number":
        return second
    if kind == "numbers":
        return _numbers(rng, edges)
    if kind == "rows":
        return [_numbers(rng, edges) for _ in range(rng.choice((0, 1, 2, 3, 4)))]
    if kind == "text":
        return " ".join(_word(rng, marks) for _ in range(rng.choice((0, 1, 2, 3, 4, 5))))
    return rng.randint(1, 30) if kind == "count" else rng.randint(1, 999999)


def _numbers(rng: Random, edges: list[int]) -> list[int]:
    count = rng.choice((0, 1, 3, 5, 6, 7, 8))
    return [rng.choice(edges) if edges and rng.random() < 0.4 else rng.randint(-12, 30) for _ in range(count)]


def _word(rng: Random, marks: str) -> str:
    letters = "".join(
        rng.choice((marks or "aeiou", "aeioubcdnrstxyz", "AEBRST", "0123456789")) for _ in range(6)
    )
    weights = rng.choice(("abcdeilnorstu", "aeioubcdnrstxyzAEBRST0123456789", letters, marks or "aeiou"))
    return "".join(rng.choice(weights) for _ in range(rng.randint(1, 6)))
