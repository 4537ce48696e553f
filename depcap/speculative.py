"""Speculative decoding: a drafter writes ahead, a causal model has the last word (PEARL, arXiv 2408.11850).

A loop of its own, because roles are inverted: the text is the verifier's, and the denoiser only proposes it.
With greedy decoding the output is the verifier's own, token for token.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from depcap.protocols import Denoiser, StopRule
from depcap.reasons import code
from depcap.stopping import RunToEnd
from depcap.types import Block, Canvas, Opening, Proposal, Query, Selection, Step, Window, spanned, written
from depcap.unmask import Explanation, best, explained
from depcap.verifier import Reading, Verifier


@dataclass(frozen=True, slots=True)
class Verified:
    """Why a position was committed, for the recorder."""

    def explain(self, _proposal: Proposal, selection: Selection) -> Explanation:
        """The verifier's word, as drafted or not, or not yet reached."""
        codes, cause, round_ = explained(selection, "committed_verified", "not_verified")
        corrected = selection.unmask & ~selection.evidence["agrees"]
        return codes.masked_fill(corrected, code("committed_corrected")), cause, round_


@dataclass(frozen=True, slots=True)
class Speculation:
    """PEARL's two phases with a window of `window` drafted tokens.

    Pre-verify: only the first new token is checked while the window is drafted; if it stands, all of the
    window is taken on trust. Post-verify: what was taken on trust and the first token of the next window are
    checked while that window is drafted. The first token that does not stand is replaced by the verifier's
    and everything after it is dropped. Nothing unverified is ever committed, so that no tail is left to
    truncate. A diffusion model drafts a window in `draft_steps` forwards, a causal one in `window`, with what
    it has read kept.

    Every window has its full length: a draft is cut neither where it is unsure nor at an end token. Drafting
    and checking take their turns, and time that would overlap is not modelled.
    """

    verifier: Verifier
    window: int
    draft_steps: int
    stop: StopRule = RunToEnd()
    unmask: Verified = Verified()


@dataclass(frozen=True, slots=True)
class Trust:
    """Ids with what is taken on trust: `pending` drafts from the first unverified position on.

    `reading` is the verifier's; `own` that of a drafter which is causal.
    """

    ids: Int[Tensor, "B L"]
    pending: Int[Tensor, "B"]
    reading: Reading
    own: Reading | None


@torch.inference_mode()
def speculate(drafter: Denoiser, canvas: Canvas, method: Speculation) -> Iterator[Step]:
    """Decode `canvas`, yielding a Step per round of drafting and checking; its block is what was verified."""
    own = Verifier(drafter).start(canvas) if getattr(drafter, "causal", False) else None
    trust = Trust(canvas.ids, torch.zeros_like(canvas.end), method.verifier.start(canvas), own)
    nfe, index = torch.zeros_like(canvas.end), 0
    while (live := (masked := canvas.masked()).any(dim=1)).any():
        start = torch.where(live, masked.int().argmax(dim=1), canvas.end)
        trust, forwards, computed = draft(drafter, canvas, trust, start, method)
        drafted = (canvas.end > start + trust.pending).to(start.dtype)
        reach = torch.minimum(start + trust.pending + drafted, canvas.end)
        at = Window.span(start, torch.where(live, reach, start))
        checked = method.verifier.score(trust.ids.gather(1, at.positions), at, trust.reading)
        proposal, agrees = _check(checked.log_probs, trust.ids, at)
        stands = agrees.int().cumprod(dim=1).sum(dim=1)
        count = torch.minimum(stands + 1, at.valid.sum(dim=1))  # the first that does not stand is replaced
        selection = Selection(
            torch.arange(at.positions.shape[1], device=at.positions.device) < count[:, None],
            auxiliary=live.to(nfe.dtype),
            auxiliary_computed=checked.computed,
            evidence={"agrees": agrees},
        )
        trust = _trusted(method, trust, proposal, selection, start, stands, canvas)
        canvas = canvas.commit(at, proposal.tokens, selection.unmask)
        canvas = canvas.shorten(method.stop(canvas, drafter.end_ids, proposal, selection))
        nfe, index = nfe + forwards, index + 1
        block = Block(start, start + count, torch.full_like(start, index - 1), torch.zeros_like(start))
        yield Step(index, canvas, block, live, Opening(count), proposal, selection, nfe, computed)


def draft(
    drafter: Denoiser, canvas: Canvas, trust: Trust, start: Int[Tensor, "B"], method: Speculation
) -> tuple[Trust, Int[Tensor, "B"], Int[Tensor, "B"]]:
    """The next window filled in, and what it cost: forwards and computed positions of each row."""
    first = torch.minimum(start + trust.pending, canvas.end)
    last = torch.minimum(first + method.window, canvas.end)
    if trust.own is not None:
        return _continue(Verifier(drafter), trust, trust.own, first, last)
    ids, mask, total = trust.ids, canvas.mask_id, method.draft_steps
    whole = spanned(torch.zeros_like(start), canvas.end, ids.shape[1])
    forwards, computed = start * 0, start * 0
    for step in range(total):
        open_ = spanned(first, last, ids.shape[1]) & (ids == mask)
        live = open_.any(dim=1)
        if not live.any():
            break
        at = Window.span(torch.where(live, first, 0), torch.where(live, last, 0))
        answer = drafter(ids, Query(whole & live[:, None], at, whole), None)
        confidence, tokens = answer.log_probs.max(dim=2)
        eligible = at.valid & open_.gather(1, at.positions)
        share = -(-eligible.sum(dim=1) // (total - step))
        ids = written(ids, at, tokens, best(confidence, eligible, share))
        forwards, computed = forwards + live, computed + answer.computed
    return replace(trust, ids=ids), forwards, computed


def _continue(
    drafter: Verifier, trust: Trust, own: Reading, first: Int[Tensor, "B"], last: Int[Tensor, "B"]
) -> tuple[Trust, Int[Tensor, "B"], Int[Tensor, "B"]]:
    """As `draft`, by a causal model: one token after the other."""
    own, forwards, computed = replace(own, ids=trust.ids), first * 0, first * 0
    while (live := first < last).any():
        at = Window.span(first, torch.where(live, first + 1, first))
        answer = drafter.score(own.ids.gather(1, at.positions), at, own)
        ids = written(own.ids, at, answer.log_probs.argmax(dim=2), at.valid)
        own = replace(own, ids=ids, known=torch.where(live, at.end, own.known))
        first, forwards, computed = first + live, forwards + live, computed + answer.computed
    return replace(trust, ids=own.ids, own=own), forwards, computed


def _check(
    log_probs: Float[Tensor, "B W V"], ids: Int[Tensor, "B L"], at: Window
) -> tuple[Proposal, Bool[Tensor, "B W"]]:
    """The verifier's tokens for the window, and where the drafts are the same."""
    confidence, tokens = log_probs.max(dim=2)
    agrees = (tokens == ids.gather(1, at.positions)) & at.valid
    confidence = torch.where(at.valid, confidence.exp(), -torch.inf)
    return Proposal(at, tokens, confidence, log_probs, at.valid), agrees


def _trusted(
    method: Speculation,
    trust: Trust,
    proposal: Proposal,
    selection: Selection,
    start: Int[Tensor, "B"],
    stands: Int[Tensor, "B"],
    canvas: Canvas,
) -> Trust:
    """What is taken on trust next: the rest of the window where all that was checked stands, else nothing."""
    at, count = proposal.window, selection.unmask.sum(dim=1)
    all_stand, after = stands == at.valid.sum(dim=1), start + count
    reached = torch.minimum(start + trust.pending + method.window, canvas.end)
    pending = torch.where(all_stand, (reached - after).clamp(min=0), 0)
    beyond = spanned(after + pending, canvas.end, trust.ids.shape[1])
    ids = written(trust.ids, at, proposal.tokens, selection.unmask)
    ids = torch.where(beyond, canvas.mask_id, ids)
    reading, own = method.verifier.keep(proposal.tokens, at, count, stands, trust.reading), trust.own
    if own is not None:  # it wrote what stands, and has to read the rest again
        known = torch.where(all_stand, own.known, torch.minimum(own.known, start + stands))
        own = replace(own, known=known)
    return Trust(ids, pending, reading, own)
