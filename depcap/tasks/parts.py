"""The parts that python problems are made of: names, and conditions in words and in code."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

LETTERS = "abcdeghiloprtu"
"""Those that are quoted in docstrings; none is the name of a parameter."""
MARKS = "*-.#!+"


@dataclass(frozen=True, slots=True)
class Program:
    """A problem before it is worded: signature parts, docstring, body lines, kinds of the arguments."""

    params: tuple[str, ...]
    kinds: tuple[str, ...]
    doc: str
    body: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Parameter names to use: none is an English word of a docstring, none a variable of a body."""

    numbers: str
    rows: str
    text: str
    whole: str
    second: str

    def program(self, doc: str, body: tuple[str, ...]) -> Program:
        """The program; it has the parameters that the body speaks of."""
        code = re.sub(r'"[^"]*"', "", "\n".join(body))
        kinds = {
            self.numbers: "numbers",
            self.rows: "rows",
            self.text: "text",
            self.whole: "digits" if f"{self.whole} //= 10" in code else "count",
            self.second: "number",
        }
        params = tuple(name for name in kinds if re.search(rf"\b{name}\b", code))
        return Program(params, tuple(kinds[name] for name in params), doc, body)


@dataclass(frozen=True, slots=True)
class Condition:
    """A predicate of `it` and of `they`, its code with `{x}` for the item, and what it is about."""

    it: str
    they: str
    code: str
    about: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words and their code, with `{x}` for the item and, in the words, `{noun}` for what it is called."""

    words: str
    code: str


def constant(rng: Random, names: Names, low: int = 1, high: int = 20) -> str:
    """A number, or now and then the second parameter."""
    return names.second if rng.random() < 0.1 else str(rng.randint(low, high))


def _adjective(words: str, code: str, about: str) -> Condition:
    return Condition(f"is {words}", f"are {words}", code, about)


def _above(rng: Random, names: Names, low: int = 1, high: int = 20) -> Condition:
    c = constant(rng, names, low, high)
    return _adjective(
        *rng.choice(((f"greater than {c}", f"{{x}} > {c}"), (f"at least {c}", f"{{x}} >= {c}"))), "bound"
    )


def _below(rng: Random, names: Names, low: int = 1, high: int = 20) -> Condition:
    c = constant(rng, names, low, high)
    return _adjective(
        *rng.choice(((f"less than {c}", f"{{x}} < {c}"), (f"at most {c}", f"{{x}} <= {c}"))), "bound"
    )


def _sign(rng: Random, _names: Names) -> Condition:
    return _adjective(*rng.choice((("positive", "{x} > 0"), ("negative", "{x} < 0"))), "sign")


def _parity(rng: Random, _names: Names) -> Condition:
    return _adjective(*rng.choice((("even", "{x} % 2 == 0"), ("odd", "{x} % 2 == 1"))), "parity")


def _factor(rng: Random, names: Names) -> Condition:
    c = constant(rng, names, 3, 9)
    if rng.random() < 0.5:
        return _adjective(f"divisible by {c}", f"{{x}} % {c} == 0", "factor")
    return _adjective(f"not divisible by {c}", f"{{x}} % {c} != 0", "factor")


def _congruent(rng: Random, _names: Names) -> Condition:
    c = rng.randint(3, 7)
    r = rng.randint(1, c - 1)
    return _adjective(f"congruent to {r} modulo {c}", f"{{x}} % {c} == {r}", "factor")


def of_number(rng: Random, names: Names, signed: bool = True, not_about: str = "") -> Condition:
    """One condition on a number: of those about something else than `not_about`, if that is given."""
    makers = (_above, _below, _parity, _factor, _congruent, *((_sign,) if signed else ()))
    while True:
        condition = rng.choice(makers)(rng, names)
        clash = {"bound": ("bound", "sign"), "sign": ("bound", "sign"), "parity": ("parity", "factor")}
        if condition.about not in clash.get(not_about, (not_about,)):
            return condition


def _interval(rng: Random, names: Names) -> tuple[Condition, Condition, str]:
    """Two bounds that make sense together."""
    if rng.random() < 0.5:
        return _above(rng, names, 1, 9), _below(rng, names, 12, 20), "and"
    return _below(rng, names, 1, 9), _above(rng, names, 12, 20), "or"


def two_of_number(rng: Random, names: Names, signed: bool = True) -> Condition:
    """Two conditions on a number, joined by `and` or `or`."""
    if rng.random() < 0.25:
        first, second, joint = _interval(rng, names)
    else:
        first = of_number(rng, names, signed)
        second = of_number(rng, names, signed, first.about)
        joint = rng.choice(("and", "or"))
    if " not " in first.it:  # "not A or B" could be read as "not (A or B)"
        first, second = second, first
    return _joined(first, second, joint)


def _joined(first: Condition, second: Condition, joint: str) -> Condition:
    return Condition(
        f"{first.it} {joint} {second.it.removeprefix('is ')}",
        f"{first.they} {joint} {second.they.removeprefix('are ')}",
        f"{first.code} {joint} {second.code}",
        first.about,
    )


CHARACTERS = (
    Condition("is a vowel", "are vowels", '{x}.lower() in "aeiou"', "letter"),
    Condition("is a digit", "are digits", "{x}.isdigit()", "digit"),
    Condition("is a letter", "are letters", "{x}.isalpha()", "letter"),
    Condition("is an uppercase letter", "are uppercase letters", "{x}.isupper()", "letter"),
    Condition("is a lowercase letter", "are lowercase letters", "{x}.islower()", "letter"),
    Condition("is a space", "are spaces", '{x} == " "', "space"),
    Condition("is not a digit", "are not digits", "not {x}.isdigit()", "digit"),
    Condition("is not a letter", "are not letters", "not {x}.isalpha()", "letter"),
    Condition("is not a space", "are not spaces", '{x} != " "', "space"),
)


def of_character(rng: Random, _names: Names, _signed: bool = True, not_about: str = "") -> Condition:
    """One condition on a character."""
    while True:
        condition = rng.choice(CHARACTERS)
        if rng.random() < 0.6:
            some = "".join(sorted(rng.sample(LETTERS, 3)))
            condition = rng.choice(
                (
                    _adjective(f"in '{some}'", f'{{x}} in "{some}"', "one"),
                    _adjective(f"not in '{some}'", f'{{x}} not in "{some}"', "one"),
                )
            )
        if condition.about != not_about:
            return condition


def two_of_character(rng: Random, names: Names, signed: bool = True) -> Condition:
    """Two conditions on a character: one or the other, or both where one says what it must not be."""
    while True:
        first = of_character(rng, names, signed)
        second = of_character(rng, names, signed, first.about)
        negative = [" not " in condition.it for condition in (first, second)]
        if not any(negative) and {first.about, second.about} != {"one", "letter"}:
            return _joined(first, second, "or")
        if all(negative) or (first.about == "letter" and second.about == "one" and negative == [False, True]):
            return _joined(first, second, "and")


def of_word(rng: Random, names: Names, _signed: bool = True, not_about: str = "") -> Condition:
    """One condition on a word."""
    size, c = constant(rng, names, 2, 5), rng.choice(LETTERS)
    conditions = (
        Condition(
            f"is longer than {size} characters",
            f"are longer than {size} characters",
            f"len({{x}}) > {size}",
            "length",
        ),
        Condition(
            f"is shorter than {size} characters",
            f"are shorter than {size} characters",
            f"len({{x}}) < {size}",
            "length",
        ),
        Condition(f"starts with '{c}'", f"start with '{c}'", f'{{x}}.startswith("{c}")', "start"),
        Condition(f"ends with '{c}'", f"end with '{c}'", f'{{x}}.endswith("{c}")', "end"),
        Condition(f"contains '{c}'", f"contain '{c}'", f'"{c}" in {{x}}', "inside"),
        Condition(f"does not contain '{c}'", f"do not contain '{c}'", f'"{c}" not in {{x}}', "inside"),
    )
    return rng.choice([condition for condition in conditions if condition.about != not_about])


def two_of_word(rng: Random, names: Names, signed: bool = True) -> Condition:
    """Two conditions on a word, joined by `and` or `or`."""
    first = of_word(rng, names, signed)
    second = of_word(rng, names, signed, first.about)
    if " not " in first.it:
        first, second = second, first
    joint = rng.choice(("and", "or"))
    return Condition(
        f"{first.it} {joint} {second.it}",
        f"{first.they} {joint} {second.they}",
        f"{first.code} {joint} {second.code}",
        first.about,
    )


Chooser = Callable[..., Condition]
CONDITIONS: dict[str, tuple[Chooser, Chooser]] = {
    "number": (of_number, two_of_number),
    "character": (of_character, two_of_character),
    "word": (of_word, two_of_word),
}
"""Single and joined conditions for each type of item."""
