"""How often a verifier agrees with a draft, by place in the drafted window (PEARL, arXiv 2408.11850)."""

from collections.abc import Iterable, Iterator, Sequence
from math import prod

import pandas as pd

from depcap.errors import DepcapError
from depcap.trace import Trace


def acceptance(traces: Iterable[Trace]) -> pd.DataFrame:
    """One row per offset in the window, from 1: how many drafts were checked, and the share that stood.

    A draft counts as checked if all before it in its round stood, so that the shares are a_1 .. a_γ of
    `tokens_per_round`. The traces are of method pearl, at level `scores` or above, or it is a DepcapError.
    """
    pairs = [pair for trace in traces for pair in _checked(trace)]
    by_offset = pd.DataFrame(pairs, columns=["offset", "stood"]).groupby("offset")["stood"]
    return pd.DataFrame({"checked": by_offset.count(), "acceptance": by_offset.mean()}).reset_index()


def tokens_per_round(chances: Sequence[float]) -> float:
    """E: tokens that a round of PEARL yields in the long run, if offset k of a window stands with chance a_k.

    For equal chances a this is (1 - a^γ) / ((1 - a)(1 + a - a^γ)). A round before the first verified window
    yields one token and leads to trust with chance a_1; one on trust checks offsets 2 .. γ and then 1, yields
    what stands and one more, at most γ tokens, and loses trust unless all stand.
    """
    first, *rest = chances
    all_stand = prod(chances)
    on_trust = first / (first + 1 - all_stand) if first else 0.0  # share of rounds
    yielded = sum(prod(rest[:k]) for k in range(len(chances)))
    return (1 - on_trust) + on_trust * yielded


def _checked(trace: Trace) -> Iterator[tuple[int, bool]]:
    """Offset in its window and whether it stood, of every draft that was decided."""
    if trace.header.method != "pearl" or trace.header.level == "decisions":
        raise DepcapError("acceptance is told by traces of method pearl, recorded at level scores")
    window, before, opened, trusted = trace.header.params["window"], 0, 0, False
    assert isinstance(window, int)
    for row in trace.rows():
        before, opened = opened, opened + window if trusted else row["start"]
        reasons = dict(zip(row["positions"], row["reason"], strict=True))
        for position in row["committed"]:
            since = opened if position >= opened else before
            yield position - since + 1, reasons[position] == "committed_verified"
        trusted = all(reason == "committed_verified" for reason in row["reason"])
