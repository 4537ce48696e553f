"""Small Python functions from a signature and a docstring, scored by running tests on them.

A problem is composed from parts (what to go over, which items to keep, what to compute of each, what to build
and what to do at the end), so that held-out problems are new combinations of known parts. Names vary
independently.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from depcap.tasks import pipelines, programs
from depcap.tasks.base import Example, Split, held_out, neutral
from depcap.tasks.cases import cases
from depcap.tasks.parts import Names, Program
from depcap.tasks.sandbox import run_program

FUNCTION_NAMES = ("f", "g", "solve", "compute", "answer", "result_of", "process", "apply")
MAX_DOC = 420
"""Characters of a docstring: longer ones are drawn again."""
Family = Callable[[Random, Names, int], Program]
FAMILIES: dict[int, tuple[Family, ...]] = {
    1: (
        programs.fold,
        programs.fold,
        programs.fold,
        programs.collect,
        programs.collect,
        programs.spell,
        programs.places,
    ),
    2: (programs.fold, programs.collect, programs.spell, programs.branch, programs.branch, programs.pairs),
    3: (programs.branch, programs.branch, programs.until, programs.run, programs.rows, programs.pairs),
    4: (
        pipelines.two_stages,
        pipelines.guarded,
        pipelines.row_totals,
        pipelines.row_stages,
        pipelines.word_counts,
    ),
    5: (
        pipelines.two_stages,
        pipelines.branch_then_loop,
        pipelines.guarded,
        pipelines.row_totals,
        pipelines.word_counts,
    ),
}
"""What the problems of each level are made by; a family that is named twice is drawn twice as often."""


@dataclass(frozen=True, slots=True)
class Python:
    """The python task (see the module)."""

    name: str = "python"
    version: int = 2

    def problem(self, rng: Random, split: Split, level: int) -> tuple[Program, str]:
        """A program of the split and its family; what is asked decides the split, not the names in it."""
        while True:
            family = rng.choice(FAMILIES[level])
            program = family(rng, _names(rng), level)
            if len(program.doc) > MAX_DOC:
                continue
            if held_out(f"{family.__name__}|{asked(program)}") == (split == "test"):
                return program, family.__name__

    def draw(self, rng: Random, split: Split, level: int) -> tuple[str, str]:
        """Prompt and reference of a problem, without tests: training needs none."""
        program, _ = self.problem(rng, split, level)
        return worded(program, rng.choice(FUNCTION_NAMES))

    def sample(self, rng: Random, split: Split, level: int) -> Example:
        """A problem of the split, with tests that tell its program from near misses."""
        while True:
            program, family = self.problem(rng, split, level)
            function = rng.choice(FUNCTION_NAMES)
            prompt, reference = worded(program, function)
            checks = cases(program, prompt, reference, function)
            if checks is not None:
                return Example(prompt=prompt, reference=reference, level=level, family=family, checks=checks)

    def score(self, example: Example, completion: str) -> float:
        """1.0 when the completed function passes every test, run in the sandbox."""
        tests = [(args, expected) for args, expected in example.checks]
        outcome = run_program(example.prompt + completion, [args for args, _ in tests])
        if outcome.error is not None:
            return 0.0
        return float(all(got == want for got, (_, want) in zip(outcome.values, tests, strict=True)))


def asked(program: Program) -> str:
    """The program's docstring with its parameter names replaced by their places."""
    return neutral(program.doc, {name: f"${place}" for place, name in enumerate(program.params)})


def _names(rng: Random) -> Names:
    whole = rng.choice(("n", "m", "num"))
    return Names(
        numbers=rng.choice(("xs", "nums", "items", "data", "seq")),
        rows=rng.choice(("grid", "table", "matrix")),
        text=rng.choice(("s", "text", "line")),
        whole=whole,
        second=rng.choice([name for name in ("k", "n", "limit") if name != whole]),
    )


def worded(program: Program, function: str) -> tuple[str, str]:
    """Prompt and reference."""
    head = f"def {function}({', '.join(program.params)}):\n"
    return f'{head}    """{program.doc}"""\n', "\n".join(f"    {line}" for line in program.body)
