"""What the page offers: models, and example problems."""

from dataclasses import dataclass

MODELS = ["tiny-llada", "tiny-dream"]
"""Models the public page may load: an allow-list, never a free text."""


@dataclass(frozen=True, slots=True)
class ExampleProblem:
    """A problem from no training set, with the name of its recorded trace."""

    label: str
    trace: str
    prompt: str


EXAMPLES = [
    ExampleProblem(
        "Stamps, step by step",
        "stamps",
        "Ida has 14 stamps. Ida buys 3 packs of 7. Ida gives 4 to each of 2 friends. Ida doubles the number."
        " How many stamps does Ida have now?",
    ),
    ExampleProblem(
        "Two products and change",
        "shop",
        "A mug costs 6 coins. A vase costs 9 coins. Leo buys 4 mugs and 3 vases and pays with 80 coins."
        " How many coins does Leo get back?",
    ),
    ExampleProblem(
        "Who has more?",
        "pair",
        "Zoe has 17 shells. Ben has 8 more than Zoe. Then Ben gets 3 bags of 4."
        " How many more shells does Ben have than Zoe?",
    ),
    ExampleProblem(
        "Python: filter and square",
        "python-fold",
        'def solve(nums, limit):\n    """Return the sum of the squares of the numbers in nums'
        ' that are odd and less than limit."""\n',
    ),
    ExampleProblem(
        "Python: rows of a table",
        "python-rows",
        'def process(rows, k):\n    """For each row of rows take the sum of its numbers'
        ' that are greater than k. Return these, sorted."""\n',
    ),
]
