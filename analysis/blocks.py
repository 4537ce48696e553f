"""What the last block did to the next candidates, measured at every opening of a decode."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TypeVar
from zlib import crc32

import numpy as np

from analysis.additivity import log_probs, realised, sampled
from analysis.curves import Curve, Estimate, Realised
from analysis.marginals import Own, own
from analysis.memory import Remembering
from analysis.mixture import Mixture, mixture
from analysis.openings import LAST, Opening, compared
from analysis.rows import Row
from depcap.errors import DepcapError
from depcap.measures import entropy
from depcap.protocols import Denoiser

LEFT_TO_RIGHT = "left-to-right"
RANDOM = ("random", "random 2", "random 3")
"""Permutations of their own."""
ORDERS = (LEFT_TO_RIGHT, "confidence", *RANDOM)
CHOSEN = "chosen"
ERRORS = ("standard_error", "correlation_error", "cross_error", "inconsistency_error")
PARTS = ("joint", "additive", "truncated", "correlation", "cross", "inconsistency", "dependence")
"""What of an estimate a row holds in sum and for every candidate."""
ALONG = ("joint_along", "correlation_along", "cross_along", "inconsistency_along")
"""And in sum along every history."""
CONFIDENT = 0.9
"""A candidate whose confidence is at least this counts as confident."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured at every opening: fixed sizes (those that fit), the decoder's own, and orders.

    A block of the decoder's own is measured up to `largest`. `samples` and `top` are those of `sampled`.
    `baselines` adds the comparisons for the decoder's own size, left to right, and the last block drawn
    `draws` times instead of masked.
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
    """J, A and the parts of their gap for every candidate block of the plan, and what sorts it.

    A row also holds what it takes to find them again: the candidates' `positions` in the order in which they
    were unmasked, the `seed` of the draws, `top_k`, and J, T, X and kappa along every history.
    `cut` says that less than the decoder's block is measured: up to the end token, or to `plan.largest`;
    `masked_start` is where what is masked in Q begins. From left to right there is also the proxy of the
    joints' own marginals, `own_additive`.
    """
    room = opening.end - opening.start
    sizes = {str(size): size for size in plan.sizes if size <= room}
    sizes[CHOSEN] = min(opening.size, room, plan.largest)
    positions = list(range(opening.start, opening.start + max(sizes.values())))
    seen = _seen(denoiser, opening, positions, plan.samples)
    denoiser, mixed = Remembering(denoiser), None
    if plan.baselines:
        mixed = mixture(denoiser, opening.after, opening.before, positions, plan.draws, seed)

    def row(name: str, order: str, way: list[int], found: Estimate, world: Opening, what: str = LAST) -> Row:
        cut = name == CHOSEN and len(way) < opening.size
        keys = {"candidates": name, "order": order, "masked_again": what, "cut": cut}
        keys["masked_start"] = _differs(world)
        drawn = {"positions": way, "seed": seed_of(seed, order if what == LAST else what), "top_k": plan.top}
        marks = seen.marks([position - opening.start for position in way])
        return keys | drawn | _numbers(opening, found) | marks

    rows = []
    for order in plan.orders:
        ways = {
            name: ordered(order, positions[:size], seen.confidence[:size], seed)
            for name, size in sizes.items()
        }
        found = _by_size(ways, order, partial(_sampled, denoiser, opening, plan, seed_of(seed, order)))
        paths = _by_size(ways, order, partial(_realised, denoiser, opening))
        proxies: dict[int, Own] = {}
        if order == LEFT_TO_RIGHT:
            proxies = _by_size(ways, order, partial(_own, denoiser, opening, found, seed))
        rows += [
            row(name, order, way, found[len(way)], opening)
            | _along(paths[len(way)])
            | _drawn(mixed, len(way))
            | _marginal(proxies.get(len(way)))
            for name, way in ways.items()
        ]
    if plan.baselines:
        way = positions[: sizes[CHOSEN]]
        for what, world in compared(opening, seed).items():
            other = _sampled(denoiser, world, plan, seed_of(seed, what), way)
            rows.append(row(CHOSEN, LEFT_TO_RIGHT, way, other, world, what))
    return rows


@dataclass(frozen=True, slots=True)
class Seen:
    """What the opening shows of every candidate: confidence, entropy, and the noise of the numbers.

    The noise is what A would be of a world and itself, computed in another batch.
    """

    confidence: Curve
    entropy: Curve
    null: Curve

    def marks(self, places: list[int]) -> Row:
        """What sorts a block of these candidates."""
        sure = bool((self.confidence[places] >= CONFIDENT).all())
        entropy, null = float(self.entropy[places].mean()), float(self.null[places].sum())
        curves = {
            "entropy_curve": self.entropy[places].tolist(),
            "confidence_curve": self.confidence[places].tolist(),
        }
        return {"entropy": entropy, "confident": sure, "null": null, **curves}


def _seen(denoiser: Denoiser, opening: Opening, positions: list[int], samples: int) -> Seen:
    now = log_probs(denoiser, [opening.after], positions)
    others = [
        [*opening.after[:-1], token] for token in range(min(2 * samples, denoiser.vocab_size))
    ]  # a batch as large as a walk's
    again = log_probs(denoiser, [*others, opening.after], positions)[-1]
    null = (now[0].exp() * (now[0] - again)).nansum(dim=1).abs()
    return Seen(now[0].max(dim=1).values.exp().numpy(), entropy(now)[0].numpy(), null.numpy())


def seed_of(seed: int, what: str) -> int:
    """A seed for each of several things that are drawn independently.

    It has 32 bits, all that PyTorch's generator on the CPU keeps: seeds that differ above draw the same.
    """
    return crc32(f"{seed}/{what}".encode())


Found = TypeVar("Found", Estimate, Realised, Own)


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


def _own(denoiser: Denoiser, opening: Opening, found: dict[int, Estimate], seed: int, way: list[int]) -> Own:
    return own(denoiser, found[len(way)], opening.before, way, seed_of(seed, "own marginals"))


def _marginal(proxy: Own | None) -> Row:
    if proxy is None:
        return {}
    return {
        "own_additive": float(proxy.additive.sum()),
        "own_additive_half": float(proxy.additive_half.sum()),
        "own_additive_curve": proxy.additive.tolist(),
    }


def _differs(world: Opening) -> int:
    """The first position where the two worlds differ."""
    return next(i for i, (a, b) in enumerate(zip(world.after, world.before, strict=True)) if a != b)


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
        "wanted": opening.wanted, "clamp": opening.clamp, "last_size": opening.last[1] - opening.last[0],
        "histories": found.histories, "distinct": int(found.distinct[-1]), "seen": float(found.seen[-1]),
        **{name: float(getattr(found, name).sum()) for name in PARTS},
        **{f"{name}_curve": getattr(found, name).tolist() for name in (*PARTS, "standard_error")},
        **{name: float(getattr(found, name)[-1]) for name in ERRORS},
        **{name: getattr(found, name).sum(axis=0).tolist() for name in ALONG},
    }  # fmt: skip
