"""How far training is: a share of right answers, quickly, on problems of the training side.

    python -m scripts.gauge tiny-dream arithmetic --problems 60 --set block_size=8
    python -m scripts.gauge tiny-dream python --method depcap --cache none

Held-out problems are for cards. A streaming cache (few masks behind the block, keys and values of the prefix
kept) takes a fifth of the time of none, and is near enough.
"""

from itertools import islice
from typing import Annotated

import typer
from tqdm import tqdm

import depcap
from depcap.choices import choose
from depcap.cli import params
from depcap.evaluation import score
from depcap.generation import start
from depcap.request import Settings
from depcap.tasks import TASKS, examples
from depcap.tasks.base import LEVELS, Source

BATCH, SEED = 20, 77


def main(
    name: Annotated[str, typer.Argument(help="model")],
    task: Annotated[str, typer.Argument(help="arithmetic or python")],
    problems: Annotated[int, typer.Option(help="how many, levels in turn")] = 60,
    method: str = "llada",
    cache: str = "streaming",
    set_: Annotated[list[str], typer.Option("--set", help="a parameter of the method")] = [],  # noqa: B006
) -> None:
    """Decode, score, print."""
    model = depcap.load(name, "cpu")
    chosen: Source = choose(TASKS, task, "task")
    settings = Settings(method, cache, params=params(set_))
    drawn = examples(chosen, problems, "train", SEED)
    right, forwards = dict[int, list[bool]](), 0
    with tqdm(total=problems, unit="problem") as bar:
        while batch := list(islice(drawn, BATCH)):
            results = start(model, [example.prompt for example in batch], settings).run()
            for example, result in zip(batch, results, strict=True):
                solved = chosen.score(example, result.text or "") == 1.0
                right.setdefault(example.level, []).append(solved)
                forwards += result.nfe
            bar.update(len(batch))
    whole = score([solved for level in LEVELS for solved in right.get(level, [])])
    levels = ", ".join(f"{sum(right[level])} of {len(right[level])}" for level in LEVELS if level in right)
    low, high = whole.ci95
    print(f"{whole.accuracy:.1%} ({low:.1%} to {high:.1%}); by level {levels}; NFE {forwards / problems:.1f}")


if __name__ == "__main__":
    typer.run(main)
