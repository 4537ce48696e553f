"""Where a decode opened its blocks, as pairs of worlds that differ in the last block only."""

from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import Any

from analysis.replay import canvases, masked_again
from depcap.choices import split
from depcap.errors import DepcapError
from depcap.trace import Header, Trace

LAST, SHUFFLED, ELSEWHERE = "last block", "last block, tokens shuffled", "another span"
"""What is masked again: the last block; or, to compare, one with shuffled tokens, or an earlier span."""
NOT_WHOLE = {
    "method": ("apd", "pearl", "ar"),  # what lies beyond the block cannot be seen
    "cache": ("dpad", "streaming"),
    "stop": ("eotp",),  # the row was shortened on the way
}


@dataclass(frozen=True, slots=True)
class Opening:
    """One block of a decode that opened after another: the canvas then, and that with the last block masked.

    `start` is where the new block begins, `size` how long the decoder made it, `wanted` how long its score
    alone would have made it (None without a score) and `clamp` what gave the size instead (None: the score),
    `last` the span of the block before it, `first` where the response begins, `end` one past the last
    position worth looking at: the row's end, or the end token. `decoded` is the row as the decoder left it.
    """

    index: int
    after: list[int]
    before: list[int]
    start: int
    size: int
    last: tuple[int, int]
    first: int
    end: int
    decoded: list[int]
    wanted: int | None = None
    clamp: str | None = None


def openings(trace: Trace) -> list[Opening]:
    """All but the first block of a decode; nothing after the final response's end token.

    For decoders that always see the whole row: DepcapError for the others.
    """
    header = trace.header
    check_whole(header)
    end = end_of(header)
    seen = zip(trace.rows(), canvases(trace), strict=False)  # there is one canvas more, after the last step
    opened = [(row, list(canvas)) for row, canvas in seen if row["opened"]]
    return [
        _opening(before, row, after, header, end)
        for (before, _), (row, after) in pairwise(opened)
        if row["start"] < end
    ]


def end_of(header: Header) -> int:
    """One past the last position worth looking at: the end token, or the row's end."""
    return len(header.prompt_ids) + min(header.response_length + 1, len(header.tokens))


def check_whole(header: Header) -> None:
    """DepcapError for a decoder that does not always see the whole row, as the model alone would."""
    for name, values in NOT_WHOLE.items():
        if (value := split(getattr(header, name), name)[0]) in values:
            raise DepcapError(
                f"{name} {value} does not show the whole row: the model alone would see another"
            )
    if header.params.get("guidance"):
        raise DepcapError("decodes with guidance cannot be measured: the model alone is another distribution")


def check_undrawn(header: Header, studied: str) -> None:
    """DepcapError for a decode with draws, where it has to be done anew, in whole or in part."""
    if header.temperature > 0:
        raise DepcapError(f"temperature {header.temperature}: {studied} are studied on decodes without draws")


def _opening(
    previous: dict[str, Any], row: dict[str, Any], after: list[int], header: Header, end: int
) -> Opening:
    start, last = row["start"], (previous["start"], row["start"])
    before = masked_again(after, *last, header.mask_id)
    first, decoded = len(header.prompt_ids), [*header.prompt_ids, *header.tokens]
    why = row["wanted"], row["clamp"]
    return Opening(row["block"], after, before, start, row["end"] - start, last, first, end, decoded, *why)


def compared(opening: Opening, seed: int) -> dict[str, Opening]:
    """The same opening with other worlds: what an influence is that has nothing to do with the last block.

    `SHUFFLED`: the last block stands in P with its tokens in another order; missing where there is none.
    `ELSEWHERE`: in Q an earlier span of the same size is masked instead, of the response, or where it does
    not fit there of the prompt and the response; missing where it does not fit at all.
    """
    draw, (begin, end), found = Random(seed), opening.last, dict[str, Opening]()
    tokens = opening.after[begin:end]
    if len(set(tokens)) > 1:
        mixed = tokens
        while mixed == tokens:
            mixed = draw.sample(tokens, len(tokens))
        found[SHUFFLED] = replace(opening, after=[*opening.after[:begin], *mixed, *opening.after[end:]])
    size, mask = end - begin, opening.before[begin]
    first = opening.first if begin - opening.first >= size else 0
    if begin - first >= size:
        start = draw.randrange(first, begin - size + 1)
        before = masked_again(opening.after, start, start + size, mask)
        found[ELSEWHERE] = replace(opening, before=before)
    return found
