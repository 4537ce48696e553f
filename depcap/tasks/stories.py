"""The families of arithmetic stories; every sentence says what the next line or two work out.

*Chain* and *ride*: one amount changes again and again (a line needs the line before). *People* and *diary*:
new amounts refer back to earlier ones. *Shop* and *store*: products that could be written together, then
their sum. The answer is the result of the last line. A draw that leaves the range of amounts raises
`Impossible`.
"""

from collections.abc import Callable

from depcap.tasks import wordings as words
from depcap.tasks.story import Impossible, Story


def chain(story: Story) -> None:
    """One person, one amount, a row of events."""
    rng = story.rng
    who, other = story.pick("who", words.NAMES, 2)
    (items,), (boxes,) = story.pick("items", words.ITEMS), story.pick("boxes", words.BOXES)
    slots = {"who": who, "other": other, "items": items, "boxes": boxes}
    amount = first = rng.randint(5, 40)
    story.tell(words.STARTS, n=amount, **slots)
    while story.left:
        kind = rng.choice(("gain", "gain", "loss", "loss", "in", "out", "factor", "again"))
        if kind == "factor":
            form, sign, n = rng.choice(words.FACTORS)
            amount = story.work(story.say([form], **slots), amount, sign, n, items)
        elif kind == "again" and amount != first:
            amount = story.work(story.say(words.AGAIN, n=first, **slots), amount, "+", first, items)
        elif kind in ("gain", "loss"):
            n, (forms, sign) = rng.randint(2, 20), words.CHANGES[kind]
            amount = story.work(story.say(forms, n=n, **slots), amount, sign, n, items)
        elif kind in ("in", "out") and story.left > 1:
            forms, sign = words.CHANGES[kind]
            g, s, p = story.product(items)
            amount = story.work(story.say(forms, g=g, s=s, p=p, **slots), amount, sign, p, items)
    story.tell(words.NOW, **slots)


def ride(story: Story) -> None:
    """People get on and off."""
    rng, unit = story.rng, "people"
    (vehicle,), stops = story.pick("vehicle", words.RIDES), story.pick("stop", words.STOPS, len(words.STOPS))
    amount = rng.randint(5, 40)
    story.tell([words.RIDE], vehicle=vehicle, n=amount)
    while story.left:
        kind, stop = rng.choice(("board", "board", "board", "classes", "halved")), stops[-1]
        if kind == "classes" and story.left == 1:
            continue
        stops.pop()
        if kind == "board":
            n, (form, sign) = rng.randint(2, 20), rng.choice(words.BOARDING)
            amount = story.work(story.say([form], stop=stop, n=n), amount, sign, n, unit)
        elif kind == "classes":
            g, s, p = story.product(unit)
            amount = story.work(story.say(words.CLASSES, stop=stop, g=g, s=s, p=p), amount, "+", p, unit)
        else:
            amount = story.work(story.say(words.HALVED, stop=stop), amount, "/", 2, unit)
    story.tell(words.ABOARD, vehicle=vehicle)


def people(story: Story) -> None:
    """Several people, whose amounts refer to each other."""
    (items,) = story.pick("items", words.ITEMS)
    names = story.pick("who", words.NAMES, story.steps + 1)
    _related(story, words.PEOPLE, names, {"items": items})


def diary(story: Story) -> None:
    """One person's months, which refer to each other."""
    (who,) = story.pick("who", words.NAMES)
    does, items = story.rng.choice(words.DEEDS)
    story.names |= {does: "<does>", items: "<items>"}
    first = story.rng.randrange(len(words.MONTHS))
    months = [words.MONTHS[(first + month) % len(words.MONTHS)] for month in range(story.steps + 1)]
    story.names |= {month: f"<month {place}>" for place, month in enumerate(months)}
    _related(story, words.DIARY, months, {"who": who, "does": does, "items": items})


def _related(story: Story, forms: words.Relations, names: list[str], slots: dict[str, str]) -> None:
    """Amounts with names, each by one calculation from earlier ones, then a question about one or two."""
    rng, unit = story.rng, slots["items"]
    ask = rng.choice(("last", "total", "difference"))
    known = {names[0]: rng.randint(4, 40)}
    story.tell([forms.start], a=names[0], n=known[names[0]], **slots)
    story.lines.append(f"Start {names[0]}={known[names[0]]}.")
    for b in names[1 : len(names) - (ask != "last")]:
        known[b] = _relation(story, forms, known, b, slots)
    if ask == "last":
        story.tell([forms.last], a=list(known)[-1], **slots)
        return
    a, b = rng.sample(list(known)[-3:], 2)
    form, sign = (forms.total, "+") if ask == "total" else (forms.difference, "-")
    story.work(story.say([form], a=a, b=b, x=known[a], y=known[b], **slots), known[a], sign, known[b], unit)


def _relation(
    story: Story, forms: words.Relations, known: dict[str, int], b: str, slots: dict[str, str]
) -> int:
    """Say how b's amount refers to earlier ones, and work it out."""
    rng, near = story.rng, list(known)[-3:]
    a, c = rng.choice(near), rng.choice(near)
    x, y, n = known[a], known[c], rng.randint(2, 20)
    kind = rng.choice(("more", "more", "fewer", "fewer", "factor", "factor", "both"))
    if kind == "both" and a == c:
        raise Impossible
    form, sign, right = rng.choice(
        {
            "more": [(form, "+", n) for form in forms.more],
            "fewer": [(form, "-", n) for form in forms.fewer],
            "factor": forms.factors,
            "both": [(form, "+", y) for form in forms.both],
        }[kind]
    )
    working = story.say([form], a=a, b=b, c=c, n=n, x=x, y=y, **slots)
    return story.work(working, x, sign, right, slots["items"], b)


def shop(story: Story) -> None:
    """Prices and counts: products, their sum, and the change if the number of steps is even."""
    rng, unit = story.rng, "coins"
    (who,) = story.pick("who", words.NAMES)
    kinds = (story.steps + 1) // 2
    goods = story.pick("goods", words.GOODS, kinds + rng.randint(0, 1))  # one may be there only to be seen
    story.names |= {f"{good}s": f"<goods {place}>" for place, good in enumerate(goods)} | {unit: "<unit>"}
    prices = {good: rng.randint(2, 9) for good in goods}
    counts = {good: rng.randint(2, 6) for good in goods[:kinds]}
    for good in rng.sample(goods, len(goods)):
        story.tell(words.PRICE, good=good, n=prices[good])
    story.tell(words.BASKET, who=who, basket=" and ".join(f"{n} {good}s" for good, n in counts.items()))
    costs = [
        story.work(f"{n} {good}s at {prices[good]}", n, "*", prices[good], unit) for good, n in counts.items()
    ]
    total = costs[0]
    for cost in costs[1:]:
        total = story.work("Together", total, "+", cost, unit)
    if not story.left:
        story.tell(words.PAY, who=who)
        return
    paid = min(total + rng.randint(1, 30), 99)
    story.tell(words.PAID, who=who, n=paid)
    story.work(f"Of {paid} remain", paid, "-", total, unit)
    story.tell(words.CHANGE, who=who)


def store(story: Story) -> None:
    """Full shelves: products added up one by one, then more and less, then perhaps equal shares."""
    rng = story.rng
    (items,) = story.pick("items", words.ITEMS)
    kinds = rng.randint(1, min((story.steps + 1) // 2, 3))
    amount = 0
    for holders in story.pick("holders", words.HOLDERS, kinds):
        g, s, p = story.product(items)
        story.tell(words.HOLD, g=g, holders=holders, s=s, items=items)
        amount = story.work("Together", amount, "+", p, items) if amount else p
    shared = story.left > 0 and rng.random() < 0.5
    while story.left > shared:
        n, (form, sign) = rng.randint(2, 20), rng.choice(words.STORE)
        amount = story.work(story.say([form], n=n, items=items), amount, sign, n, items)
    if shared:
        n = rng.choice((2, 3))
        story.tell([words.SHARED], n=n)
        story.work(f"Each of {n} shops gets", amount, "/", n, items)
    story.tell([words.EACH] if shared else words.STOCK, items=items)


FAMILIES: tuple[Callable[[Story], None], ...] = (chain, chain, ride, people, diary, shop, store)
