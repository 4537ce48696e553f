"""The one decode loop: every method, cache and model goes through `steps`.

A method answers five questions, each by a frozen policy: where the block ends (boundary), what each position
would say (proposer), which of those are committed (unmask), which positions are computed again (cache), and
when a row is finished (stop). The loop promises what no policy then has to: blocks tile the row (as far as no
stop rule cuts it), every step commits at least one token in every live row (unless the method may idle), only
eligible positions are written, a finished row costs nothing, and a row does not depend on the batch it is in.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from depcap.cache import NoCache
from depcap.guidance import Guided
from depcap.proposer import Greedy
from depcap.protocols import BoundaryPolicy, CachePolicy, Denoiser, Proposer, StopRule, UnmaskPolicy
from depcap.stopping import RunToEnd
from depcap.types import Block, Canvas, Moment, Opening, Query, Step, Window, spanned
from depcap.unmask import at_least_one


@dataclass(frozen=True, slots=True)
class Method:
    """A decoding method: five policies as one value, and the scale of classifier-free guidance (0: none)."""

    boundary: BoundaryPolicy
    unmask: UnmaskPolicy
    cache: CachePolicy = NoCache()
    stop: StopRule = RunToEnd()
    proposer: Proposer = Greedy()
    guidance: float = 0.0


def canvas_for(prompts: list[list[int]], gen_length: int, denoiser: Denoiser, device: torch.device) -> Canvas:
    """Ragged prompts, each followed by `gen_length` masks, right-padded with an end token."""
    lengths = [len(prompt) for prompt in prompts]
    ids = torch.full((len(prompts), max(lengths) + gen_length), denoiser.end_ids[0])
    for row, prompt in enumerate(prompts):
        ids[row, : len(prompt)] = torch.tensor(prompt)
        ids[row, len(prompt) : len(prompt) + gen_length] = denoiser.mask_id
    prompt_length = torch.tensor(lengths, device=device)
    return Canvas(ids.to(device), prompt_length, prompt_length + gen_length, denoiser.mask_id)


@torch.inference_mode()
def steps(denoiser: Denoiser, canvas: Canvas, method: Method) -> Iterator[Step]:
    """Decode `canvas`, yielding one Step per denoiser call. Rows open and close blocks independently."""
    if method.guidance:
        denoiser = Guided(denoiser, method.guidance, canvas.prompt_length)
    store = denoiser.new_store(*canvas.ids.shape) if method.cache.stores else None
    block = Block.before_first(canvas)
    parts = (method.boundary, method.proposer, method.unmask)
    boundary_state, proposer_state, unmask_state = (part.init(canvas) for part in parts)
    nfe, index, before = torch.zeros_like(canvas.end), 0, canvas.masked()
    while (live := (masked := canvas.masked()).any(dim=1)).any():
        opening = live & (block.filled(masked) | method.boundary.sliding)
        block = block.move(opening, masked)
        query = plan(method, canvas, block, opening, live, before & (canvas.ids != canvas.mask_id))
        answer, opened = denoiser(canvas.ids, query, store), None
        if opening.any():
            opened, boundary_state = method.boundary.open(
                answer.log_probs, query.read, opening, canvas, boundary_state
            )
            block = block.resize(opening, opened.size, canvas.end)
        eligible, before = _eligible(masked, block, query.read, method.unmask.whole), masked
        proposal, proposer_state = method.proposer.propose(
            answer.log_probs, query.read, eligible, proposer_state
        )
        proposal = replace(proposal, doubt=answer.doubt, attention=answer.attention)
        selection, unmask_state = method.unmask.select(proposal, block, unmask_state)
        if not method.unmask.may_idle:
            selection = at_least_one(selection, proposal)
        canvas = canvas.commit(query.read, proposal.tokens, selection.unmask)
        if method.boundary.sliding:  # what it drafts is a window; its block is what is accepted
            opened = Opening(selection.unmask.sum(dim=1))
            block = block.resize(opening, opened.size, canvas.end)
        block = block.cover(query.read, selection.unmask)
        if selection.remask is not None:
            canvas = canvas.remask(query.read, selection.remask)
        end = method.stop(canvas, denoiser.end_ids, proposal, selection)
        if selection.remask is not None:  # until its block is full a decision can be taken back
            end = torch.where(block.filled(canvas.masked()), end, canvas.end)
        canvas = canvas.shorten(end)
        nfe, index = nfe + live.to(nfe.dtype), index + 1
        yield Step(index, canvas, block, opening, opened, proposal, selection, nfe, answer.computed)
        block = block.advance(live)


def plan(
    method: Method,
    canvas: Canvas,
    block: Block,
    opening: Bool[Tensor, "B"],
    live: Bool[Tensor, "B"],
    fresh: Bool[Tensor, "B L"],
) -> Query:
    """Which positions to compute and to read: what the cache says; the block, and as far as policies look.

    A stop rule looks only at what is computed anyway (what predicts that is computed for it, if a shift asks
    for another position). Rows that are finished compute and read nothing.
    """
    start, read_end = canvas.prompt_length, canvas.end
    if not method.unmask.whole:
        start, wanted = block.start, torch.where(opening, block.start + method.boundary.lookahead, block.end)
        read_end = torch.minimum(torch.maximum(wanted, start + method.unmask.lookahead), canvas.end)
    compute, visible = method.cache.view(Moment(canvas, block, opening, fresh, read_end))
    if method.boundary.sliding:
        visible = visible & spanned(torch.zeros_like(read_end), read_end, visible.shape[1])
    compute = compute & visible & live[:, None]
    computed_end = torch.where(live, Window.where(compute).end, start)

    def window(end: Int[Tensor, "B"]) -> Window:
        return Window.span(start, torch.minimum(end, computed_end)).within(compute)

    read = window(torch.maximum(read_end, start + method.stop.lookahead))
    shadows = window(read_end) if method.unmask.shadows else None
    return Query(compute, read, visible, shadows, method.unmask.attention)


def _eligible(masked: Bool[Tensor, "B L"], block: Block, at: Window, whole: bool) -> Bool[Tensor, "B W"]:
    """Masked positions of the window that lie in the block; all of the window's for a `whole` policy."""
    inside = at.valid & masked.gather(1, at.positions)
    return inside if whole else inside & (at.positions < block.end[:, None])


@dataclass(frozen=True, slots=True)
class Ledger:
    """What every decode keeps: when each position was unmasked, each row's blocks, and its work.

    `openings` are the rows where blocks opened and where those start, `end` is where each row's last ends.
    """

    unmask_step: Int[Tensor, "B L"]
    openings: tuple[tuple[Tensor, Tensor], ...]
    end: Int[Tensor, "B"]
    taken: Int[Tensor, "B"]
    nfe: Int[Tensor, "B"]
    computed: Int[Tensor, "B"]
    auxiliary: Int[Tensor, "B"]
    auxiliary_computed: Int[Tensor, "B"]

    @classmethod
    def empty(cls, canvas: Canvas) -> "Ledger":
        """Nothing unmasked yet."""
        nothing = torch.zeros_like(canvas.end)
        return cls(torch.zeros_like(canvas.ids), (), nothing, nothing, nothing, nothing, nothing, nothing)

    def add(self, step: Step) -> "Ledger":
        """The ledger after one more step."""
        at, unmask = step.proposal.window, step.selection.unmask
        rows, columns = unmask.nonzero(as_tuple=True)
        live = step.proposal.eligible.any(dim=1)
        taken = self.taken + live
        unmask_step = self.unmask_step.clone()
        unmask_step[rows, at.positions[rows, columns]] = taken[rows]
        openings = (*self.openings, (step.opened, step.block.start)) if step.opening else self.openings
        end = torch.where(live, step.block.end, self.end)
        return Ledger(
            unmask_step, openings, end, taken, step.nfe, self.computed + step.computed,
            _more(self.auxiliary, step.selection.auxiliary),
            _more(self.auxiliary_computed, step.selection.auxiliary_computed),
        )  # fmt: skip

    def block_sizes(self, row: int) -> list[int]:
        """The sizes of a row's blocks, in order."""
        starts = [int(start[row]) for opened, start in self.openings if opened[row]]
        return [end - start for start, end in pairwise([*starts, int(self.end[row])])]


def _more(count: Int[Tensor, "B"], step: Int[Tensor, "B"] | None) -> Int[Tensor, "B"]:
    """A count with what a step adds to it."""
    return count if step is None else count + step
