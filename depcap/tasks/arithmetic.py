"""Word problems of two to six calculations; the answer shows each and ends with `#### N`.

Three families: a *chain* changes one amount again and again (every line needs the line before); a *shop*
sums independent products (lines that could be written together); a *pair* compares two people. Numbers
stay below 100, so that a small model can know the single calculations and what is tested is the chain.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from depcap.tasks.base import Example, Split, held_out

NAMES = ("Tom", "Ana", "Ben", "Mia", "Leo", "Eva", "Sam", "Zoe", "Max", "Ida", "Jon", "Lea")
ITEMS = ("apples", "books", "cards", "coins", "eggs", "pens", "shells", "stamps", "stones", "toys")
BOXES = ("bags", "boxes", "packs", "jars", "sets")
GOODS = ("cup", "hat", "lamp", "map", "mug", "plate", "rope", "scarf", "toy", "vase")
LIMIT = 99
ANSWER = re.compile(r"####\s*(-?\d+)")


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The arithmetic task (see the module)."""

    name: str = "arithmetic"
    version: int = 1

    def sample(self, rng: Random, split: Split) -> Example:
        """A problem of the split; drawn again until its text falls on the right side."""
        while True:
            family = rng.choice(FAMILIES)
            story, lines, answer = family(rng)
            prompt = f"{story}\n"
            if held_out(prompt) == (split == "test"):
                response = "\n".join([*lines, f"#### {answer}"])
                return Example(prompt, response, family.__name__.strip("_"), answer)

    def score(self, example: Example, completion: str) -> float:
        """1.0 when the first `#### N` of the completion is the right number."""
        found = ANSWER.search(completion)
        return float(found is not None and int(found.group(1)) == example.checks)


def drill(rng: Random) -> tuple[str, str]:
    """One calculation as a problem of its own: training material, not part of the task."""
    left, sign, right = _calculation(rng)
    line = _line(left, sign, right)
    return f"What is {left}{sign}{right}?\n", f"{line}\n#### {line.split('=')[1]}"


def _line(left: int, sign: str, right: int) -> str:
    result = {"+": left + right, "-": left - right, "*": left * right, "/": left // max(right, 1)}[sign]
    return f"{left}{sign}{right}={result}"


def _calculation(rng: Random) -> tuple[int, str, int]:
    sign = rng.choice("+-*/")
    if sign == "*":
        left = rng.randint(2, 12)
        return left, sign, rng.randint(2, LIMIT // left)
    if sign == "/":
        right = rng.choice((2, 3))
        return right * rng.randint(1, LIMIT // right), sign, right
    first, second = rng.randint(1, 60), rng.randint(1, 60)
    low, high = sorted((first, second))
    return (first, sign, min(second, LIMIT - first)) if sign == "+" else (high, sign, low)


def _chain(rng: Random) -> tuple[str, list[str], int]:
    """One person, one amount, a row of events."""
    who, item = rng.choice(NAMES), rng.choice(ITEMS)
    amount = rng.randint(3, 40)
    story = [f"{who} has {amount} {item}."]
    lines: list[str] = []
    wanted = rng.randint(2, 6)
    while len(lines) < wanted:
        text, new_lines, new_amount = rng.choice(EVENTS)(rng, amount)
        if 0 < new_amount <= LIMIT and new_amount != amount and len(lines) + len(new_lines) <= 6:
            story.append(f"{who} {text}.")
            lines += new_lines
            amount = new_amount
    story.append(f"How many {item} does {who} have now?")
    return " ".join(story), lines, amount


def _gain(rng: Random, amount: int) -> tuple[str, list[str], int]:
    more = rng.randint(2, 30)
    verb = rng.choice(("buys", "finds", "gets", "wins"))
    return f"{verb} {more} more", [_line(amount, "+", more)], amount + more


def _lose(rng: Random, amount: int) -> tuple[str, list[str], int]:
    less = rng.randint(1, 30)
    verb = rng.choice(("gives away", "loses", "sells", "drops"))
    return f"{verb} {less}", [_line(amount, "-", less)], amount - less


def _gain_groups(rng: Random, amount: int) -> tuple[str, list[str], int]:
    groups, size = rng.randint(2, 8), rng.randint(2, 9)
    text = f"{rng.choice(('buys', 'gets'))} {groups} {rng.choice(BOXES)} of {size}"
    return text, [_line(groups, "*", size), _line(amount, "+", groups * size)], amount + groups * size


def _lose_groups(rng: Random, amount: int) -> tuple[str, list[str], int]:
    groups, size = rng.randint(2, 6), rng.randint(2, 9)
    text = f"gives {size} to each of {groups} friends"
    return text, [_line(groups, "*", size), _line(amount, "-", groups * size)], amount - groups * size


def _multiply(rng: Random, amount: int) -> tuple[str, list[str], int]:
    factor, word = rng.choice(((2, "doubles"), (3, "triples")))
    return f"{word} the number", [_line(amount, "*", factor)], amount * factor


def _divide(rng: Random, amount: int) -> tuple[str, list[str], int]:
    divisor, word = rng.choice(((2, "half"), (3, "a third")))
    if amount % divisor:
        return "", [], amount
    return f"keeps only {word}", [_line(amount, "/", divisor)], amount // divisor


Event = Callable[[Random, int], tuple[str, list[str], int]]
EVENTS: tuple[Event, ...] = (_gain, _lose, _gain_groups, _lose_groups, _multiply, _divide)


def _shop(rng: Random) -> tuple[str, list[str], int]:
    """Two or three products, their sum, and perhaps the change."""
    who = rng.choice(NAMES)
    while True:
        kinds = rng.randint(2, 3)
        goods = rng.sample(GOODS, kinds)
        prices = [rng.randint(2, 9) for _ in goods]
        counts = [rng.randint(2, 7) for _ in goods]
        costs = [price * count for price, count in zip(prices, counts, strict=True)]
        if sum(costs) < 90:
            break
    tags = [f"A {good} costs {price} coins." for good, price in zip(goods, prices, strict=True)]
    basket = " and ".join(f"{count} {good}s" for count, good in zip(counts, goods, strict=True))
    lines = [_line(count, "*", price) for count, price in zip(counts, prices, strict=True)]
    total = costs[0]
    for cost in costs[1:]:
        lines.append(_line(total, "+", cost))
        total += cost
    if rng.random() < 0.5:
        paid = rng.randint(total + 1, LIMIT)
        question = f"{who} buys {basket} and pays with {paid} coins. How many coins does {who} get back?"
        return " ".join([*tags, question]), [*lines, _line(paid, "-", total)], paid - total
    return " ".join([*tags, f"{who} buys {basket}. How many coins does {who} pay?"]), lines, total


def _pair(rng: Random) -> tuple[str, list[str], int]:
    """Two people whose amounts depend on each other, then their total or difference."""
    first, second = rng.sample(NAMES, 2)
    item = rng.choice(ITEMS)
    amount = rng.randint(4, 30)
    story, lines = [f"{first} has {amount} {item}."], []
    kind = rng.choice(("more", "fewer", "times"))
    if kind == "times":
        other = amount * 2
        story.append(f"{second} has twice as many as {first}.")
        lines.append(_line(amount, "*", 2))
    else:
        gap = rng.randint(2, 20) if kind == "more" else rng.randint(1, amount - 2)
        other = amount + gap if kind == "more" else amount - gap
        story.append(f"{second} has {gap} {kind} than {first}.")
        lines.append(_line(amount, "+" if kind == "more" else "-", gap))
    groups, size = rng.randint(2, 4), rng.randint(2, 5)
    if rng.random() < 0.5:
        story.append(f"Then {second} gets {groups} {rng.choice(BOXES)} of {size}.")
        lines += [_line(groups, "*", size), _line(other, "+", groups * size)]
        other += groups * size
    if other > amount and rng.random() < 0.4:
        story.append(f"How many more {item} does {second} have than {first}?")
        return " ".join(story), [*lines, _line(other, "-", amount)], other - amount
    if amount + other > LIMIT:
        return _pair(rng)
    story.append(f"How many {item} do they have together?")
    return " ".join(story), [*lines, _line(amount, "+", other)], amount + other


FAMILIES = (_chain, _chain, _shop, _pair)
