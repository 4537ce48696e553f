"""The families of levels 1 to 3: one loop, or one inside another."""

from random import Random

from depcap.tasks.blocks import (
    Source,
    action,
    branches,
    characters,
    condition,
    counted,
    derived,
    digits,
    indented,
    kept,
    loop,
    plain,
    sliced,
    target,
    words_of,
)  # fmt: skip
from depcap.tasks.parts import Names, Program
from depcap.tasks.phrases import each, list_ending, number_ending


def any_numbers(rng: Random, names: Names, level: int) -> Source:
    """Numbers to go over: a plain list at level 1, what takes more lines above it."""
    if rng.random() < (0.6 if level == 1 else 0.35):
        return plain(names)
    if level == 1 or rng.random() < 0.3:
        return rng.choice((sliced, counted))(rng, names)
    return digits(names) if rng.random() < 0.35 else derived(rng, names)


def any_items(rng: Random, names: Names, level: int) -> Source:
    """Numbers, characters or words to go over."""
    lot = rng.random()
    if lot < 0.2:
        return characters(names)
    return words_of(names) if lot < 0.4 else any_numbers(rng, names, level)


def fold(rng: Random, names: Names, level: int) -> Program:
    """The sum, product, count, first, last or extreme of the numbers that pass, perhaps changed."""
    source = any_numbers(rng, names, level)
    test = condition(rng, names, source, two=rng.random() < 0.3 * level)
    what = rng.choice(("sum", "sum", "product", "count", "first", "last", "largest", "smallest"))
    if what == "product" and source.item == "i":  # of thirty factors
        what = "sum"
    words, code = f"{source.many}{source.that} {test.they}", source.item
    if what != "count" and rng.random() < 0.8:
        after = each(rng, names, "number", what == "product", source.signed)
        words, code = f"{words}, each {after.words}", after.code.format(x=source.item)
    default = rng.choice(("0", "-1", "1", names.second))
    if what == "first":
        lines = loop(source, (f"if {test.code}:", f"    return {code}"))
        return names.program(
            f"Return the first of the {words}, or {default} if there is none.", (*lines, f"return {default}")
        )
    if what in ("largest", "smallest"):
        lines = ("out = []", *loop(source, (f"if {test.code}:", f"    out.append({code})")))
        best = "max" if what == "largest" else "min"
        doc = f"Return the {what} of the {words}, or {default} if there are none."
        return names.program(doc, (*lines, f"return {best}(out, default={default})"))
    start, update, none = {
        "sum": ("0", f"total += {code}", "0"),
        "product": ("1", f"total *= {code}", "1"),
        "count": ("0", "total += 1", ""),
        "last": (default, f"total = {code}", default),
    }[what]
    lines = (f"total = {start}", *loop(source, (f"if {test.code}:", f"    {update}")))
    phrase = f"the {what} of the {words}" + (f", or {none} if there are none" if none else "")
    if level == 1 or rng.random() < 0.3:
        return names.program(f"Return {phrase}.", (*lines, "return total"))
    after = number_ending(rng, names)
    last = f"Return {after.words.format(it='the result')}."
    return names.program(f"Compute {phrase}. {last}", (*lines, f"return {after.code.format(x='total')}"))


def collect(rng: Random, names: Names, level: int) -> Program:
    """The list of the items that pass, perhaps changed."""
    source = words_of(names) if rng.random() < 0.35 else any_numbers(rng, names, level)
    words, lines = kept(rng, names, source, two=rng.random() < 0.3 * level, change=0.85)
    if level == 1:
        return names.program(f"Return a list of the {words}.", (*lines, "return out"))
    after = list_ending(rng, names, source.kind)
    doc = f"Make a list of the {words}. Return {after.words.format(it='the list')}."
    return names.program(doc, (*lines, f"return {after.code.format(x='out')}"))


def spell(rng: Random, names: Names, level: int) -> Program:
    """The string of the characters that pass, each changed, or their number."""
    source = characters(names)
    test = condition(rng, names, source, two=level > 1 or rng.random() < 0.6)
    if rng.random() < 0.2:
        lines = ("total = 0", *loop(source, (f"if {test.code}:", "    total += 1")), "return total")
        return names.program(f"Return the count of the characters of {names.text} that {test.they}.", lines)
    after = each(rng, names, "character")
    goal = target(rng, source)
    lines = ('out = ""', *loop(source, (f"if {test.code}:", f"    out += {after.code.format(x='c')}")))
    words = f"a string of the characters of {names.text} that {test.they}, each {after.words}"
    if level == 1 and rng.random() < 0.5:
        return names.program(f"Return {words}.", (*lines, "return out"))
    doc, last = goal.ending(rng, names, plain_share=0.0)
    return names.program(f"Make {words}. {doc}", (*lines, last))


def places(rng: Random, names: Names, level: int) -> Program:
    """The positions of the items that pass: their list or sum, or the first."""
    source = rng.choice((plain, plain, characters))(names)
    test = condition(rng, names, source, two=rng.random() < 0.3 + 0.2 * level)
    name = names.text if source.kind == "character" else names.numbers
    head = (f"for i, {source.item} in enumerate({name}):", f"    if {test.code}:")
    what = rng.choice(("list", "sum", "first"))
    if what == "first":
        first = f"the first {source.noun} in {name} that {test.it}"
        doc = f"Return the position (from 0) of {first}, or -1 if there is none."
        return names.program(doc, (*head, "        return i", "return -1"))
    after = each(rng, names, "number", signed=False)
    code = after.code.format(x="i")
    many = f"{source.noun}s in {name} that {test.they}"
    words = f"the positions (from 0) of the {many}, each position {after.words}"
    if what == "sum":
        return names.program(
            f"Return the sum of {words}.", ("total = 0", *head, f"        total += {code}", "return total")
        )
    return names.program(
        f"Return a list of {words}.", ("out = []", *head, f"        out.append({code})", "return out")
    )


def branch(rng: Random, names: Names, level: int) -> Program:
    """Different actions for different items."""
    source = any_items(rng, names, level - 1)
    goal = target(rng, source)
    count = 2 if level < 3 else 3
    clauses, lines = branches(
        rng, names, source, goal, count, level < 3 or rng.random() < 0.8, rng.random() < 0.25
    )
    doc, last = goal.ending(rng, names, source.kind)
    doc = f"Start with {goal.start.words}. For each {source.each}: {clauses}. {doc}"
    return names.program(doc, (f"{goal.name} = {goal.start.code}", *loop(source, lines), last))


def until(rng: Random, names: Names, _level: int) -> Program:
    """Only what comes before the first item of some kind."""
    source = any_items(rng, names, 1)
    goal = target(rng, source)
    stop = condition(rng, names, source)
    stop_words = f"stopping before the first that {stop.it}"
    clauses, lines = branches(rng, names, source, goal, 2, rng.random() < 0.7)
    doc, last = goal.ending(rng, names, source.kind)
    doc = f"Start with {goal.start.words}. For each {source.each}, {stop_words}: {clauses}. {doc}"
    lines = (f"if {stop.code}:", "    break", *lines)
    return names.program(doc, (f"{goal.name} = {goal.start.code}", *loop(source, lines), last))


def run(rng: Random, names: Names, _level: int) -> Program:
    """The longest run of neighbours that pass."""
    source = any_items(rng, names, 1)
    test = condition(rng, names, source, two=rng.random() < 0.6)
    lines = (f"if {test.code}:", "    run += 1", "    best = max(best, run)", "else:", "    run = 0")
    body = ("best = 0", "run = 0", *loop(source, lines))
    words = (
        f"Among the {source.many}, find the length of the longest run of consecutive ones that {test.they}"
    )
    after = number_ending(rng, names)
    doc = f"{words}. Return {after.words.format(it='this length')}."
    return names.program(doc, (*body, f"return {after.code.format(x='best')}"))


def row_of() -> Source:
    """The numbers of a row."""
    return Source("number", "number", "number in the row", "numbers in the row", ("for x in row:",))


def rows(rng: Random, names: Names, level: int) -> Program:
    """One total for each row of a list of lists, in a list."""
    source = row_of()
    test = condition(rng, names, source, two=rng.random() < 0.4)
    after = each(rng, names, "number")
    many = f"{source.many} that {test.they}"
    what, code = f"count of the {many}", "total += 1"
    if rng.random() < 0.6:
        what, code = f"sum of the {many}, each {after.words}", f"total += {after.code.format(x='x')}"
    inner = ("total = 0", *loop(source, (f"if {test.code}:", f"    {code}")), "out.append(total)")
    last = list_ending(rng, names)
    ending = f"Return {last.words.format(it='the list')}."
    doc = f"For each row of {names.rows}, append to a list the {what}. {ending}"
    body = ("out = []", f"for row in {names.rows}:", *indented(inner), f"return {last.code.format(x='out')}")
    return names.program(doc, body)


def pairs(rng: Random, names: Names, _level: int) -> Program:
    """All pairs of two places in a list."""
    xs = names.numbers
    noun, code = rng.choice(
        (
            ("sum", f"{xs}[i] + {xs}[j]"),
            ("product", f"{xs}[i] * {xs}[j]"),
            ("difference", f"{xs}[i] - {xs}[j]"),
        )
    )
    words = {
        "sum": f"{xs}[i] plus {xs}[j]",
        "product": f"{xs}[i] times {xs}[j]",
        "difference": f"{xs}[i] minus {xs}[j]",
    }[noun]
    head = (f"for i in range(len({xs})):", f"    for j in range(i + 1, len({xs})):", f"        y = {code}")
    source = Source(
        "number", noun, f"pair of positions i < j in {xs}, consider the {noun} {words}", "", head, "y"
    )
    goal = target(rng, source)
    test = condition(rng, names, source, two=rng.random() < 0.5)
    what = action(rng, names, source, goal)
    while what.code.startswith("total *"):
        what = action(rng, names, source, goal)
    doc, last = goal.ending(rng, names)
    doc = f"Start with {goal.start.words}. For each {source.each}: if it {test.it}, {what.words}. {doc}"
    lines = indented((f"if {test.code}:", f"    {what.code}"), 2)
    return names.program(doc, (f"{goal.name} = {goal.start.code}", *head, *lines, last))
