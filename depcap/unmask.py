"""Which proposals are unmasked in a step."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from depcap import conflict as graph
from depcap.reasons import code
from depcap.types import Block, Canvas, Proposal, Selection

Explanation = tuple[Tensor, Tensor, Tensor]
Selected = tuple[Selection, Any]


class Ordinary:
    """What an unmask policy is unless it says otherwise.

    It reads its block only, asks for log-probabilities alone, keeps nothing from one step to the next, and
    never lets a step go by.
    """

    __slots__ = ()
    whole = False
    shadows = False
    attention = False
    may_idle = False

    @property
    def lookahead(self) -> int:
        """Nothing beyond the block."""
        return 0

    def init(self, _canvas: Canvas) -> Any:
        """No run state."""
        return None


@dataclass(frozen=True, slots=True)
class Quota(Ordinary):
    """A fixed number per step: the most confident, on a uniform schedule (LLaDA, arXiv 2502.09992).

    A block of m positions gets `steps_per_block` steps; m // S each, the first m % S one more.
    """

    steps_per_block: int

    def select(self, proposal: Proposal, block: Block, _state: None) -> Selected:
        """The step's share of the most confident positions; ties to the leftmost."""
        return Selection(best(proposal.confidence, proposal.eligible, self.share(block))), None

    def share(self, block: Block) -> Int[Tensor, "B"]:
        """How many positions this step takes."""
        size, steps = block.end - block.start, self.steps_per_block
        return size // steps + (block.step < size % steps).to(size.dtype)

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """In the quota, or beyond it."""
        return explained(selection, "committed_quota", "beyond_quota")


@dataclass(frozen=True, slots=True)
class Threshold(Ordinary):
    """Every position whose confidence reaches the threshold (Fast-dLLM, arXiv 2505.22618, section 3.3)."""

    threshold: float = 0.9

    def select(self, proposal: Proposal, _block: Block, _state: None) -> Selected:
        """Confidence >= threshold; the loop adds the argmax when there is none."""
        return Selection(proposal.eligible & (proposal.confidence >= self.threshold)), None

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """At least, or below, the threshold."""
        return explained(selection, "committed_threshold", "below_threshold")


@dataclass(frozen=True, slots=True)
class Factor(Ordinary):
    """A bound that rises with the rank: c_(n) >= 1 - factor / (n + 1).

    Fast-dLLM, arXiv 2505.22618, theorem 1.

    Ranks are scanned from the most confident, which always passes, up to the first failure. When that is the
    very last rank the reference unmasks it all the same, and so do we: two masks left are always unmasked.
    """

    factor: float = 1.0

    def select(self, proposal: Proposal, _block: Block, _state: None) -> Selected:
        """The leading run of ranks that pass."""
        ordered = proposal.confidence.sort(dim=1, descending=True, stable=True).values
        place = torch.arange(1, ordered.shape[1] + 1, device=ordered.device)
        count = proposal.eligible.sum(dim=1)
        passes = (ordered >= 1 - self.factor / (place + 1)) | (place == 1)
        run = passes.int().cumprod(dim=1).sum(dim=1)
        run = torch.where(run >= count - 1, count, run)
        return Selection(proposal.eligible & (graph.ranking(proposal.confidence) < run[:, None])), None

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """Within the bound, or beyond it."""
        return explained(selection, "committed_factor", "below_factor")


@dataclass(frozen=True, slots=True)
class ConflictFree(Ordinary):
    """DepCap's rule (arXiv 2604.15750): confident positions that do not put mass on each other's token.

    Candidates have confidence >= `tau_low`; those >= `tau_high` are sure and always unmasked, even when they
    conflict with each other; of the rest, what conflicts with a sure one waits, and a greedy pass by
    confidence takes the others so that no two conflict. A conflict is D > `gamma`. With `tau_low == tau_high`
    this is `Threshold(tau_low)` for any gamma; with `gamma = inf` it is `Threshold(tau_low)` too.
    """

    tau_low: float = 0.8
    tau_high: float = 0.95
    gamma: float = -16.0

    def select(self, proposal: Proposal, _block: Block, _state: None) -> Selected:
        """Sure candidates and a conflict-free set of the others."""
        eligible = proposal.eligible.any(dim=0).nonzero()
        near = _head(proposal, int(eligible.max()) + 1 if len(eligible) else 1)  # pairs are a square
        candidates = near.eligible & (near.confidence >= self.tau_low)
        sure = candidates & (near.confidence >= self.tau_high)
        scores = graph.pair_scores(near.log_probs, near.tokens)
        conflict = graph.conflicts(scores, candidates, self.gamma)
        free = candidates & ~sure & ~(conflict & sure[:, None, :]).any(dim=2)
        rounds = graph.conflict_free(graph.ranking(near.confidence), conflict, free)
        evidence = {
            "candidates": candidates,
            "sure": sure,
            "scores": scores,
            "conflict": conflict,
            "rounds": rounds,
        }
        unmask = as_wide(sure | (rounds >= 0), proposal.tokens, False)
        return Selection(unmask, evidence=evidence), None

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """Sure, chosen in a round, blocked by a sure or by a chosen position, or too unsure."""
        seen = selection.evidence
        near = _head(proposal, seen["sure"].shape[1])
        rank = graph.ranking(near.confidence)
        by_sure = graph.blocker(rank, seen["conflict"], seen["sure"])
        by_pick = graph.blocker(rank, seen["conflict"], seen["rounds"] >= 0)
        unsure = code("below_tau_low")
        codes = torch.full_like(rank, unsure)
        waits = seen["candidates"] & ~selection.unmask[:, : rank.shape[1]]
        codes = torch.where(waits & (by_pick >= 0), code("blocked_by_pick"), codes)
        codes = torch.where(waits & (by_sure >= 0), code("blocked_by_high"), codes)
        codes = torch.where(seen["rounds"] >= 0, code("committed_greedy"), codes)
        codes = torch.where(seen["sure"], code("committed_high"), codes)
        cause = torch.where(waits, torch.where(by_sure >= 0, by_sure, by_pick), -1)
        place = near.window.positions.gather(1, cause.clamp(min=0))
        return (
            mark_forced(as_wide(codes, proposal.tokens, unsure), selection),
            as_wide(torch.where(cause >= 0, place, -1), proposal.tokens, -1),
            as_wide(torch.where(seen["rounds"] >= 0, seen["rounds"] + 1, -1), proposal.tokens, -1),
        )


def _head(proposal: Proposal, width: int) -> Proposal:
    """That of the first positions of the window, without what a policy asked for besides."""
    at, n = proposal.window, width
    window = replace(at, positions=at.positions[:, :n], valid=at.valid[:, :n])
    tokens, confidence = proposal.tokens[:, :n], proposal.confidence[:, :n]
    return Proposal(window, tokens, confidence, proposal.log_probs[:, :n], proposal.eligible[:, :n])


def as_wide(values: Tensor, window: Tensor, fill: float) -> Tensor:
    """Values for the first positions of a window, with `fill` for the others."""
    return torch.nn.functional.pad(values, (0, window.shape[1] - values.shape[1]), value=fill)


def best(keys: Float[Tensor, "B W"], eligible: Bool[Tensor, "B W"], count: Int[Tensor, "B"]) -> Tensor:
    """The `count` eligible positions with the largest keys; ties to the leftmost."""
    rank = graph.ranking(torch.where(eligible, keys, -torch.inf))
    return eligible & (rank < count[:, None])


def at_least_one(selection: Selection, proposal: Proposal) -> Selection:
    """Progress is the loop's promise: where nothing is chosen, the most confident position is unmasked."""
    idle = proposal.eligible.any(dim=1) & ~selection.unmask.any(dim=1)
    place = torch.arange(proposal.tokens.shape[1], device=proposal.tokens.device)
    forced = idle[:, None] & (place == proposal.confidence.argmax(dim=1)[:, None])
    return replace(selection, unmask=selection.unmask | forced, forced=forced)


def mark_forced(codes: Int[Tensor, "B W"], selection: Selection) -> Int[Tensor, "B W"]:
    """The codes, with what the loop added marked as such."""
    if selection.forced is None:
        return codes
    return torch.where(selection.forced, code("committed_forced"), codes)


def explained(selection: Selection, chosen: str, waiting: str) -> Explanation:
    """One reason for all that is unmasked, one for all that waits."""
    codes = torch.where(selection.unmask, code(chosen), code(waiting))
    nothing = torch.full_like(codes, -1)
    return mark_forced(codes, selection), nothing, nothing
