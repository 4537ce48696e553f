"""The families of levels 4 and 5: one loop after another, and loops inside loops with a choice in them."""

from random import Random

from depcap.tasks.blocks import (
    Source,
    Target,
    branches,
    condition,
    digits,
    indented,
    kept,
    loop,
    plain,
    target,
    words_of,
)  # fmt: skip
from depcap.tasks.parts import Names, Phrase, Program
from depcap.tasks.phrases import each, list_ending, number_ending
from depcap.tasks.programs import any_items, any_numbers, row_of


def made(kind: str, goal: Target) -> Source:
    """The list that an earlier loop has built, for a loop that builds `goal`."""
    words = "first list" if goal.kind == "list" else "list"
    item = "word" if kind == "word" else "y"
    return Source(
        kind, kind, f"{kind} in the {words}", f"{kind}s in the {words}", (f"for {item} in out:",), item
    )


def two_stages(rng: Random, names: Names, level: int) -> Program:
    """A list of what passes, then different actions for its items."""
    source = words_of(names) if rng.random() < 0.2 else any_numbers(rng, names, rng.choice((1, level)))
    first, lines = kept(rng, names, source, rng.random() < 0.3)
    goal = target(rng, source, second=True)
    again = made(source.kind, goal)
    count, otherwise = (3, rng.random() < 0.6) if level == 5 else (2, rng.random() < 0.5)
    clauses, then = branches(rng, names, again, goal, count, otherwise)
    doc, last = goal.ending(rng, names, source.kind)
    doc = (
        f"Make a list of the {first}. Start with {goal.start.words}. For each {again.each}: {clauses}. {doc}"
    )
    return names.program(doc, (*lines, f"{goal.name} = {goal.start.code}", *loop(again, then), last))


def branch_then_loop(rng: Random, names: Names, _level: int) -> Program:
    """A list with different actions, then a total or a second list of what passes in it."""
    source = plain(names) if rng.random() < 0.5 else any_numbers(rng, names, 1)
    goal = target(rng, source)
    while goal.kind != "list":
        goal = target(rng, source)
    clauses, lines = branches(rng, names, source, goal, 2, rng.random() < 0.7)
    second = target(rng, plain(names), second=True)
    again = made("number", second)
    then, more = branches(rng, names, again, second, 2, rng.random() < 0.4)
    doc, last = second.ending(rng, names)
    doc = (
        f"Start with {goal.start.words}. For each {source.each}: {clauses}. "
        f"Start with {second.start.words}. For each {again.each}: {then}. {doc}"
    )
    start = (f"{goal.name} = {goal.start.code}", *loop(source, lines))
    return names.program(doc, (*start, f"{second.name} = {second.start.code}", *loop(again, more), last))


def guarded(rng: Random, names: Names, level: int) -> Program:
    """Different actions for different items, and a last look at the total."""
    source = digits(names) if rng.random() < 0.4 else any_items(rng, names, level)
    while source.kind != "number":
        source = any_items(rng, names, level)
    goal = target(rng, source)
    while goal.kind != "total":
        goal = target(rng, source)
    clauses, lines = branches(rng, names, source, goal, 3 if level < 5 else 4, rng.random() < 0.8)
    whole = Source("number", "total", "", "", (), "total")
    test = condition(rng, names, whole)
    one, other = number_ending(rng, names), number_ending(rng, names)
    if one == other or rng.random() < 0.5:
        other = Phrase("{it}", "{x}")
    doc = (
        f"Start with {goal.start.words}. For each {source.each}: {clauses}. If the total {test.it}, "
        f"return {one.words.format(it='the total')}; otherwise return {other.words.format(it='the total')}."
    )
    end = (
        f"if {test.code}:",
        f"    return {one.code.format(x='total')}",
        f"return {other.code.format(x='total')}",
    )
    return names.program(doc, (f"total = {goal.start.code}", *loop(source, lines), *end))


def row_totals(rng: Random, names: Names, level: int) -> Program:
    """A total with different actions for each row; level 5 goes on with those that pass."""
    source = row_of()
    goal = target(rng, source)
    while goal.kind != "total":
        goal = target(rng, source)
    clauses, lines = branches(rng, names, source, goal, 2, level < 5 or rng.random() < 0.5)
    whole = Source("number", "total", "", "", (), "total")
    test = condition(rng, names, whole)
    keep = "append the total to the list"
    tail: tuple[str, ...] = ("out.append(total)",)
    if level == 5 or rng.random() < 0.4:
        keep, tail = f"if the total {test.it}, {keep}", (f"if {test.code}:", "    out.append(total)")
    inner = (f"total = {goal.start.code}", *loop(source, lines), *tail)
    body = ("out = []", f"for row in {names.rows}:", *indented(inner))
    doc = (
        f"Start with an empty list. For each row of {names.rows}: start with {goal.start.words}; "
        f"for each number in the row, {clauses.replace('; ', ', ')}; then, {keep}."
    )
    after = list_ending(rng, names)
    return names.program(
        f"{doc} Return {after.words.format(it='the list')}.", (*body, f"return {after.code.format(x='out')}")
    )


def row_stages(rng: Random, names: Names, _level: int) -> Program:
    """The numbers of all rows that pass, in one list, then different actions for them."""
    source = row_of()
    test, after = condition(rng, names, source, two=rng.random() < 0.4), each(rng, names, "number")
    inner = indented(
        (*source.head, f"    if {test.code}:", f"        out.append({after.code.format(x='x')})")
    )
    goal = target(rng, source, second=True)
    again = made("number", goal)
    clauses, lines = branches(rng, names, again, goal, 2, otherwise=True)
    doc, last = goal.ending(rng, names)
    doc = (
        f"Make a list of the numbers in all rows of {names.rows} that {test.they}, each {after.words}. "
        f"Start with {goal.start.words}. For each {again.each}: {clauses}. {doc}"
    )
    body = (
        "out = []",
        f"for row in {names.rows}:",
        *inner,
        f"{goal.name} = {goal.start.code}",
        *loop(again, lines),
        last,
    )
    return names.program(doc, body)


def word_counts(rng: Random, names: Names, level: int) -> Program:
    """Characters counted in each word, and what becomes of the word by its count."""
    letters = Source("character", "character", "", "", ("for c in word:",), "c")
    test = condition(rng, names, letters, two=rng.random() < 0.5)
    while " space" in test.it:  # a word has none
        test = condition(rng, names, letters, two=rng.random() < 0.5)
    words = words_of(names)
    size = rng.randint(1, 3)
    goal = target(rng, words)
    clauses, lines = branches(rng, names, words, goal, 2)
    less, code = rng.choice((("greater than", ">"), ("less than", "<"), ("equal to", "==")))
    clause = clauses.split(", ", 1)[1]  # the count decides, not a condition on the word
    inner: tuple[str, ...] = (
        "count = 0",
        *letters.head,
        f"    if {test.code}:",
        "        count += 1",
        f"if count {code} {size}:",
        *lines[1:],
    )
    if level == 4 and rng.random() < 0.5:
        inner, clause = inner[:-2], clause.split("; ")[0]
    doc, last = goal.ending(rng, names, "word", plain_share=0.3)
    doc = (
        f"Start with {goal.start.words}. For each word of {names.text}: "
        f"count its characters that {test.they}; "
        f"if the count is {less} {size}, {clause}. {doc}"
    )
    return names.program(doc, (f"{goal.name} = {goal.start.code}", *words.head, *indented(inner), last))
