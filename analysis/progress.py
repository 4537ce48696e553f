"""How far a comparison is, and how long it will take: decoders differ tenfold and more in what they take."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tqdm import tqdm

from analysis.comparison import Cell
from depcap.evaluation import Outcome

FORMAT = "{desc}{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"


@dataclass(slots=True)
class Tally:
    """How many problems of a cell are done, and the seconds that they took."""

    done: int
    seconds: float


def remaining(tallies: Iterable[Tally], limit: int) -> float:
    """Seconds until `limit` problems of each cell are done, at the pace of those that are.

    A cell that has not begun is taken for a middling one; at least one must have begun.
    """
    known = list(tallies)
    paces = [tally.seconds / tally.done for tally in known if tally.done]
    middling = sum(paces) / len(paces)
    return sum(
        (limit - tally.done) * (tally.seconds / tally.done if tally.done else middling) for tally in known
    )


class Progress:
    """A bar over the problems of all cells, with the time that is left.

    What an earlier call decoded counts as done, and its time tells the cell's pace, but it is not this call's
    speed.
    """

    def __init__(self, kept: Mapping[str, list[Outcome]], limit: int) -> None:
        self.limit, self.heard = limit, time.perf_counter()
        first = {file: found[:limit] for file, found in kept.items()}
        self.tallies = {
            file: Tally(len(found), sum(outcome.seconds for outcome in found))
            for file, found in first.items()
        }
        done = sum(tally.done for tally in self.tallies.values())
        self.bar = tqdm(total=len(kept) * limit, initial=done, unit="problem", bar_format=FORMAT)

    def __call__(self, cell: Cell, done: int) -> None:
        """So many of this cell's problems are done now."""
        before, self.heard = self.heard, time.perf_counter()
        tally = self.tallies[cell.file]
        if done <= tally.done:
            return
        self.bar.set_description(" ".join(cell.keys.values()), refresh=False)
        self.bar.update(done - tally.done)
        tally.done, tally.seconds = done, tally.seconds + self.heard - before
        left = tqdm.format_interval(remaining(self.tallies.values(), self.limit))
        self.bar.set_postfix_str(f"{left} left")

    def close(self) -> None:
        """Leave the bar as it is."""
        self.bar.close()
