"""The sentence forms of the arithmetic stories, each beside the words of the line that works it out.

A form is `(sentence, working)`. The working says again what the sentence said, so that a line of the answer
follows from one sentence and the amounts before it. `{n}` is the sentence's number, `{g}` groups of `{s}`,
`{p}` their product, `{a}` and `{c}` earlier amounts and `{b}` the new one; other slots are words that do not
count.
"""

from dataclasses import dataclass

NAMES = ("Tom", "Ana", "Ben", "Mia", "Leo", "Eva", "Sam", "Zoe", "Max", "Ida", "Jon", "Lea")
ITEMS = ("apples", "books", "cards", "coins", "eggs", "pens", "shells", "stamps", "stones", "toys")
BOXES = ("bags", "boxes", "packs", "jars", "sets")
GOODS = ("bowl", "cup", "fork", "hat", "lamp", "map", "mug", "plate", "rope", "vase")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DEEDS = (("reads", "poems"), ("plants", "trees"), ("bakes", "cakes"), ("folds", "boats"), ("runs", "races"))
RIDES = ("bus", "train", "ferry", "tram")
STOPS = ("bridge", "park", "market", "school", "church", "museum", "harbour", "station")
HOLDERS = ("shelves", "crates", "tables", "baskets", "carts", "drawers")

Form = tuple[str, str]

STARTS = ("{who} has {n} {items}.", "{who} starts with {n} {items}.", "At first {who} has {n} {items}.")
GAIN: tuple[Form, ...] = (
    ("{who} finds {n} more {items}.", "{who} finds {n}"),
    ("{who} buys {n} new {items}.", "{who} buys {n}"),
    ("{other} gives {who} {n} {items}.", "{who} gets {n}"),
    ("Then {who} wins {n} {items}.", "{who} wins {n}"),
    ("A parcel with {n} {items} comes for {who}.", "{who} gets {n}"),
    ("Later {who} adds {n} {items}.", "{who} adds {n}"),
)
LOSS: tuple[Form, ...] = (
    ("{who} gives {n} {items} to {other}.", "{who} gives away {n}"),
    ("{who} loses {n} {items}.", "{who} loses {n}"),
    ("Then {who} sells {n} {items}.", "{who} sells {n}"),
    ("{n} of the {items} go missing.", "{n} go missing"),
    ("{other} takes {n} {items} from {who}.", "{other} takes {n}"),
)
GROUPS_IN: tuple[Form, ...] = (
    ("{who} buys {g} {boxes} of {s} {items}.", "{who} buys {p}"),
    ("{g} friends bring {who} {s} {items} each.", "{who} gets {p}"),
    ("{who} finds {s} {items} on each of {g} days.", "{who} finds {p}"),
)
GROUPS_OUT: tuple[Form, ...] = (
    ("{who} gives {s} {items} to each of {g} friends.", "{who} gives away {p}"),
    ("{who} sells {g} {boxes} of {s} {items}.", "{who} sells {p}"),
    ("{who} puts {g} piles of {s} {items} away.", "{who} puts away {p}"),
)
AGAIN: tuple[Form, ...] = (("{who} gets as many {items} as there were at first.", "{who} gets {n}"),)
CHANGES = {"gain": (GAIN, "+"), "loss": (LOSS, "-"), "in": (GROUPS_IN, "+"), "out": (GROUPS_OUT, "-")}
"""Forms and sign of the events that add or take away."""
FACTORS: tuple[tuple[Form, str, int], ...] = (
    (("{who} doubles the number of {items}.", "Twice as many"), "*", 2),
    (("The number of {items} triples.", "Three times as many"), "*", 3),
    (("{who} gives away half of the {items}.", "Half are left"), "/", 2),
    (("Only a third of the {items} are left.", "A third are left"), "/", 3),
)
"""Form, sign and number of the events that multiply or divide."""
NOW = (
    "How many {items} does {who} have now?",
    "How many {items} does {who} have in the end?",
    "What is the number of {items} that {who} has now?",
)


@dataclass(frozen=True)
class Relations:
    """How amounts with names of their own refer to each other: forms, and what is asked of them.

    A working says which amounts it starts from, `{x}` and `{y}`, and its line ends with the new one's name:
    so an amount is found again by its name.
    """

    start: str
    more: tuple[Form, ...]
    fewer: tuple[Form, ...]
    factors: tuple[tuple[Form, str, int], ...]
    both: tuple[Form, ...]
    last: str
    difference: Form
    total: Form


PEOPLE = Relations(
    "{a} has {n} {items}.",
    (
        ("{b} has {n} more {items} than {a}.", "At {a}={x}, {n} more"),
        ("{b} owns {n} more {items} than {a}.", "At {a}={x}, {n} more"),
    ),
    (
        ("{b} has {n} fewer {items} than {a}.", "At {a}={x}, {n} less"),
        ("{b} owns {n} fewer {items} than {a}.", "At {a}={x}, {n} less"),
    ),
    (
        (("{b} has twice as many {items} as {a}.", "At {a}={x}, twice"), "*", 2),
        (("{b} has three times as many {items} as {a}.", "At {a}={x}, three times"), "*", 3),
        (("{b} has half as many {items} as {a}.", "At {a}={x}, half"), "/", 2),
    ),
    (("{b} has as many {items} as {a} and {c} together.", "At {a}={x} and {c}={y}"),),
    "How many {items} does {a} have?",
    ("How many more {items} does {a} have than {b}?", "At {a}={x} and {b}={y}"),
    ("How many {items} do {a} and {b} have together?", "At {a}={x} and {b}={y}"),
)
DIARY = Relations(
    "In {a} {who} {does} {n} {items}.",
    (
        ("In {b} {who} {does} {n} more {items} than in {a}.", "At {a}={x}, {n} more"),
        ("In {b} it is {n} more than in {a}.", "At {a}={x}, {n} more"),
    ),
    (
        ("In {b} {who} {does} {n} fewer {items} than in {a}.", "At {a}={x}, {n} less"),
        ("In {b} it is {n} less than in {a}.", "At {a}={x}, {n} less"),
    ),
    (
        (("In {b} {who} {does} twice as many as in {a}.", "At {a}={x}, twice"), "*", 2),
        (("In {b} it is three times as many as in {a}.", "At {a}={x}, three times"), "*", 3),
        (("In {b} it is half as many as in {a}.", "At {a}={x}, half"), "/", 2),
    ),
    (("In {b} it is as many as in {a} and {c} together.", "At {a}={x} and {c}={y}"),),
    "How many {items} is that in {a}?",
    ("How many more {items} is that in {a} than in {b}?", "At {a}={x} and {b}={y}"),
    ("How many {items} is that in {a} and {b} together?", "At {a}={x} and {b}={y}"),
)

PRICE = ("A {good} costs {n} coins.", "The price of a {good} is {n} coins.")
BASKET = ("{who} buys {basket}.", "{who} takes {basket}.")
PAY = ("How many coins does {who} pay?", "What does {who} pay in all?")
PAID = ("{who} pays with {n} coins.", "{who} has {n} coins.")
CHANGE = ("How many coins are left?", "How many coins does {who} keep?")

HOLD = ("There are {g} {holders} with {s} {items} each.", "{g} {holders} hold {s} {items} each.")
STORE: tuple[tuple[Form, str], ...] = (
    (("{n} of the {items} are sold.", "{n} are sold"), "-"),
    (("{n} of the {items} are old and go.", "{n} go"), "-"),
    (("A cart brings {n} more {items}.", "{n} come"), "+"),
    (("{n} loose {items} are found.", "{n} are found"), "+"),
)
SHARED = "The rest is shared equally among {n} shops."
EACH = "How many {items} does each shop get?"
STOCK = ("How many {items} are there now?", "How many {items} are in stock?")

RIDE = "A {vehicle} starts with {n} people."
BOARDING: tuple[tuple[Form, str], ...] = (
    (("At the {stop} {n} people get on.", "At the {stop} {n} get on"), "+"),
    (("{n} people join at the {stop}.", "At the {stop} {n} join"), "+"),
    (("At the {stop} {n} people get off.", "At the {stop} {n} get off"), "-"),
    (("{n} people leave at the {stop}.", "At the {stop} {n} leave"), "-"),
)
CLASSES: tuple[Form, ...] = (
    ("At the {stop} {g} groups of {s} people get on.", "At the {stop} {p} get on"),
    ("{g} families of {s} people join at the {stop}.", "At the {stop} {p} join"),
)
HALVED: tuple[Form, ...] = (("Half of the people get off at the {stop}.", "At the {stop} half get off"),)
ABOARD = ("How many people are on the {vehicle} now?", "How many people stay on the {vehicle}?")

ASIDE = (
    "{stranger} has {n} {things}.",
    "{stranger} is {n} years old.",
    "It is {n} degrees outside.",
    "The walk home takes {n} minutes.",
    "{stranger} lives at number {n}.",
    "The doors open at {n}.",
    "There are {n} chairs in the garden.",
    "{stranger} waits for {n} minutes.",
)
"""Sentences that nothing asks about."""
