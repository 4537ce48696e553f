"""What `docs/models/data.md` says of the held-out sets: `python -m scripts.split_facts`, some three minutes.

How many held-out stories training meets with other sentences that lead nowhere, and how many held-out
programs are passed over because no test tells one of their conditions from its absence.
"""

import re
from random import Random

from depcap.tasks import Arithmetic, Python, wordings
from depcap.tasks.base import LEVELS, neutral
from depcap.tasks.cases import cases
from depcap.tasks.python import worded
from depcap.tasks.story import Story

ASIDES = re.compile("|".join(re.sub(r"{\w+}", r"\\w+", aside) for aside in wordings.ASIDE))
HELD, DRAWS, PROGRAMS = 200, 60_000, 200


def core(story: Story) -> str:
    """What a story asks, without what leads nowhere."""
    return " ".join(neutral(part, story.names) for part in story.sentences if not ASIDES.fullmatch(part))


def met(level: int) -> int:
    """How many held-out stories of a level occur in so many training draws of it, but for asides."""
    task, held, train = Arithmetic(), Random("held"), Random(f"train{level}")
    seen = {core(task.story(train, "train", level)[0]) for _ in range(DRAWS)}
    return sum(core(task.story(held, "test", level)[0]) in seen for _ in range(HELD))


def passed_over(level: int) -> int:
    """How many of the held-out side's programs have no tests that tell them from near misses."""
    task, rng, count = Python(), Random(f"programs{level}"), 0
    for _ in range(PROGRAMS):
        program, _family = task.problem(rng, "test", level)
        count += cases(program, *worded(program, "f"), "f") is None
    return count


def main() -> None:
    """Print both, level by level."""
    for level in LEVELS:
        print(
            f"level {level}: {met(level)} of {HELD} stories met in {DRAWS:,} draws;"
            f" {passed_over(level)} of {PROGRAMS} programs passed over",
            flush=True,
        )


if __name__ == "__main__":
    main()
