"""Which proposals are unmasked in a step."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from depcap import conflict as graph
from depcap.reasons import code
from depcap.types import Block, Proposal, Selection

Explanation = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Quota:
    """A fixed number per step: the most confident, on a uniform schedule (LLaDA, arXiv 2502.09992).

    A block of m positions gets `steps_per_block` steps; m // S each, the first m % S one more.
    """

    steps_per_block: int

    def select(self, proposal: Proposal, block: Block) -> Selection:
        """The step's share of the most confident positions; ties to the leftmost."""
        size = block.end - block.start
        share = size // self.steps_per_block + (block.step < size % self.steps_per_block).to(size.dtype)
        rank = graph.ranking(proposal.confidence)
        return Selection(proposal.eligible & (rank < share[:, None]))

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """In the quota, or beyond it."""
        return _explain(selection, "committed_quota", "beyond_quota")


@dataclass(frozen=True, slots=True)
class Threshold:
    """Every position whose confidence reaches the threshold (Fast-dLLM, arXiv 2505.22618, section 3.3)."""

    threshold: float = 0.9

    def select(self, proposal: Proposal, _block: Block) -> Selection:
        """Confidence >= threshold; the loop adds the argmax when there is none."""
        return Selection(proposal.eligible & (proposal.confidence >= self.threshold))

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """At least, or below, the threshold."""
        return _explain(selection, "committed_threshold", "below_threshold")


@dataclass(frozen=True, slots=True)
class Factor:
    """A bound that rises with the rank: c_(n) >= 1 - factor / (n + 1).

    Fast-dLLM, arXiv 2505.22618, theorem 1.

    Ranks are scanned from the most confident, which always passes, up to the first failure. When that is the
    very last rank the reference unmasks it all the same, and so do we: two masks left are always unmasked.
    """

    factor: float = 1.0

    def select(self, proposal: Proposal, _block: Block) -> Selection:
        """The leading run of ranks that pass."""
        ordered = proposal.confidence.sort(dim=1, descending=True, stable=True).values
        place = torch.arange(1, ordered.shape[1] + 1, device=ordered.device)
        count = proposal.eligible.sum(dim=1)
        passes = (ordered >= 1 - self.factor / (place + 1)) | (place == 1)
        run = passes.int().cumprod(dim=1).sum(dim=1)
        run = torch.where(run >= count - 1, count, run)
        return Selection(proposal.eligible & (graph.ranking(proposal.confidence) < run[:, None]))

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """Within the bound, or beyond it."""
        return _explain(selection, "committed_factor", "below_factor")


@dataclass(frozen=True, slots=True)
class ConflictFree:
    """DepCap's rule (arXiv 2604.15750): confident positions that do not put mass on each other's token.

    Candidates have confidence >= `tau_low`; those >= `tau_high` are sure and always unmasked, even when they
    conflict with each other; of the rest, what conflicts with a sure one waits, and a greedy pass by
    confidence takes the others so that no two conflict. A conflict is D > `gamma`. With `tau_low == tau_high`
    this is `Threshold(tau_low)` for any gamma; with `gamma = inf` it is `Threshold(tau_low)` too.
    """

    tau_low: float = 0.8
    tau_high: float = 0.95
    gamma: float = -16.0

    def select(self, proposal: Proposal, _block: Block) -> Selection:
        """Sure candidates and a conflict-free set of the others."""
        candidates = proposal.eligible & (proposal.confidence >= self.tau_low)
        sure = candidates & (proposal.confidence >= self.tau_high)
        scores = graph.pair_scores(proposal.log_probs, proposal.tokens)
        conflict = graph.conflicts(scores, candidates, self.gamma)
        free = candidates & ~sure & ~(conflict & sure[:, None, :]).any(dim=2)
        rounds = graph.conflict_free(graph.ranking(proposal.confidence), conflict, free)
        evidence = {
            "candidates": candidates,
            "sure": sure,
            "scores": scores,
            "conflict": conflict,
            "rounds": rounds,
        }
        return Selection(sure | (rounds >= 0), evidence=evidence)

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """Sure, chosen in a round, blocked by a sure or by a chosen position, or too unsure."""
        seen = selection.evidence
        rank = graph.ranking(proposal.confidence)
        by_sure = graph.blocker(rank, seen["conflict"], seen["sure"])
        by_pick = graph.blocker(rank, seen["conflict"], seen["rounds"] >= 0)
        codes = torch.full_like(rank, code("below_tau_low"))
        waits = seen["candidates"] & ~selection.unmask
        codes = torch.where(waits & (by_pick >= 0), code("blocked_by_pick"), codes)
        codes = torch.where(waits & (by_sure >= 0), code("blocked_by_high"), codes)
        codes = torch.where(seen["rounds"] >= 0, code("committed_greedy"), codes)
        codes = torch.where(seen["sure"], code("committed_high"), codes)
        codes = _mark_forced(codes, selection)
        cause = torch.where(waits, torch.where(by_sure >= 0, by_sure, by_pick), -1)
        place = proposal.window.positions.gather(1, cause.clamp(min=0))
        return (
            codes,
            torch.where(cause >= 0, place, -1),
            torch.where(seen["rounds"] >= 0, seen["rounds"] + 1, -1),
        )


def at_least_one(selection: Selection, proposal: Proposal) -> Selection:
    """Progress is the loop's promise: where nothing is chosen, the most confident position is unmasked."""
    idle = proposal.eligible.any(dim=1) & ~selection.unmask.any(dim=1)
    place = torch.arange(proposal.tokens.shape[1], device=proposal.tokens.device)
    forced = idle[:, None] & (place == proposal.confidence.argmax(dim=1)[:, None])
    return Selection(selection.unmask | forced, forced, selection.evidence)


def _mark_forced(codes: Int[Tensor, "B W"], selection: Selection) -> Int[Tensor, "B W"]:
    if selection.forced is None:
        return codes
    return torch.where(selection.forced, code("committed_forced"), codes)


def _explain(selection: Selection, chosen: str, waiting: str) -> Explanation:
    codes = torch.where(selection.unmask, code(chosen), code(waiting))
    nothing = torch.full_like(codes, -1)
    return _mark_forced(codes, selection), nothing, nothing
