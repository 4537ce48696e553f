"""How long the next block would be if another signal than DepCap's decided.

Those that are curves go through DepCap's own rule (smooth, scale, subtract the entropy penalty, take the
leading run), so that what differs is the signal alone.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from analysis.additivity import log_probs, sampled
from analysis.blocks import seed_of
from analysis.replay import masked_again
from depcap import influence as inf
from depcap.boundary import InfluenceBlock
from depcap.measures import entropy
from depcap.protocols import Denoiser
from depcap.types import Canvas, Opening, Window

TRUNCATED, EXACT, NEAR, JOINT, ENTROPY = "A, top-K", "A", "A, same window as J", "J", "entropy only"
CURVES = (TRUNCATED, EXACT, NEAR, JOINT, ENTROPY)
AGAIN = "J, again"
"""J from other histories: what sampling alone changes."""
SHORT = (NEAR, JOINT, AGAIN)
"""Signals that are compared with one another, on a window of `JOINT_REACH` candidates."""
RANDOM, ADABLOCK, FIXED = "random sizes", "AdaBlock", "mean size"
JOINT_REACH = 32
"""Candidates whose share of J is sampled, and the whole window of `SHORT`: the rule scales a curve by its own
spread, so that J here and A beyond would shrink a block wherever J is smaller than A."""

Curve = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Length:
    """How long a signal makes a block: as it `wanted`, and the `size` within the limits and the row.

    `clamped` says that a limit or the row's end gave the size, or cut the run short that was wanted.
    """

    wanted: int
    size: int
    clamped: bool


def curve(signal: str, now: Tensor, before: Tensor, top_k: int) -> Curve:
    """What the last block did to each position of a window [W V] alone, in nats, as the signal has it."""
    if signal == ENTROPY:
        return np.zeros(len(now))
    if signal == TRUNCATED:
        return inf.influence(inf.top_k(now[None], top_k), inf.top_k(before[None], top_k))[0].numpy()
    exact: Curve = torch.where(now.exp() > 0, now.exp() * (now - before), 0).sum(dim=1).numpy()
    return exact


def length_from(moved: Curve, unsure: Curve, rule: InfluenceBlock, left: int) -> Length:
    """The block's length by DepCap's rule, with any curve in place of the influence."""
    curves = torch.as_tensor(np.stack((moved, unsure)), dtype=torch.float32)
    valid = torch.ones_like(curves, dtype=torch.bool)
    scaled = inf.normalise(inf.smooth(curves, valid), valid)
    wanted = int(inf.leading_run((scaled[0] - rule.lambda_u * scaled[1])[None], valid[:1]))
    size = min(max(min(wanted, rule.max_size), rule.min_size), left)
    return Length(wanted, size, not rule.min_size <= wanted < len(moved))


@dataclass(frozen=True, slots=True)
class SignalBlock:
    """DepCap's boundary with another signal; asks the model itself, so it costs forwards that nobody counts.

    With `TRUNCATED` it is `InfluenceBlock`. `samples` histories estimate `JOINT`, others at every opening.
    """

    rule: InfluenceBlock
    signal: str
    denoiser: Denoiser
    samples: int
    seed: int

    sliding = False

    @property
    def lookahead(self) -> int:
        """As DepCap."""
        return self.rule.lookahead

    def init(self, _canvas: Canvas) -> None:
        """No block was opened yet."""
        return None

    def open(
        self,
        _log_probs: Float[Tensor, "B W V"],
        at: Window,
        opening: Bool[Tensor, "B"],
        canvas: Canvas,
        state: dict[int, int] | None,
    ) -> tuple[Opening, dict[int, int]]:
        """Sizes of the rows that open; the state is where each row's last block began."""
        began = dict(state or {})
        size = torch.full_like(canvas.end, self.rule.min_size)
        for row in opening.nonzero().flatten().tolist():
            start, end = int(at.start[row]), int(canvas.end[row])
            if row in began:
                after = canvas.ids[row, :end].tolist()
                before = masked_again(after, began[row], start, canvas.mask_id)
                size[row] = self.lengths(after, before, start, (self.signal,))[self.signal].size
            began[row] = start
        return Opening(size), began

    def lengths(
        self, after: list[int], before: list[int], start: int, signals: tuple[str, ...]
    ) -> dict[str, Length]:
        """The length by each of several signals, where a block opens at `start` of a canvas."""
        left = len(after) - start
        window = list(range(start, start + min(left, self.rule.max_size)))
        now, then = log_probs(self.denoiser, [after, before], window)
        unsure, reach = entropy(now[None])[0].numpy(), window[:JOINT_REACH]
        joint = {
            signal: sampled(
                self.denoiser, after, before, reach, self.samples, seed_of(self.seed, f"{start}/{signal}")
            ).joint
            for signal in (JOINT, AGAIN)
            if signal in signals
        }
        found = dict[str, Length]()
        for signal in signals:
            moved = joint[signal] if signal in joint else curve(signal, now, then, self.rule.top_k)
            seen = len(reach) if signal in SHORT else len(window)
            found[signal] = length_from(moved[:seen], unsure[:seen], self.rule, left)
        return found


@dataclass(frozen=True, slots=True)
class RandomBlock:
    """Sizes drawn from those of another decode, in any order."""

    choices: tuple[int, ...]
    seed: int

    sliding = False

    @property
    def lookahead(self) -> int:
        """Nothing is looked at."""
        return 1

    def init(self, _canvas: Canvas) -> Random:
        """Where the draws begin."""
        return Random(self.seed)

    def open(
        self, _log_probs: Any, _at: Window, _opening: Any, canvas: Canvas, state: Random
    ) -> tuple[Opening, Random]:
        """One size for all rows: this is for batches of one."""
        return Opening(torch.full_like(canvas.end, state.choice(self.choices))), state
