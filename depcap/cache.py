"""Cache policies, which are sets of positions.

No cache, prefix cache and dual cache (Fast-dLLM, arXiv 2505.22618) and their successors differ only in *which
positions are computed again* in a step, and in which can be seen. What is not computed keeps the keys and
values of an older canvas.
"""

import math
from typing import Annotated, ClassVar

import torch
from jaxtyping import Bool
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from depcap.choices import Positive
from depcap.types import Moment, spanned

View = tuple[Bool[Tensor, "B L"], Bool[Tensor, "B L"]]
"""Positions to compute, and positions that can be seen."""
STRICT = ConfigDict(extra="forbid")
Count = Annotated[int, Field(ge=0, le=1_000_000)]


def _all(moment: Moment) -> Bool[Tensor, "B L"]:
    """Every position up to the row's end."""
    end = moment.canvas.end
    return spanned(torch.zeros_like(end), end, moment.canvas.ids.shape[1])


def _but_for_openings(moment: Moment, start: Tensor, end: Tensor) -> View:
    """The span is computed, everything where a block opens; all is visible."""
    whole = _all(moment)
    inside = whole & spanned(start, end, whole.shape[1])
    return torch.where(moment.opening[:, None], whole, inside), whole


@dataclass(frozen=True, slots=True, config=STRICT)
class NoCache:
    """Everything is computed in every step."""

    stores: ClassVar[bool] = False

    def view(self, moment: Moment) -> View:
        """From the first position to the row's end."""
        whole = _all(moment)
        return whole, whole


@dataclass(frozen=True, slots=True, config=STRICT)
class PrefixCache:
    """What is left of the block is kept; block and suffix are computed (Fast-dLLM, arXiv 2505.22618).

    With blocks of one position this is `none`.
    """

    stores: ClassVar[bool] = True

    def view(self, moment: Moment) -> View:
        """From the block's start to the row's end; everything where a block opens."""
        return _but_for_openings(moment, moment.block.start, moment.canvas.end)


@dataclass(frozen=True, slots=True, config=STRICT)
class DualCache:
    """Prefix and suffix are kept; only the block is computed (Fast-dLLM, arXiv 2505.22618).

    With blocks of one position this is `none`.
    """

    stores: ClassVar[bool] = True

    def view(self, moment: Moment) -> View:
        """The block; everything where it opens."""
        return _but_for_openings(moment, moment.block.start, moment.block.end)


@dataclass(frozen=True, slots=True, config=STRICT)
class VicinityCache:
    """As `dual`, with `reach` positions on either side computed too (dInfer, arXiv 2510.08666).

    What changes most when a token is decided are the states close to it, within the block or beside it.

    Formula:

        compute = [s − r, e + r), everything where the block [s, e) opens     r: `reach`
        visible = everything

    With a reach as long as the canvas this is `none`.

    Defaults: dInfer's 16 positions.

    Differences:

    - dInfer has it together with decoders of its own, soft embeddings and several devices. Here it is the
      cache alone, and that everything is computed where a block opens is as for `dual`.
    """

    reach: Count = 16
    stores: ClassVar[bool] = True

    def view(self, moment: Moment) -> View:
        """The block and its neighbours; everything where it opens."""
        return _but_for_openings(moment, moment.block.start - self.reach, moment.block.end + self.reach)


@dataclass(frozen=True, slots=True, config=STRICT)
class DelayedCache:
    """Decided tokens are kept from the step after the one that decided them (dKV-Cache, arXiv 2505.15781).

    States move most when their token is decided, so it is computed once more before it is kept.

    Formula:

        compute = {masked} ∪ {decided in the last step}, everything in a block's steps 0, N, 2N, ...
        visible = everything                                                  N: `refresh`

    With `refresh` 1 this is `none`.

    Defaults: N = 8, that of the paper's decode variant for LLaDA.

    Differences:

    - Of the paper's variants this is dKV-Cache-Decode, with its cache begun anew in every block. That for
      Dream has N = 4. The greedy variant (N = 2) and those that also keep the prompt (Prefill, PD) are left
      out.
    - Copies of the official code compute everything in a block's step 1 too; the paper's rule does not.
    """

    refresh: Annotated[Count, Field(ge=1)] = 8
    stores: ClassVar[bool] = True

    def view(self, moment: Moment) -> View:
        """What is masked or has just been decided."""
        whole = _all(moment)
        anew = moment.opening | (moment.block.step % self.refresh == 0)
        return whole & (anew[:, None] | moment.canvas.masked() | moment.fresh), whole


@dataclass(frozen=True, slots=True, config=STRICT)
class DropoutCache:
    """As `prefix`, with a random part of the suffix out of sight (DPad, arXiv 2508.14148).

    Masks far ahead say little more than that there are some. Those close to the block stay, the further the
    fewer.

    Formula:

        P(position d past what is read stays) = a φ(k d / (w − 1)) for d < w, else 0
        φ(x) = exp(−x² / 2) / √(2π)

    `density` is a, `spread` k, `width` w. The draw hangs on the block's start alone: rows and seeds share it.
    With everything kept this is `prefix`.

    Defaults: k 4, a 2, w 256, those for GSM8K and MATH. HumanEval has 3, 2.3 and 512, MBPP 3, 2.3 and 128.

    Differences:

    - The official exit (once a finished block has an end token the rest becomes end tokens) is left out:
      `--stop eos` ends a row there.
    - d counts from the end of what is read, which is the block's unless a method looks further (`depcap` and
      `adablock` where a block opens, `klass` always); there from the block's end.
    """

    width: Annotated[Count, Field(ge=2)] = 256
    density: Positive = 2.0
    spread: Positive = 4.0
    stores: ClassVar[bool] = True

    def view(self, moment: Moment) -> View:
        """Prefix, what is read, and the part of the suffix that stays."""
        whole = _all(moment)
        place = torch.arange(whole.shape[1], device=whole.device)
        distance = place - moment.read_end[:, None]
        bell = torch.exp(-((self.spread * distance / (self.width - 1)) ** 2) / 2) / math.sqrt(2 * math.pi)
        drawn = torch.stack([self._dice(start) for start in moment.block.start.tolist()]).to(bell.device)
        dice = drawn.gather(1, distance.clamp(0, self.width - 1))
        stays = (distance < self.width) & (dice < self.density * bell)
        return _seen(moment, whole & ((distance < 0) | stays))

    def _dice(self, seed: int) -> Tensor:
        return torch.rand(self.width, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True, slots=True, config=STRICT)
class StreamingCache:
    """As `prefix`, with only the next positions of the suffix and its last in sight.

    Streaming-dLLM (arXiv 2601.17917): what is near matters, and where the text ends.

    Formula:

        visible = [0, e + w) ∪ {last position}             e: the end of what is read, w: `width`
        compute = what is visible from the block on, all that is visible where it opens

    With a width as long as the canvas this is `prefix`.

    Defaults: w 96, that for LLaDA on GSM8K; for Dream 32.

    Differences:

    - The paper's threshold τ₀ (1 − α (1 − r)), which falls with the masked share r of what is forwarded, is a
      method's and not a cache's; it is left out.
    - So is its exit at a finished block with an end token: `--stop eos` ends a row there.
    - e is the block's end unless a method looks further, as for `dpad`.
    """

    width: Count = 96
    stores: ClassVar[bool] = True

    def view(self, moment: Moment) -> View:
        """Prefix, what is read, the next positions, and the last."""
        whole = _all(moment)
        place = torch.arange(whole.shape[1], device=whole.device)
        near = place < (moment.read_end + self.width)[:, None]
        return _seen(moment, whole & (near | (place == moment.canvas.end[:, None] - 1)))


def _seen(moment: Moment, visible: Bool[Tensor, "B L"]) -> View:
    """What is visible from the block on is computed; all that is visible where a block opens."""
    start = torch.where(moment.opening, 0, moment.block.start)
    return visible & spanned(start, moment.canvas.end, visible.shape[1]), visible


@dataclass(frozen=True, slots=True, config=STRICT)
class TrailingCache:
    """For sliding blocks: of what is decided only the last positions are computed again (APD).

    arXiv 2506.00413. For method `apd`, whose blocks open in every step, so that `prefix` would keep nothing.

    Formula:

        compute = [s − a − W + 1, end), everything in the first step
        visible = everything that is drafted, and before

    s is the first undecided position, a how many were accepted in the last step, W is `width`. With a width
    as long as the canvas this is `none`.

    Defaults: W 16, the published setting with R 0.7 and M 100; the other has 32.

    Differences:

    - None, but that W of 0, which breaks Dream's shift in the official code, works here.
    """

    width: Count = 16
    stores: ClassVar[bool] = True

    def view(self, moment: Moment) -> View:
        """The end of what is decided, and all that is not."""
        accepted = moment.fresh.sum(dim=1)
        start = moment.block.start - self.width - accepted + 1
        whole = _all(moment)
        first = (moment.block.index == 0)[:, None]
        return whole & (first | spanned(start, moment.canvas.end, whole.shape[1])), whole


@dataclass(frozen=True, slots=True, config=STRICT)
class CausalCache:
    """Everything to the left is kept, nothing to the right is computed: exact when attention is causal.

    For blocks of one position: the prompt is computed once, then one position a step.
    """

    stores: ClassVar[bool] = True

    def view(self, moment: Moment) -> View:
        """The block's one position (and all before it, when it is the row's first)."""
        start = torch.where(moment.block.index == 0, 0, moment.block.start)
        whole = _all(moment)
        return spanned(start, moment.block.start + 1, whole.shape[1]), whole
