"""What the page offers: models, and example problems."""

from dataclasses import dataclass
from typing import Any

MODELS = ["tiny-llada", "tiny-dream"]
"""Models the public page may load: an allow-list, never a free text."""

SUITED: dict[str, dict[str, Any]] = {
    "depcap": {"max_size": 16, "tau_low": 0.98, "tau_high": 0.995},
    "fast-dllm": {"block_size": 8, "threshold": 0.98},
    "adablock": {"block_size": 16, "threshold": 0.98},
    "localleap": {"block_size": 8, "threshold": 0.98, "relaxed_threshold": 0.95},
    "klass": {"block_size": 8, "threshold": 0.98},
    "dawn": {"block_size": 8, "threshold": 0.98, "induced_threshold": 0.95, "low_threshold": 0.97},
    "wino": {"block_size": 8, "threshold": 0.9},
    "eb-sampler": {"block_size": 16},
    "dus": {"block_size": 8},
    "llada": {"block_size": 8},
}
"""What the page starts from where the papers' parameters do not suit its models.

In these tasks one wrong token makes the answer wrong: of a hundred places that are sure to 0.9 ten are lost.
Prose forgives that. And to the right of holes the models err more than they know. DepCap's blocks then mostly
have its least size, 8, and so have those of rivals that were tried with it; AdaBlock's 16 is what it takes
where it sees no line end.
"""


@dataclass(frozen=True, slots=True)
class ExampleProblem:
    """A held-out problem, with the name of its recorded trace."""

    label: str
    trace: str
    prompt: str


EXAMPLES = [
    ExampleProblem(
        "Apples, step by step",
        "apples",
        "At first Leo has 18 apples. Leo gives 2 apples to each of 6 friends. Later Leo adds 18 apples."
        " Sam has 14 books. Leo sells 6 jars of 3 apples. Only a third of the apples are left."
        " Max lives at number 10. How many apples does Leo have now?",
    ),
    ExampleProblem(
        "Three products and a sum",
        "shop",
        "The price of a vase is 3 coins. A rope costs 7 coins. Tom has 13 pens. A hat costs 4 coins."
        " Jon buys 6 hats and 3 vases and 3 ropes. How many coins does Jon pay?",
    ),
    ExampleProblem(
        "Who has more?",
        "people",
        "Ben has 11 coins. Max has 4 more coins than Ben. Leo has twice as many coins as Max."
        " Mia has twice as many coins as Leo. Jon owns 2 more coins than Mia."
        " How many more coins does Mia have than Leo?",
    ),
    ExampleProblem(
        "Python: filter, add up, compare",
        "python-fold",
        'def result_of(nums, limit):\n    """Compute the sum of the numbers in nums that are divisible by 4'
        " and greater than limit, each decreased by 10, or 0 if there are none."
        ' Return the larger of the result and 14."""\n',
    ),
    ExampleProblem(
        "Python: rows of a table",
        "python-rows",
        'def f(table):\n    """For each row of table, append to a list the sum of the numbers in the row'
        " that are positive and not divisible by 5, each subtracted from 20."
        ' Return the list sorted in decreasing order."""\n',
    ),
]
