"""The parts that python problems are made of, and the families that put them together."""

import re
from dataclasses import dataclass
from random import Random

FILTERS: dict[str, dict[str, str]] = {
    "parity": {"even": "{x} % 2 == 0", "odd": "{x} % 2 == 1"},
    "sign": {"positive": "{x} > 0", "negative": "{x} < 0"},
    "factor": {"divisible by 3": "{x} % 3 == 0", "divisible by 5": "{x} % 5 == 0"},
    "bound": {
        "greater than {k}": "{x} > {k}",
        "less than {k}": "{x} < {k}",
        "at most {k}": "{x} <= {k}",
        "not equal to {k}": "{x} != {k}",
    },
}
"""Words and code of each filter, in groups: two filters of one group make no sensible pair."""
MAPS: dict[str, str] = {
    "": "{x}",
    "the squares of ": "{x} * {x}",
    "the doubles of ": "2 * {x}",
    "the negatives of ": "-{x}",
    "the absolute values of ": "abs({x})",
    "the successors of ": "{x} + 1",
    "{k} times ": "{k} * {x}",
    "the last digits of ": "{x} % 10",
}
LETTERS: dict[str, str] = {
    "vowels": 'c in "aeiou"',
    "consonants": 'c.isalpha() and c not in "aeiou"',
    "digits": "c.isdigit()",
    "letters": "c.isalpha()",
    "spaces": 'c == " "',
    "characters after 'm'": 'c > "m"',
    "characters that are not digits": "not c.isdigit()",
}


@dataclass(frozen=True, slots=True)
class Program:
    """A problem before it is worded: signature parts, docstring, body lines, kinds of the arguments."""

    params: tuple[str, ...]
    kinds: tuple[str, ...]
    doc: str
    body: tuple[str, ...]


def _condition(rng: Random, k: str, x: str = "x", signed: bool = True) -> tuple[str, str]:
    """Words and code of one filter, or of two joined by `and` or `or`."""
    groups = [group for name, group in FILTERS.items() if signed or name != "sign"]
    (first, x_first), (second, x_second) = (rng.choice(list(g.items())) for g in rng.sample(groups, 2))
    if rng.random() < 0.45:
        words, code = first, x_first
    else:
        joint = rng.choice(("and", "or"))
        words, code = f"{first} {joint} {second}", f"{x_first} {joint} {x_second}"
    return words.format(k=k), code.format(x=x, k=k)


def _signature(doc: str, k: str, name: str, kind: str = "numbers") -> tuple[tuple[str, ...], ...]:
    """Parameters and kinds: the second parameter is there only if the docstring speaks of it."""
    uses = re.search(rf"\b{k}\b", doc) is not None
    return ((name, k), (kind, "number")) if uses else ((name,), (kind,))


def _fold(rng: Random, xs: str, k: str) -> Program:
    """Filter, map and combine one list."""
    words, condition = _condition(rng, k)
    mapped, expression = rng.choice(list(MAPS.items()))
    mapped, expression = mapped.format(k=k), expression.format(x="x", k=k)
    what, start, update = rng.choice(
        (
            ("the sum of", "total = 0", "total += {e}"),
            ("the product of", "total = 1", "total *= {e}"),
            ("the last of", "total = 0", "total = {e}"),
            ("one more than the sum of", "total = 1", "total += {e}"),
            ("minus the sum of", "total = 0", "total -= {e}"),
        )
    )
    after, last = rng.choice((("", "total"), (", plus {k}", "total + {k}"), (", modulo 7", "total % 7")))
    after, last = after.format(k=k), last.format(k=k)
    doc = f"Return {what} {mapped}the numbers in {xs} that are {words}{after}."
    params, kinds = _signature(doc, k, xs)
    loop = (f"for x in {xs}:", f"    if {condition}:", f"        {update.format(e=expression)}")
    return Program(params, kinds, doc, (start, *loop, f"return {last}"))


def _collect(rng: Random, xs: str, k: str) -> Program:
    """Filter and map one list into another."""
    words, condition = _condition(rng, k)
    mapped, expression = rng.choice(list(MAPS.items()))
    mapped, expression = mapped.format(k=k), expression.format(x="x", k=k)
    after, last = rng.choice(
        (
            ("", "out"),
            (", in reverse order", "out[::-1]"),
            (", sorted", "sorted(out)"),
            (", without the first", "out[1:]"),
            (", at most three of them", "out[:3]"),
        )
    )
    doc = f"Return a list of {mapped}the numbers in {xs} that are {words}{after}."
    params, kinds = _signature(doc, k, xs)
    loop = (f"for x in {xs}:", f"    if {condition}:", f"        out.append({expression})")
    return Program(params, kinds, doc, ("out = []", *loop, f"return {last}"))


def _extreme(rng: Random, xs: str, k: str) -> Program:
    """The largest or smallest item that passes, with a default."""
    words, condition = _condition(rng, k)
    mapped, expression = rng.choice(list(MAPS.items()))
    mapped, expression = mapped.format(k=k), expression.format(x="x", k=k)
    what, sign = rng.choice((("largest", ">"), ("smallest", "<")))
    default = rng.choice(("0", "-1", k))
    doc = (
        f"Return the {what} of {mapped}the numbers in {xs} that are {words}, or {default} if there are none."
    )
    params, kinds = _signature(doc, k, xs)
    loop = (f"for x in {xs}:", f"    if {condition}:", f"        y = {expression}")
    keep = (f"        if best is None or y {sign} best:", "            best = y")
    return Program(
        params, kinds, doc, ("best = None", *loop, *keep, f"return {default} if best is None else best")
    )


def _places(rng: Random, xs: str, k: str) -> Program:
    """Positions of the items that pass, or the first of them, or how many."""
    words, condition = _condition(rng, k)
    params, kinds = _signature(words, k, xs)
    loop = (f"for i, x in enumerate({xs}):", f"    if {condition}:")
    kind = rng.choice(("all", "first", "sum", "count"))
    if kind == "all":
        doc = f"Return the positions of the numbers in {xs} that are {words}."
        return Program(params, kinds, doc, ("out = []", *loop, "        out.append(i)", "return out"))
    if kind == "first":
        doc = f"Return the position of the first number in {xs} that is {words}, or -1 if there is none."
        return Program(params, kinds, doc, (*loop, "        return i", "return -1"))
    if kind == "sum":
        doc = f"Return the sum of the positions of the numbers in {xs} that are {words}."
        return Program(params, kinds, doc, ("total = 0", *loop, "        total += i", "return total"))
    doc = f"Return how many numbers in {xs} are {words}."
    loop = (f"for x in {xs}:", f"    if {condition}:")
    return Program(params, kinds, doc, ("count = 0", *loop, "        count += 1", "return count"))


def _rows(rng: Random, _xs: str, k: str) -> Program:
    """An inner fold for each row of a list of lists, then an outer one."""
    words, condition = _condition(rng, k)
    params, kinds = _signature(words, k, "rows", "rows")
    what, update = rng.choice((("sum", "total += x"), ("number", "total += 1"), ("last", "total = x")))
    after, last = rng.choice(
        (
            ("Return the list of these", "out"),
            ("Return the sum of these", "sum(out)"),
            ("Return the largest of these, or 0 if there are none", "max(out, default=0)"),
            ("Return these, sorted", "sorted(out)"),
        )
    )
    doc = f"For each row of rows take the {what} of its numbers that are {words}. {after}."
    inner = ("    total = 0", "    for x in row:", f"        if {condition}:", f"            {update}")
    body = ("out = []", "for row in rows:", *inner, "    out.append(total)", f"return {last}")
    return Program(params, kinds, doc, body)


def _pairs(rng: Random, xs: str, k: str) -> Program:
    """Neighbouring items: a filter on the first and a comparison with the second."""
    words, condition = _condition(rng, k, "a")
    next_words, next_condition = rng.choice(
        (("a larger", "b > a"), ("a smaller", "b < a"), ("an equal", "b == a"), ("a different", "b != a"))
    )
    what, start, update, last = rng.choice(
        (
            ("the number of", "count = 0", "count += 1", "count"),
            ("the sum of", "total = 0", "total += a", "total"),
            ("a list of", "out = []", "out.append(a)", "out"),
            ("a list of the successors of", "out = []", "out.append(a + 1)", "out"),
        )
    )
    doc = f"Return {what} the numbers in {xs} that are {words} and have {next_words} one after them."
    params, kinds = _signature(words, k, xs)
    condition = f"({condition})" if " or " in condition else condition
    loop = (
        f"for a, b in zip({xs}, {xs}[1:]):",
        f"    if {condition} and {next_condition}:",
        f"        {update}",
    )
    return Program(params, kinds, doc, (start, *loop, f"return {last}"))


def _text(rng: Random, _xs: str, _k: str) -> Program:
    """Characters of a string."""
    words, condition = rng.choice(list(LETTERS.items()))
    if rng.random() < 0.3:
        doc = f"Return how many {words} there are in s."
        loop = ("count = 0", "for c in s:", f"    if {condition}:", "        count += 1")
        return Program(("s",), ("text",), doc, (*loop, "return count"))
    how, expression = rng.choice(
        (
            ("", "c"),
            (", each twice", "c * 2"),
            (", in capitals", "c.upper()"),
            (", each with a dot", 'c + "."'),
        )
    )
    after, last = rng.choice(
        (("", "out"), (", reversed", "out[::-1]"), (", and their number at the end", "out + str(len(out))"))
    )
    doc = f"Return the {words} of s{how}{after}."
    loop = ('out = ""', "for c in s:", f"    if {condition}:", f"        out += {expression}")
    return Program(("s",), ("text",), doc, (*loop, f"return {last}"))


def _digits(rng: Random, _xs: str, k: str) -> Program:
    """A while loop over the digits of a number."""
    number = "n" if k != "n" else "m"
    words, condition = _condition(rng, k, "d", signed=False)
    params, kinds = _signature(words, k, number, "digits")
    what, start, update, last = rng.choice(
        (
            ("the sum", "total = 0", "total += d", "total"),
            ("the product", "total = 1", "total *= d", "total"),
            ("the number", "total = 0", "total += 1", "total"),
            ("the list", "total = []", "total.append(d)", "total[::-1]"),
        )
    )
    doc = f"Return {what} of the digits of {number} that are {words}."
    loop = (f"while {number} > 0:", f"    d = {number} % 10", f"    if {condition}:", f"        {update}")
    return Program(params, kinds, doc, (start, *loop, f"    {number} //= 10", f"return {last}"))


def _range(rng: Random, _xs: str, k: str) -> Program:
    """A range instead of a list."""
    words, condition = _condition(rng, "m", "i", signed=False)
    params, kinds = _signature(words, "m", k, "count")
    mapped, expression = rng.choice((("", "i"), ("the squares of ", "i * i"), ("the doubles of ", "2 * i")))
    what, start, update, last = rng.choice(
        (
            ("the sum of", "total = 0", "total += {e}", "total"),
            ("a list of", "out = []", "out.append({e})", "out"),
            ("a list, downwards, of", "out = []", "out.append({e})", "out[::-1]"),
        )
    )
    doc = f"Return {what} {mapped}the numbers from 1 to {k} that are {words}."
    loop = (f"for i in range(1, {k} + 1):", f"    if {condition}:", f"        {update.format(e=expression)}")
    return Program(params, kinds, doc, (start, *loop, f"return {last}"))


FAMILIES = (_fold, _fold, _collect, _extreme, _places, _rows, _pairs, _text, _digits, _range)
