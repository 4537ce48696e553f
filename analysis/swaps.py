"""A problem decoded again with another signal in charge of the blocks, everything else as it was."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from itertools import islice

import numpy as np

from analysis.openings import check_undrawn
from analysis.rows import Row
from analysis.signals import ADABLOCK, CURVES, FIXED, RANDOM, TRUNCATED, RandomBlock, SignalBlock
from analysis.study import NAME, Decode, settings
from depcap.boundary import DelimiterBlock, FixedBlock, InfluenceBlock
from depcap.decoder import Method
from depcap.errors import DepcapError
from depcap.evaluation import held_out
from depcap.generation import Decoding
from depcap.models.loading import Model
from depcap.protocols import BoundaryPolicy
from depcap.request import Settings, check, named_method
from depcap.result import Result
from depcap.tasks import TASKS, Example, Task
from depcap.trace import Header, Trace


def swaps(model: Model, decode: Decode, rule: SignalBlock) -> list[Row]:
    """One row per signal: whether the problem is solved with it, and how many forwards that took.

    DepCap's own is the decode itself.
    """
    header, solved = decode.trace.header, _scorer(model, decode)
    boundaries: dict[str, BoundaryPolicy] = {
        signal: replace(rule, signal=signal) for signal in CURVES if signal != TRUNCATED
    }
    boundaries |= others(model, header, rule.seed)
    decoded: dict[str, Header | Result] = {TRUNCATED: header} | {
        signal: swapped(model, header, boundary) for signal, boundary in boundaries.items()
    }
    return [
        {
            "kind": "decode", "signal": signal, "nfe": found.nfe, "blocks": len(found.block_sizes),
            "tokens": found.response_length, "right": solved(found.text or ""),
        }
        for signal, found in decoded.items()
    ]  # fmt: skip


def others(model: Model, header: Header, seed: int) -> dict[str, BoundaryPolicy]:
    """Boundaries without a curve: the decode's own sizes in any order, their mean, and AdaBlock's."""
    return {
        RANDOM: RandomBlock(tuple(header.block_sizes), seed),
        FIXED: FixedBlock(round(np.mean(header.block_sizes))),
        ADABLOCK: _adablock(model, header.gen_length),
    }


def swapped(model: Model, header: Header, boundary: BoundaryPolicy) -> Result:
    """What a decode would have been with another boundary."""
    request = check(model, [header.prompt_ids], settings(header))
    method = request.method.method
    assert isinstance(method, Method)
    named = replace(request.method, method=replace(method, boundary=boundary))
    return Decoding(replace(request, method=named), None).run()[0]


def _scorer(model: Model, decode: Decode) -> Callable[[str], bool | None]:
    """Whether a text solves the held-out problem that the decode is of; None where it is of none."""
    header, found = decode.trace.header, problem(decode.name)
    if found is None:
        return lambda _text: None
    task, example = found
    if check(model, [example.prompt], settings(header)).prompts[0] != header.prompt_ids:
        return lambda _text: None
    return lambda text: task.score(example, text) == 1.0


@lru_cache(256)
def problem(name: str) -> tuple[Task, Example] | None:
    """The held-out problem of a name such as `python-0007`; None where it is of none of our tasks."""
    found = NAME.fullmatch(name)
    if found is None or found[1] not in TASKS:
        return None
    task, problems = held_out(found[1], int(found[2]) + 1)
    return task, next(islice(problems, int(found[2]), None))


def depcap_rule(model: Model, trace: Trace, samples: int, seed: int) -> SignalBlock:
    """The boundary that a trace was decoded with, ready to take another signal; only DepCap's does.

    DepcapError for a decode with draws: the row of a batch draws in its own way, and another signal's decode
    would differ by that alone.
    """
    check_undrawn(trace.header, "boundaries")
    method = named_method(model, settings(trace.header)).method
    if not isinstance(method, Method) or not isinstance(method.boundary, InfluenceBlock):
        raise DepcapError(f"boundaries are studied on decodes of depcap, not of {trace.header.method}")
    return SignalBlock(method.boundary, TRUNCATED, model.denoiser, samples, seed)


def _adablock(model: Model, gen_length: int) -> DelimiterBlock:
    """AdaBlock's boundary for the model."""
    method = named_method(model, Settings("adablock", gen_length=gen_length)).method
    assert isinstance(method, Method)
    assert isinstance(method.boundary, DelimiterBlock)
    return method.boundary
