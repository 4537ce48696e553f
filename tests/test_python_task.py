"""The python task: references pass, near misses do not, and what is asked decides the body and the split."""

import re
from functools import cache
from random import Random

import pytest

from depcap.tasks import Python
from depcap.tasks.base import LEVELS, Example
from depcap.tasks.parts import Program
from depcap.tasks.python import asked


@cache
def problems(level: int, count: int, split: str = "train") -> tuple[Program, ...]:
    rng = Random(f"{level}/{split}")
    return tuple(Python().problem(rng, split, level)[0] for _ in range(count))


@cache
def samples(level: int, count: int) -> tuple[Example, ...]:
    rng = Random(level)
    return tuple(Python().sample(rng, "test", level) for _ in range(count))


def placed(program: Program, text: str) -> str:
    for place, name in enumerate(program.params):
        text = re.sub(rf"\b{name}\b", f"${place}", text)
    return text


def passes(example: Example, body: str) -> bool:
    """As `score`, but in this process: these programs are ours."""
    space: dict[str, object] = {}
    exec(example.prompt + body, space)
    function = space[re.findall(r"def (\w+)", example.prompt)[0]]
    try:
        return all(function(*args) == expected for args, expected in example.checks)
    except (TypeError, IndexError, ValueError, ZeroDivisionError, AttributeError, NameError):
        return False


def near_misses(body: str) -> list[str]:
    changes = [(" < ", " > "), (" > ", " < "), (" and ", " or "), (" or ", " and "), ("if not ", "if ")]
    changes += [
        (" not in ", " in "),
        (" == ", " != "),
        ("total += ", "total -= "),
        (" 1\n", " 2\n"),
        ("// ", "% "),
    ]
    changes += [(rf" + {n}\n", rf" + {n + 1}\n") for n in range(1, 21)]
    changes += [(rf" + {n})\n", rf" + {n + 1})\n") for n in range(1, 21)]
    return [body.replace(old, new, 1) for old, new in changes if old in body]


@pytest.mark.parametrize("level", LEVELS)
def test_references_pass_their_checks(level: int) -> None:
    for example in samples(level, 24):
        assert Python().score(example, example.reference) == 1.0
        assert example.level == level


@pytest.mark.parametrize("level", LEVELS)
def test_no_constant_passes(level: int) -> None:
    for example in samples(level, 24):
        assert len(example.checks) == 8
        for _, expected in example.checks:
            assert not passes(example, f"    return {expected!r}")


def test_near_misses_fail() -> None:
    missed = total = 0
    for level in LEVELS:
        for example in samples(level, 120):
            for body in near_misses(example.reference):
                total += 1
                missed += passes(example, body)
    assert total > 800
    assert missed / total < 0.1


@pytest.mark.parametrize("level", LEVELS)
def test_the_splits_share_no_problem_whatever_it_is_called(level: int) -> None:
    train = {asked(program) for program in problems(level, 2000)}
    assert not train & {asked(program) for program in problems(level, 300, "test")}


def test_what_is_asked_decides_the_body_and_names_do_not() -> None:
    bodies: dict[str, str] = {}
    for level in LEVELS:
        for program in problems(level, 2000):
            body = placed(program, "\n".join(program.body))
            assert bodies.setdefault(asked(program), body) == body


def test_a_name_is_never_a_word_of_a_docstring_or_a_variable() -> None:
    drawn = [program for level in LEVELS for program in problems(level, 1000)]
    names = {name for program in drawn for name in program.params}
    for program in drawn:
        quoted = re.findall(r"'([^']*)'", program.doc)
        assert not set(quoted) & set(program.params)
        assert program.doc.count("'") == 2 * len(quoted)
        assert not set(re.findall(r"\w+", re.sub(r"'[^']*'", "", asked(program)))) & names
        bound = re.findall(r"for ([\w, ]+) in|^ *(\w+) \+?= ", "\n".join(program.body), re.M)
        assert not {name for pair in bound for part in pair for name in part.split(", ")} & set(
            program.params
        )


def test_a_prompt_is_a_signature_and_a_line() -> None:
    for level in LEVELS:
        rng = Random(level)
        for _ in range(300):
            prompt, reference = Python().draw(rng, "train", level)
            assert re.fullmatch(r'def \w+\(\w+(, \w+)*\):\n    """[A-Z][^\n"]*\."""\n', prompt)
            assert all(line.startswith("    ") for line in reference.split("\n"))
            parameters = re.findall(r"\w+", prompt.split("(")[1].split(")")[0])
            doc = prompt.split('"""')[1]
            assert all(re.search(rf"\b{name}\b", reference) for name in parameters)
            assert all(re.search(rf"\b{name}\b", doc) for name in parameters)


def test_problems_are_many_and_of_many_shapes() -> None:
    shapes = set()
    for level in LEVELS:
        assert len({asked(program) for program in problems(level, 2000)}) > 1750
        for program in problems(level, 2000)[:600]:
            body = placed(program, "\n".join(program.body))
            shapes.add(re.sub(r'"[^"]*"', "S", re.sub(r"\b\d+\b|\$\d", "C", body)))
    assert len(shapes) >= 1000


def test_programs_grow_with_the_level() -> None:
    lines = [sum(len(program.body) for program in problems(level, 1000)) / 1000 for level in LEVELS]
    assert lines == sorted(lines)
    assert 4.5 < lines[0] < 5.5
    assert 11.5 < lines[-1] < 14.5
    assert 8 < sum(lines) / len(LEVELS) < 9.5
