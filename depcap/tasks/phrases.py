"""What python problems compute of an item and of a result, in words and in code."""

from random import Random

from depcap.tasks.parts import LETTERS, MARKS, Names, Phrase, constant


def each(rng: Random, names: Names, kind: str, tame: bool = False, signed: bool = True) -> Phrase:
    """What happens to each item, as a clause after it.

    `tame` leaves out what makes numbers grow quickly, `signed` says whether some are negative.
    """
    return _each_number(rng, names, tame, signed) if kind == "number" else _each_text(rng, names, kind)


def _each_number(rng: Random, names: Names, tame: bool, signed: bool) -> Phrase:
    c, m, d = constant(rng, names), constant(rng, names, 2, 9), rng.randint(3, 12)
    moved, code = rng.choice(((f"increased by {c}", f"{{x}} + {c}"), (f"decreased by {c}", f"{{x}} - {c}")))
    options = [
        Phrase(moved, code),
        Phrase(f"subtracted from {c}", f"{c} - {{x}}"),
        Phrase(f"taken modulo {d}", f"{{x}} % {d}"),
    ]
    if not tame:
        options += [
            Phrase(f"multiplied by {m}", f"{{x}} * {m}"),
            Phrase("squared", "{x} * {x}"),
            Phrase(f"divided by {m} and rounded down", f"{{x}} // {m}"),
            Phrase(f"multiplied by {m} and then {moved}", code.replace("{x}", f"{{x}} * {m}")),
            Phrase(f"{moved} and then multiplied by {m}", f"({code}) * {m}"),
            Phrase(f"squared and then {moved}", code.replace("{x}", "{x} * {x}")),
        ]
        if signed:
            options.append(Phrase("replaced by its absolute value", "abs({x})"))
    return rng.choice(options)


def _each_text(rng: Random, names: Names, kind: str) -> Phrase:
    mark, letter, times = rng.choice(MARKS), rng.choice(LETTERS), rng.randint(2, 4)
    options = [
        Phrase(f"followed by '{mark}'", f'{{x}} + "{mark}"'),
        Phrase(f"followed by '{letter}'", f'{{x}} + "{letter}"'),
        Phrase(f"preceded by '{mark}'", f'"{mark}" + {{x}}'),
        Phrase(f"repeated {times} times", f"{{x}} * {times}"),
        Phrase("in uppercase", "{x}.upper()"),
        Phrase("in lowercase", "{x}.lower()"),
    ]
    if kind == "word":
        size = constant(rng, names, 2, 4)
        options += [
            Phrase("reversed", "{x}[::-1]"),
            Phrase(f"cut to its first {size} characters", f"{{x}}[:{size}]"),
            Phrase(f"without its first {size} characters", f"{{x}}[{size}:]"),
        ]
    return rng.choice(options)


def value(rng: Random, names: Names, kind: str, signed: bool = True) -> Phrase:
    """What is computed of an item, as a noun phrase."""
    c, letter = constant(rng, names), rng.choice(LETTERS)
    if kind == "number":
        m, d = constant(rng, names, 2, 9), rng.randint(3, 12)
        return rng.choice(
            (
                Phrase("the {noun}", "{x}"),
                Phrase(f"the {{noun}} plus {c}", f"{{x}} + {c}"),
                Phrase(f"the {{noun}} minus {c}", f"{{x}} - {c}"),
                Phrase(f"{c} minus the {{noun}}", f"{c} - {{x}}"),
                Phrase(f"the {{noun}} times {m}", f"{{x}} * {m}"),
                Phrase(f"the {{noun}} modulo {d}", f"{{x}} % {d}"),
                Phrase("the square of the {noun}", "{x} * {x}"),
                Phrase("the absolute value of the {noun}", "abs({x})")
                if signed
                else Phrase("the {noun}", "{x}"),
                Phrase(c, c),
            )
        )
    mark = rng.choice(MARKS)
    options = [
        Phrase("the {noun}", "{x}"),
        Phrase("the {noun} in uppercase", "{x}.upper()"),
        Phrase("the {noun} in lowercase", "{x}.lower()"),
        Phrase(f"'{mark}'", f'"{mark}"'),
        Phrase(f"'{letter}'", f'"{letter}"'),
        Phrase(f"the {{noun}} followed by '{mark}'", f'{{x}} + "{mark}"'),
        Phrase(f"'{letter}' followed by the {{noun}}", f'"{letter}" + {{x}}'),
        Phrase("the {noun} repeated 2 times", "{x} * 2"),
    ]
    if kind == "word":
        size = rng.randint(2, 4)
        options += [
            Phrase("the reversed {noun}", "{x}[::-1]"),
            Phrase(f"the first {size} characters of the {{noun}}", f"{{x}}[:{size}]"),
            Phrase(f"the {{noun}} without its first {size} characters", f"{{x}}[{size}:]"),
        ]
    return rng.choice(options)


def number_ending(rng: Random, names: Names) -> Phrase:
    """What to return of a total: words with `{it}`, code with `{x}`."""
    c, d = constant(rng, names), rng.randint(3, 12)
    return rng.choice(
        (
            Phrase(f"{{it}} plus {c}", f"{{x}} + {c}"),
            Phrase(f"{{it}} minus {c}", f"{{x}} - {c}"),
            Phrase(f"{c} minus {{it}}", f"{c} - {{x}}"),
            Phrase(f"{{it}} modulo {d}", f"{{x}} % {d}"),
            Phrase("the absolute value of {it}", "abs({x})"),
            Phrase(f"the larger of {{it}} and {c}", f"max({{x}}, {c})"),
            Phrase(f"the smaller of {{it}} and {c}", f"min({{x}}, {c})"),
        )
    )


def list_ending(rng: Random, _names: Names, kind: str = "number") -> Phrase:
    """What to return of a list: words with `{it}`, code with `{x}`."""
    c, default = rng.randint(2, 4), rng.choice(("0", "-1", "1"))
    options = [
        Phrase("{it} in reverse order", "{x}[::-1]"),
        Phrase(f"the first {c} elements of {{it}}", f"{{x}}[:{c}]"),
        Phrase(f"{{it}} without its first {c} elements", f"{{x}}[{c}:]"),
        Phrase("every second element of {it}, starting with the first", "{x}[::2]"),
        Phrase("{it} sorted in increasing order", "sorted({x})"),
        Phrase("{it} sorted in decreasing order", "sorted({x}, reverse=True)"),
        Phrase("the number of different elements of {it}", "len(set({x}))"),
    ]
    if kind == "word":
        mark = rng.choice(MARKS)
        return rng.choice(
            (*options[:4], Phrase(f"the elements of {{it}} joined by '{mark}'", f'"{mark}".join({{x}})'))
        )
    options += [
        Phrase(
            f"the largest element of {{it}}, or {default} if it is empty", f"max({{x}}, default={default})"
        ),
        Phrase(
            f"the smallest element of {{it}}, or {default} if it is empty", f"min({{x}}, default={default})"
        ),
    ]
    return rng.choice(options)


def string_ending(rng: Random, _names: Names) -> Phrase:
    """What to return of a string: words with `{it}`, code with `{x}`."""
    c, mark, letter = rng.randint(2, 5), rng.choice(MARKS), rng.choice(LETTERS)
    return rng.choice(
        (
            Phrase("{it} reversed", "{x}[::-1]"),
            Phrase(f"the first {c} characters of {{it}}", f"{{x}}[:{c}]"),
            Phrase(f"{{it}} followed by '{mark}'", f'{{x}} + "{mark}"'),
            Phrase(
                f"{{it}} with every '{letter}' replaced by '{mark}'", f'{{x}}.replace("{letter}", "{mark}")'
            ),
            Phrase("{it} followed by its length", "{x} + str(len({x}))"),
        )
    )
