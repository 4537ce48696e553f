"""What the last block did to the next candidates, measured at every opening of a decode."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from torch import Tensor

from analysis.additivity import Estimate, Realised, log_probs, realised, sampled
from analysis.mixture import Mixture, mixture
from analysis.openings import LAST, Opening, compared
from analysis.study import Row
from depcap.errors import DepcapError
from depcap.measures import entropy
from depcap.protocols import Denoiser

LEFT_TO_RIGHT = "left-to-right"
RANDOM = ("random", "random 2", "random 3")
"""Permutations of their own."""
ORDERS = (LEFT_TO_RIGHT, "confidence", *RANDOM)
CHOSEN = "chosen"
CONFIDENT = 0.9
"""A candidate whose confidence is at least this counts as confident."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured at every opening: fixed sizes (those that fit), the decoder's own, and orders.

    A block of the decoder's own is measured up to `largest`. `samples` and `top` are those of `sampled`.
    `baselines` adds the comparisons for the smallest size, left to right, and the last block drawn `draws`
    times instead of masked.
    """

    sizes: tuple[int, ...] = (4, 8, 16, 32)
    orders: tuple[str, ...] = ORDERS
    samples: int = 16
    top: int = 64
    baselines: bool = True
    draws: int = 16
    largest: int = 128


def ordered(kind: str, positions: list[int], confidence: np.ndarray, seed: int) -> list[int]:
    """The candidates in the order in which they are unmasked; `confidence` is theirs at the opening."""
    if kind == LEFT_TO_RIGHT:
        return positions
    if kind == "confidence":
        return [positions[place] for place in np.argsort(-confidence, kind="stable")]
    if kind in RANDOM:
        return Random(f"{seed}/{kind}").sample(positions, len(positions))
    raise DepcapError(f"unknown order {kind!r} (known: {', '.join(ORDERS)})")


def measure(denoiser: Denoiser, opening: Opening, plan: Plan, seed: int) -> list[Row]:
    """J, A and the parts of their gap for every candidate block of the plan, and what sorts it."""
    room = opening.end - opening.start
    sizes = {str(size): size for size in plan.sizes if size <= room}
    smallest = min(sizes, key=int, default=None)
    sizes[CHOSEN] = min(opening.size, room, plan.largest)
    positions = list(range(opening.start, opening.start + max(sizes.values())))
    now = log_probs(denoiser, [opening.after], positions)
    confidence, unsure = now[0].max(dim=1).values.exp().numpy(), entropy(now)[0].numpy()
    null = _null(denoiser, opening, positions, now)
    mixed = None
    if plan.baselines:
        mixed = mixture(denoiser, opening.after, opening.before, positions, plan.draws, seed)

    def row(name: str, order: str, way: list[int], found: Estimate, what: str = LAST) -> Row:
        inside = [position - opening.start for position in way]
        sure = bool((confidence[inside] >= CONFIDENT).all())
        marks = {"entropy": float(unsure[inside].mean()), "confident": sure, "null": null}
        return {"candidates": name, "order": order, "masked_again": what, **_numbers(opening, found), **marks}

    rows = []
    for order in plan.orders:
        ways = {
            name: ordered(order, positions[:size], confidence[:size], seed) for name, size in sizes.items()
        }
        found = _by_size(ways, order, partial(_sampled, denoiser, opening, plan, seed))
        paths = _by_size(ways, order, partial(_realised, denoiser, opening))
        rows += [
            row(name, order, way, found[len(way)]) | _along(paths[len(way)]) | _drawn(mixed, len(way))
            for name, way in ways.items()
        ]
    if plan.baselines and smallest is not None:
        way = positions[: sizes[smallest]]
        for what, world in compared(opening, seed).items():
            rows.append(row(smallest, LEFT_TO_RIGHT, way, _sampled(denoiser, world, plan, seed, way), what))
    return rows


def _null(denoiser: Denoiser, opening: Opening, positions: list[int], now: Float[Tensor, "1 m V"]) -> float:
    """What A would be of a world and itself, computed in another batch: the noise of the numbers."""
    again = log_probs(denoiser, [opening.before, opening.after], positions)[1]
    return float((now[0].exp() * (now[0] - again)).nansum().abs())


Found = TypeVar("Found", Estimate, Realised)


def _by_size(ways: dict[str, list[int]], order: str, find: Callable[[list[int]], Found]) -> dict[int, Found]:
    """By size. From left to right smaller blocks are beginnings of the largest, which alone is walked."""
    found: dict[int, Found] = {}
    for way in sorted(ways.values(), key=len, reverse=True):
        if found and order == LEFT_TO_RIGHT:
            found[len(way)] = next(iter(found.values())).first(len(way))
        elif len(way) not in found:
            found[len(way)] = find(way)
    return found


def _sampled(denoiser: Denoiser, world: Opening, plan: Plan, seed: int, way: list[int]) -> Estimate:
    return sampled(denoiser, world.after, world.before, way, plan.samples, seed, plan.top)


def _realised(denoiser: Denoiser, opening: Opening, way: list[int]) -> Realised:
    tokens = [opening.decoded[position] for position in way]
    return realised(denoiser, opening.after, opening.before, way, tokens)


def _along(path: Realised) -> Row:
    return {"decoded_joint": float(path.joint.sum()), "decoded_log_p": float(path.log_p.sum())}


def _drawn(mixed: Mixture | None, size: int) -> Row:
    if mixed is None:
        return {}
    first = mixed.first(size)
    return {
        "drawn_additive": float(first.additive.sum()),
        "drawn_additive_half": float(first.additive_half.sum()),
        "drawn_distance": float(first.distance.mean()),
        "drawn_noise": float(first.noise.mean()),
    }


def _numbers(opening: Opening, found: Estimate) -> Row:
    return {
        "block": opening.index, "start": opening.start, "size": len(found.joint),
        "last_size": opening.last[1] - opening.last[0], "joint": found.total, "additive": found.proxy,
        "truncated": float(found.truncated.sum()), "standard_error": float(found.standard_error[-1]),
        "histories": found.histories, "correlation": float(found.correlation.sum()),
        "cross": float(found.cross.sum()), "inconsistency": float(found.inconsistency.sum()),
        "joint_curve": found.joint.tolist(), "additive_curve": found.additive.tolist(),
    }  # fmt: skip
