"""The tasks: references are right, wrong answers are not, and the test split is nobody's training data."""

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depcap.tasks import TASKS, Arithmetic, Python, Task, examples
from depcap.tasks.arithmetic import LIMIT, drill

COUNT = 60
LINE = re.compile(r"(\d+)([-+*/])(\d+)=(\d+)")
OPERATIONS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
}  # fmt: skip


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> Task:
    return TASKS[request.param]


@pytest.mark.parametrize(("name", "count"), [("arithmetic", 200), ("python", 20)])
@pytest.mark.parametrize("split", ["train", "test"])
def test_references_score_one(name: str, count: int, split: str) -> None:
    for example in examples(TASKS[name], count, split):
        assert TASKS[name].score(example, example.reference) == 1.0


@pytest.mark.parametrize(
    "completion", ["", "####", "#### x", "nonsense", "    return", "####\n\n", "\x00", "\ud800"]
)
def test_nonsense_scores_zero(task: Task, completion: str) -> None:
    example = next(examples(task, 1))
    assert task.score(example, completion) == 0.0


def test_a_wrong_number_scores_zero() -> None:
    for example in examples(Arithmetic(), 50):
        for wrong in (example.checks + 1, -example.checks, int(f"{example.checks}0")):
            assert Arithmetic().score(example, f"#### {wrong}") == 0.0


def test_only_the_first_answer_counts() -> None:
    example = next(examples(Arithmetic(), 1))
    right, wrong = f"#### {example.checks}", f"#### {example.checks + 1}"
    assert Arithmetic().score(example, f"{right}\n{wrong}") == 1.0
    assert Arithmetic().score(example, f"{wrong}\n{right}") == 0.0


def test_a_corrupted_program_scores_zero() -> None:
    changes = (("return ", "return not "), ("    ", "   "), ("return", "retrun"))
    for example in examples(Python(), 6):
        for old, new in changes:
            assert Python().score(example, example.reference.replace(old, new, 1)) == 0.0


@pytest.mark.parametrize("constant", ["0", "[]", "''", "None", "-1"])
def test_no_constant_passes(constant: str) -> None:
    for example in examples(Python(), 5):
        assert Python().score(example, f"    return {constant}") == 0.0


def test_splits_share_no_problem(task: Task) -> None:
    prompts = {split: {e.prompt for e in examples(task, COUNT, split)} for split in ("train", "test")}
    assert not prompts["train"] & prompts["test"]
    assert len(prompts["test"]) == COUNT


def test_renaming_does_not_carry_a_program_into_the_other_split() -> None:
    def asked(split: str) -> set[str]:
        docs = set()
        for example in examples(Python(), 400, split):
            head, doc = example.prompt.split("\n", 1)
            for place, name in enumerate(re.findall(r"\w+", head.split("(")[1])):
                doc = re.sub(rf"\b{name}\b", f"${place}", doc)
            docs.add(doc)
        return docs

    assert not asked("train") & asked("test")


def test_examples_are_the_same_every_time_and_differ_by_seed_and_split(task: Task) -> None:
    def first(**options: object) -> list[str]:
        return [example.prompt for example in examples(task, 10, **options)]

    assert first() == first(split="test", seed=0)
    assert first() != first(seed=1) != first(split="train")
    assert [e.prompt for e in examples(task, 5)] == first()[:5]
    assert len(set(first())) == 10


@given(st.integers(0, 10**6))
def test_every_line_of_an_arithmetic_reference_is_a_correct_calculation(seed: int) -> None:
    example = Arithmetic().sample(Random(seed), "train")
    *lines, last = example.reference.split("\n")
    assert 1 <= len(lines) <= 6
    results = []
    for line in lines:
        found = LINE.fullmatch(line)
        assert found
        left, sign, right, result = found[1], found[2], found[3], int(found[4])
        assert OPERATIONS[sign](int(left), int(right)) == result
        results.append(result)
    assert last == f"#### {example.checks}"
    assert results[-1] == example.checks


@given(st.integers(0, 10**6))
def test_arithmetic_numbers_stay_small(seed: int) -> None:
    example = Arithmetic().sample(Random(seed), "test")
    numbers = [int(n) for n in re.findall(r"\d+", example.prompt + example.reference)]
    assert all(0 <= number <= LIMIT for number in numbers)


@given(st.integers(0, 10**6))
def test_a_drill_is_one_correct_calculation(seed: int) -> None:
    prompt, response = drill(Random(seed))
    line, answer = response.split("\n")
    found = LINE.fullmatch(line)
    assert found
    assert prompt == f"What is {line.split('=')[0]}?\n"
    assert OPERATIONS[found[2]](int(found[1]), int(found[3])) == int(found[4]) == int(answer[5:])
    assert 0 <= int(found[4]) <= LIMIT


@given(st.integers(0, 10**6))
def test_a_python_problem_has_varied_checks_and_its_own_names(seed: int) -> None:
    example = Python().sample(Random(seed), "train")
    assert len(example.checks) == 8
    assert len({repr(expected) for _, expected in example.checks}) > 1
    space: dict[str, object] = {}
    exec(example.prompt + example.reference, space)
    assert re.fullmatch(r'def \w+\(.*\):\n    """.*"""\n', example.prompt)
    parameters = re.findall(r"\w+", example.prompt.split("(")[1].split(")")[0])
    assert all(re.search(rf"\b{name}\b", example.reference) for name in parameters)


def test_every_family_occurs(task: Task) -> None:
    families = {example.family for example in examples(task, 150, "train")}
    assert len(families) == {"arithmetic": 3, "python": 9}[task.name]
