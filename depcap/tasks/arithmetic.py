"""Word problems of two to eight calculations; the answer spells out each and ends with `#### N`.

The stories are in `stories`, their sentences in `wordings`. The level is the number of calculations. Numbers
stay below 100, so that a small model can know the single calculations, and what is tested is which of them to
do, on which amounts, in which order: some sentences lead nowhere, and some refer back to earlier ones.
"""

import re
from dataclasses import dataclass
from random import Random

from depcap.tasks.base import Example, Split, held_out
from depcap.tasks.stories import FAMILIES
from depcap.tasks.story import LIMIT, Impossible, Story, value

STEPS = {1: (2,), 2: (3,), 3: (4, 5), 4: (6,), 5: (7, 8)}
"""Calculations of each level."""
ANSWER = re.compile(r"####[^\S\n]*([^\n]*)")
"""What follows the first `####` in its line."""
NUMBER = re.compile(r"(-?[0-9]{1,9})\.?\s*")
"""A whole number and nothing else: `7.5`, `7*2` and `7 apples` are none, `7.` is one."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The arithmetic task (see the module)."""

    name: str = "arithmetic"
    version: int = 2

    def story(self, rng: Random, split: Split, level: int) -> tuple[Story, str]:
        """A story of the split and its family; what is asked decides the split, not the names in it."""
        family, steps = rng.choice(FAMILIES), rng.choice(STEPS[level])
        while True:
            story = Story(rng, steps)
            try:
                family(story)
                story.distract()
            except Impossible:
                continue
            if held_out(story.asked) == (split == "test"):
                return story, family.__name__

    def draw(self, rng: Random, split: Split, level: int) -> tuple[str, str]:
        """Prompt and reference of a problem."""
        return _worded(self.story(rng, split, level)[0])

    def sample(self, rng: Random, split: Split, level: int) -> Example:
        """A problem of the split, with its answer."""
        story, family = self.story(rng, split, level)
        return Example(*_worded(story), level, family, story.answer)

    def score(self, example: Example, completion: str) -> float:
        """1.0 when the first `#### N` of the completion is the right number."""
        answer = ANSWER.search(completion)
        number = NUMBER.fullmatch(answer[1]) if answer else None
        return float(number is not None and int(number[1]) == example.checks)


def _worded(story: Story) -> tuple[str, str]:
    """Prompt and reference."""
    return story.prompt, "\n".join([*story.lines, f"#### {story.answer}"])


def drill(rng: Random) -> tuple[str, str]:
    """Two to five calculations, each alone: training material, not part of the task."""
    drawn = [_calculation(rng) for _ in range(rng.randint(2, 5))]
    asked = " and ".join(f"{left}{sign}{right}" for left, sign, right in drawn)
    lines = [f"{left}{sign}{right}={value(left, sign, right)}" for left, sign, right in drawn]
    return f"What is {asked}?\n", "\n".join([*lines, f"#### {value(*drawn[-1])}"])


def _calculation(rng: Random) -> tuple[int, str, int]:
    sign = rng.choice("++--*/")
    if sign == "*":
        left = rng.randint(2, 9)
        return left, sign, rng.randint(2, 9)
    if sign == "/":
        right = rng.choice((2, 3))
        return right * rng.randint(1, LIMIT // right), sign, right
    left = rng.randint(1, LIMIT)
    if sign == "+":
        return left, sign, rng.randint(0, LIMIT - left)
    return left, sign, rng.randint(0, left)
