"""Pieces of several lines: what to loop over, what to build, and the branches that build it."""

import re
from dataclasses import dataclass
from random import Random

from depcap.tasks.parts import CONDITIONS, Condition, Names, Phrase
from depcap.tasks.phrases import each, list_ending, number_ending, string_ending, value


@dataclass(frozen=True, slots=True)
class Source:
    """What a loop goes over: the items in words, after "for each" and after "the"; the lines around the body.

    `that` leads from the items to a condition on them, so that it is not one on what they are made of.
    """

    kind: str
    noun: str
    each: str
    many: str
    head: tuple[str, ...]
    item: str = "x"
    tail: tuple[str, ...] = ()
    signed: bool = True
    that: str = " that"


ONLY = ", only those that"


def plain(names: Names) -> Source:
    """The numbers of a list."""
    xs = names.numbers
    return Source("number", "number", f"number in {xs}", f"numbers in {xs}", (f"for x in {xs}:",))


def sliced(rng: Random, names: Names) -> Source:
    """Some of the numbers of a list, or all in another order."""
    xs, c = names.numbers, rng.randint(2, 5)
    each_of, many, code = rng.choice(
        (
            (f"number in {xs} after the first {c}", f"numbers in {xs} after the first {c}", f"{xs}[{c}:]"),
            (f"number in {xs} before the last {c}", f"numbers in {xs} before the last {c}", f"{xs}[:-{c}]"),
            (f"of the first {c} numbers in {xs}", f"first {c} numbers in {xs}", f"{xs}[:{c}]"),
            (f"of the last {c} numbers in {xs}", f"last {c} numbers in {xs}", f"{xs}[-{c}:]"),
            (f"number in {xs} in reverse order", f"numbers in {xs} in reverse order", f"{xs}[::-1]"),
            (f"number in {xs} in increasing order", f"numbers in {xs} in increasing order", f"sorted({xs})"),
        )
    )
    return Source("number", "number", each_of, many, (f"for x in {code}:",), that=ONLY)


def counted(rng: Random, names: Names) -> Source:
    """A range."""
    n, low = names.whole, rng.choice((1, 1, 1, 2, 5, 10))
    span = f"from {low} to {n}"
    head = f"for i in range({low}, {n} + 1):"
    return Source("number", "number", f"number {span}", f"numbers {span}", (head,), "i", signed=False)


def digits(names: Names) -> Source:
    """The digits of a number."""
    n = names.whole
    words = f"of the positive integer {n}, from last to first"
    head = (f"while {n} > 0:", f"    d = {n} % 10")
    tail = (f"    {n} //= 10",)
    return Source("number", "digit", f"digit {words}", f"digits {words}", head, "d", tail, False, ONLY)


def derived(rng: Random, names: Names) -> Source:
    """Numbers that are computed in the loop's first line."""
    xs, rows, s = names.numbers, names.rows, names.text
    pairs, places = f"for a, b in zip({xs}, {xs}[1:]):", f"for i, x in enumerate({xs}):"
    place = f"number in {xs} and its position (from 0)"
    noun, one, many, head, code = rng.choice(
        (
            (
                "change",
                f"from a number in {xs} to the next",
                f"from each number in {xs} to the next",
                pairs,
                "b - a",
            ),
            ("sum", f"of two neighbours in {xs}", f"of two neighbours in {xs}", pairs, "a + b"),
            ("product", f"of a {place}", f"of each {place}", places, "x * i"),
            ("sum", f"of a {place}", f"of each {place}", places, "x + i"),
            ("sum", f"of a row of {rows}", f"of the rows of {rows}", f"for row in {rows}:", "sum(row)"),
            ("length", f"of a word of {s}", f"of the words of {s}", f"for word in {s}.split():", "len(word)"),
        )
    )
    lines = (head, f"    y = {code}")
    return Source(
        "number", noun, f"{noun} {one}", f"{noun}s {many}", lines, "y", signed=noun != "length", that=ONLY
    )


def characters(names: Names) -> Source:
    """The characters of a string."""
    s = names.text
    return Source(
        "character", "character", f"character of {s}", f"characters of {s}", (f"for c in {s}:",), "c"
    )


def words_of(names: Names) -> Source:
    """The words of a string."""
    s = names.text
    return Source("word", "word", f"word of {s}", f"words of {s}", (f"for word in {s}.split():",), "word")


def condition(rng: Random, names: Names, source: Source, two: bool = False, not_about: str = "") -> Condition:
    """A condition on an item, single or joined; its code speaks of the item."""
    single, joined = CONDITIONS[source.kind]
    chosen = joined(rng, names, source.signed) if two else single(rng, names, source.signed, not_about)
    return Condition(chosen.it, chosen.they, chosen.code.format(x=source.item), chosen.about)


@dataclass(frozen=True, slots=True)
class Target:
    """What a loop builds: its name in words and code, its type, and its first value in words and code."""

    words: str
    name: str
    kind: str
    start: Phrase

    def ending(
        self, rng: Random, names: Names, item: str = "number", plain_share: float = 0.5
    ) -> tuple[str, str]:
        """A last sentence and the last line."""
        phrase = Phrase("{it}", "{x}")
        if rng.random() >= plain_share:
            if self.kind == "total":
                phrase = number_ending(rng, names)
            elif self.kind == "list":
                phrase = list_ending(rng, names, item)
            else:
                phrase = string_ending(rng, names)
        return f"Return {phrase.words.format(it=self.words)}.", f"return {phrase.code.format(x=self.name)}"


def target(rng: Random, source: Source, second: bool = False) -> Target:
    """A total, list or string for items of the source."""
    if source.kind == "character":
        return Target("the string", "out", "string", Phrase("an empty string", '""'))
    if source.kind == "number" and rng.random() < 0.6:
        start = rng.choice(("0", "0", "0", "1", str(rng.randint(2, 20))))
        return Target("the total", "total", "total", Phrase(f"a total of {start}", start))
    if second:
        return Target("the second list", "res", "list", Phrase("an empty second list", "[]"))
    return Target("the list", "out", "list", Phrase("an empty list", "[]"))


def action(rng: Random, names: Names, source: Source, goal: Target) -> Phrase:
    """What is done to the target for an item."""
    of_item = value(rng, names, source.kind, source.signed)
    of_item = Phrase(of_item.words.format(noun=source.noun), of_item.code.format(x=source.item))
    if goal.kind == "string":
        return Phrase(f"add {of_item.words}", f"out += {of_item.code}")
    if goal.kind == "list":
        onto = " to the second list" if goal.name == "res" else ""
        if rng.random() < 0.15:
            words = f"insert {of_item.words} at the front{onto.replace(' to ', ' of ')}"
            return Phrase(words, f"{goal.name}.insert(0, {of_item.code})")
        return Phrase(f"append {of_item.words}{onto}", f"{goal.name}.append({of_item.code})")
    if re.search("plus|minus", of_item.words):  # "subtract a plus b" could be read in two ways
        return Phrase(f"add {of_item.words}", f"total += {of_item.code}")
    return rng.choice(
        (
            Phrase(f"add {of_item.words}", f"total += {of_item.code}"),
            Phrase(f"add {of_item.words}", f"total += {of_item.code}"),
            Phrase(f"subtract {of_item.words}", f"total -= {of_item.code}"),
            Phrase(f"set the total to {of_item.words}", f"total = {of_item.code}"),
            Phrase("double the total", "total *= 2"),
        )
    )


def indented(lines: tuple[str, ...], depth: int = 1) -> tuple[str, ...]:
    """The lines, further to the right."""
    return tuple("    " * depth + line for line in lines)


def branches(
    rng: Random,
    names: Names,
    source: Source,
    goal: Target,
    count: int,
    otherwise: bool = True,
    two: bool = False,
) -> tuple[str, tuple[str, ...]]:
    """An if/elif/else of `count` branches: clauses, and the lines inside the loop (not indented)."""
    words: list[str] = []
    lines: list[str] = []
    about, codes = "", set[str]()
    for place in range(count):
        what = action(rng, names, source, goal)
        while what.code in codes:
            what = action(rng, names, source, goal)
        codes.add(what.code)
        if otherwise and place == count - 1:
            words.append(f"otherwise {what.words}")
            lines.append("else:")
        else:
            test = condition(rng, names, source, two and place == 0, about)
            about = test.about
            words.append(f"{'otherwise ' if place else ''}if it {test.it}, {what.words}")
            lines.append(f"{'elif' if place else 'if'} {test.code}:")
        lines.append(f"    {what.code}")
    return "; ".join(words), tuple(lines)


def loop(source: Source, lines: tuple[str, ...]) -> tuple[str, ...]:
    """The loop over a source with these lines in it."""
    return (*source.head, *indented(lines), *source.tail)


def kept(
    rng: Random, names: Names, source: Source, two: bool = False, change: float = 0.7
) -> tuple[str, tuple[str, ...]]:
    """A list of the items that pass, perhaps changed: a noun phrase after "a list of the", and its lines."""
    test = condition(rng, names, source, two)
    words, code = f"{source.many}{source.that} {test.they}", source.item
    if rng.random() < change:
        after = each(rng, names, source.kind, signed=source.signed)
        words, code = f"{words}, each {after.words}", after.code.format(x=source.item)
    lines = ("out = []", *loop(source, (f"if {test.code}:", f"    out.append({code})")))
    return words, lines
