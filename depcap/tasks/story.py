"""A story of calculations: what its sentences say, and the lines that work them out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from depcap.tasks import wordings as words
from depcap.tasks.base import neutral

LIMIT = 99
"""Amounts stay from 1 to this."""


class Impossible(Exception):
    """This draw leaves the range of amounts: draw again."""


@dataclass
class Story:
    """A problem in the making, of exactly `steps` calculations.

    `names` are the words that carry no meaning for the answer, and what they stand for; `answer` is the
    result of the last line.
    """

    rng: Random
    steps: int
    sentences: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    done: int = 0
    answer: int = 0

    @property
    def prompt(self) -> str:
        """What is told and asked."""
        return " ".join(self.sentences) + "\n"

    @property
    def asked(self) -> str:
        """The prompt without its names: two problems that differ in names alone are one."""
        return neutral(self.prompt, self.names)

    @property
    def left(self) -> int:
        """Calculations that are still to come."""
        return self.steps - self.done

    def pick(self, slot: str, pool: Sequence[str], count: int = 1) -> list[str]:
        """Different words of a pool that the story does not use yet."""
        free = [word for word in pool if word not in self.names]
        if len(free) < count:
            raise Impossible
        chosen = self.rng.sample(free, count)
        self.names.update({word: f"<{slot} {place}>" for place, word in enumerate(chosen)})
        return chosen

    def tell(self, sentences: Sequence[str], **slots: object) -> None:
        """Say one of the sentences, which no line works out."""
        self.sentences.append(self.rng.choice(sentences).format(**slots))

    def say(self, forms: Sequence[words.Form], **slots: object) -> str:
        """Say one of the forms; returns the words that go before its calculation."""
        sentence, working = self.rng.choice(forms)
        self.sentences.append(sentence.format(**slots))
        return working.format(**slots)

    def work(self, working: str, left: int, sign: str, right: int, unit: str, name: str = "") -> int:
        """Write the line of one calculation, and perhaps whose amount it is; its result."""
        self.answer = value(left, sign, right)
        if not 1 <= self.answer <= LIMIT:
            raise Impossible
        ending = f", {name}={self.answer}" if name else f" {unit}"
        self.lines.append(f"{working}, so {left}{sign}{right}={self.answer}{ending}.")
        self.done += 1
        return self.answer

    def product(self, unit: str) -> tuple[int, int, int]:
        """Write the line of a product of two small numbers; groups, size, product."""
        g, s = self.rng.randint(2, 6), self.rng.randint(2, 9)
        return g, s, self.work(f"{g} times {s}", g, "*", s, unit)

    def distract(self) -> None:
        """Put in sentences that nothing asks about: none to two, anywhere before the question."""
        for aside in self.rng.sample(words.ASIDE, self.rng.choice((0, 1, 1, 2))):
            (stranger,), (things,) = self.pick("stranger", words.NAMES), self.pick("things", words.ITEMS)
            told = aside.format(stranger=stranger, things=things, n=self.rng.randint(3, 20))
            self.sentences.insert(self.rng.randrange(len(self.sentences)), told)


def value(left: int, sign: str, right: int) -> int:
    """What a calculation gives; Impossible if a division leaves a rest."""
    if sign == "/":
        if left % right:
            raise Impossible
        return left // right
    return {"+": left + right, "-": left - right, "*": left * right}[sign]
