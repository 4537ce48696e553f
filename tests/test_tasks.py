"""The tasks: references are right, wrong answers are not, and the test split is nobody's training data."""

import hashlib
import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import depcap
from depcap.tasks import TASKS, Arithmetic, Python, Source, examples, wordings
from depcap.tasks.arithmetic import STEPS, drill
from depcap.tasks.base import HELD_OUT_PROBLEMS, LEVELS, neutral
from depcap.tasks.story import LIMIT

COUNT = 60
LINE = re.compile(r"[\w =,]+, so (\d+)([-+*/])(\d+)=(\d+)(?: \w+|, \w+=\4)\.")
FIRST = re.compile(r"Start \w+=\d+\.")
OPERATIONS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
}  # fmt: skip
PUBLISHED = {"arithmetic": (2, "5fd6b1a239ebabba"), "python": (2, "deb3c27b3629791a")}
"""Version and digest of each held-out set."""
MEAN_TOKENS = {"arithmetic": (48, 68, 99, 133, 164), "python": (43, 63, 78, 90, 99)}
"""Of the held-out references, by level, as `docs/models/data.md` has them."""
LEAST_TOKENS = {"arithmetic": 80, "python": 60}


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> Source:
    return TASKS[request.param]


def blanked(pools: tuple[tuple[str, ...], ...], text: str) -> str:
    """The text with every word of the pools replaced by how many others came before it."""
    order: dict[str, str] = {}
    words = re.compile(r"\b(" + "|".join(word for pool in pools for word in pool) + r")\b")
    return words.sub(lambda word: order.setdefault(word[0], f"<{len(order)}>"), text)


@pytest.mark.parametrize("split", ["train", "test"])
def test_references_score_one(split: str) -> None:
    for example in examples(Arithmetic(), 200, split):
        assert Arithmetic().score(example, example.reference) == 1.0


@pytest.mark.parametrize(
    "completion", ["", "####", "#### x", "nonsense", "    return", "####\n\n", "\x00", "\ud800"]
)
def test_nonsense_scores_zero(task: Source, completion: str) -> None:
    example = next(examples(task, 1))
    assert task.score(example, completion) == 0.0


def test_a_wrong_number_scores_zero() -> None:
    for example in examples(Arithmetic(), 50):
        for wrong in (example.checks + 1, -example.checks, int(f"{example.checks}0")):
            assert Arithmetic().score(example, f"#### {wrong}") == 0.0


def test_an_answer_is_a_whole_number() -> None:
    example = next(examples(Arithmetic(), 1))
    for ending in (".5", "/2", ",000", "0" * 5_000, "*1", "-0", " + 0", ":30", "e3", " apples"):
        assert Arithmetic().score(example, f"#### {example.checks}{ending}") == 0.0
        assert Arithmetic().score(example, f"#### {example.checks}{ending}\n#### {example.checks}") == 0.0
    assert Arithmetic().score(example, f"#### {example.checks}.") == 1.0


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


def test_splits_share_no_problem(task: Source) -> None:
    """Of whatever level: what is asked, without names, is on one side."""
    prompts = {split: {e.prompt for e in examples(task, COUNT, split)} for split in ("train", "test")}
    assert not prompts["train"] & prompts["test"]
    assert len(prompts["test"]) == COUNT


@pytest.mark.parametrize(("name", "means"), MEAN_TOKENS.items())
def test_responses_are_as_long_as_the_data_page_says(name: str, means: tuple[int, ...]) -> None:
    tokenizer = depcap.load("tiny-ar", "cpu").tokenizer
    assert tokenizer is not None
    lengths: dict[int, list[int]] = {level: [] for level in LEVELS}
    for example in examples(TASKS[name], HELD_OUT_PROBLEMS):
        lengths[example.level].append(len(tokenizer.encode_response(example.reference)))
    found = [round(sum(each) / len(each)) for each in lengths.values()]
    assert tuple(found) == means
    assert sum(found) / len(found) >= LEAST_TOKENS[name]


def test_renaming_does_not_carry_a_story_into_the_other_split() -> None:
    """Every word that a story can be told with is blanked here, without asking the task for its names."""
    pools = (
        wordings.NAMES, wordings.ITEMS, wordings.BOXES, wordings.HOLDERS, wordings.RIDES, wordings.STOPS,
        wordings.MONTHS, wordings.GOODS, tuple(f"{good}s" for good in wordings.GOODS),
        tuple(word for deed in wordings.DEEDS for word in deed),
    )  # fmt: skip

    def asked(split: str, count: int) -> list[str]:
        """Blanked prompts of two calculations, where the splits would meet soonest."""
        rng = Random(split)
        return [blanked(pools, Arithmetic().draw(rng, split, 1)[0]) for _ in range(count)]

    train, test = set(asked("train", 30_000)), asked("test", 3_000)
    assert len(train) < 29_800  # so small a space that a leak would show in a hundred problems
    assert not train & set(test)


def test_the_held_out_set_is_the_one_that_is_published(task: Source) -> None:
    """A change here is a new version of the task: numbers of different versions are not comparable."""
    digest = hashlib.sha256()
    for example in examples(task, HELD_OUT_PROBLEMS):
        digest.update(repr((example.prompt, example.reference, example.level, example.checks)).encode())
    assert (task.version, digest.hexdigest()[:16]) == PUBLISHED[task.name]


def test_levels_take_turns(task: Source) -> None:
    assert [example.level for example in examples(task, 10)] == [*LEVELS, *LEVELS]


def test_examples_are_the_same_every_time_and_differ_by_seed_and_split(task: Source) -> None:
    def first(**options: object) -> list[str]:
        return [example.prompt for example in examples(task, 10, **options)]

    assert first() == first(split="test", seed=0)
    assert first() != first(seed=1) != first(split="train")
    assert [e.prompt for e in examples(task, 5)] == first()[:5]
    assert len(set(first())) == 10


@given(st.integers(0, 10**6), st.sampled_from(LEVELS))
def test_every_line_of_an_arithmetic_reference_is_a_correct_calculation(seed: int, level: int) -> None:
    example = Arithmetic().sample(Random(seed), "train", level)
    *lines, last = example.reference.split("\n")
    lines = [line for line in lines if not FIRST.fullmatch(line)]
    assert len(lines) in STEPS[level]
    results = []
    for line in lines:
        found = LINE.fullmatch(line)
        assert found
        left, sign, right, result = int(found[1]), found[2], int(found[3]), int(found[4])
        assert OPERATIONS[sign](left, right) == result
        results.append(result)
    assert last == f"#### {example.checks}"
    assert results[-1] == example.checks


@given(st.integers(0, 10**6), st.sampled_from(LEVELS))
def test_an_operand_is_told_or_was_worked_out_before(seed: int, level: int) -> None:
    example = Arithmetic().sample(Random(seed), "test", level)
    known = {"2", "3", *re.findall(r"\d+", example.prompt)}  # twice, three times, half, a third
    for line in example.reference.split("\n")[:-1]:
        if FIRST.fullmatch(line):
            continue
        found = LINE.fullmatch(line)
        assert found
        assert {found[1], found[3]} <= known
        known.add(found[4])


@given(st.integers(0, 10**6), st.sampled_from(LEVELS))
def test_arithmetic_numbers_stay_small(seed: int, level: int) -> None:
    example = Arithmetic().sample(Random(seed), "test", level)
    numbers = [int(n) for n in re.findall(r"\d+", example.prompt + example.reference)]
    assert all(0 <= number <= LIMIT for number in numbers)


def test_sentences_are_varied_and_some_lead_nowhere() -> None:
    rng, forms = Random(0), set[str]()
    asides = re.compile("|".join(re.sub(r"{\w+}", r"\\w+", aside) for aside in wordings.ASIDE))
    stories = [Arithmetic().story(rng, "train", LEVELS[number % 5])[0] for number in range(2_000)]
    for story in stories:
        for sentence in story.sentences:
            forms.add(re.sub(r"<(\w+) \d+>|\d+", "*", neutral(sentence, story.names)))
    assert len({form for form in forms if form.endswith(".")}) >= 40
    assert len({form for form in forms if form.endswith("?")}) >= 10
    told = [any(map(asides.fullmatch, story.sentences)) for story in stories]
    assert 0.6 < sum(told) / len(told) < 0.9


@given(st.integers(0, 10**6))
def test_a_drill_is_correct_calculations(seed: int) -> None:
    prompt, response = drill(Random(seed))
    *lines, answer = response.split("\n")
    assert prompt == f"What is {' and '.join(line.split('=')[0] for line in lines)}?\n"
    for line in lines:
        found = re.fullmatch(r"(\d+)([-+*/])(\d+)=(\d+)", line)
        assert found
        assert OPERATIONS[found[2]](int(found[1]), int(found[3])) == int(found[4]) <= LIMIT
    assert answer == f"#### {lines[-1].split('=')[1]}"


def test_every_family_occurs(task: Source) -> None:
    families = {example.family for example in examples(task, 300, "train")}
    assert len(families) == {"arithmetic": 6, "python": 15}[task.name]
