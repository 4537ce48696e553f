"""Speculative decoding: a drafter writes ahead, a causal model has the last word (PEARL, arXiv 2408.11850).

A loop of its own, because roles are inverted: the text is the verifier's, and the denoiser only proposes it.
With greedy decoding the output is the verifier's own, token for token.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor

from depcap.protocols import Denoiser, StopRule
from depcap.stopping import RunToEnd
from depcap.types import Block, Canvas, Opening, Proposal, Query, Selection, Step, Window, spanned, written
from depcap.unmask import Explanation, best, explained
from depcap.verifier import Reading, Verifier


@dataclass(frozen=True, slots=True)
class Verified:
    """Why a position was committed, for the recorder."""

    def explain(self, _proposal: Proposal, selection: Selection) -> Explanation:
        """The verifier's word, or not yet reached."""
        return explained(selection, "committed_verified", "not_verified")


@dataclass(frozen=True, slots=True)
class Speculation:
    """PEARL's two phases with a window of `window` drafted tokens.

    Pre-verify: only the first new token is checked while the window is drafted; if it stands, all of the
    window is taken on trust. Post-verify: what was taken on trust and the first token of the next window are
    checked while that window is drafted. The first token that does not stand is replaced by the verifier's
    and everything after it is dropped. Nothing unverified is ever committed, so that no tail is left to
    truncate. A diffusion model drafts a window in `draft_steps` forwards, a causal one in `window`.
    """

    verifier: Verifier
    window: int
    draft_steps: int
    stop: StopRule = RunToEnd()
    unmask: Verified = Verified()


@dataclass(frozen=True, slots=True)
class Trust:
    """Ids with what is taken on trust: `pending` drafts from the first unverified position on."""

    ids: Int[Tensor, "B L"]
    pending: Int[Tensor, "B"]
    reading: Reading


@torch.inference_mode()
def speculate(drafter: Denoiser, canvas: Canvas, method: Speculation) -> Iterator[Step]:
    """Decode `canvas`, yielding a Step per round of drafting and checking; its block is what was verified."""
    trust = Trust(canvas.ids, torch.zeros_like(canvas.end), method.verifier.start(canvas))
    nfe, index = torch.zeros_like(canvas.end), 0
    while (live := (masked := canvas.masked()).any(dim=1)).any():
        start = torch.where(live, masked.int().argmax(dim=1), canvas.end)
        ids, forwards, computed = draft(drafter, canvas, trust, start, method)
        drafted = (canvas.end > start + trust.pending).to(start.dtype)
        reach = torch.minimum(start + trust.pending + drafted, canvas.end)
        at = Window.span(start, torch.where(live, reach, start))
        proposal, count, stands = _check(method.verifier, ids, at, trust.reading)
        selection = Selection(
            torch.arange(at.positions.shape[1], device=ids.device) < count[:, None],
            auxiliary=live.to(nfe.dtype),
        )
        decided = written(ids, at, proposal.tokens, selection.unmask)
        trust = _trusted(method, trust, proposal, decided, start, count, stands, canvas)
        canvas = canvas.commit(at, proposal.tokens, selection.unmask)
        canvas = canvas.shorten(method.stop(canvas, drafter.end_ids, proposal, selection))
        nfe, index = nfe + forwards, index + 1
        block = Block(start, start + count, torch.full_like(start, index - 1), torch.zeros_like(start))
        yield Step(index, canvas, block, live, Opening(count), proposal, selection, nfe, computed)


def draft(
    drafter: Denoiser, canvas: Canvas, trust: Trust, start: Int[Tensor, "B"], method: Speculation
) -> tuple[Tensor, Tensor, Tensor]:
    """Ids with the next window filled in, and what it cost: forwards and computed positions of each row."""
    causal, ids, mask = getattr(drafter, "causal", False), trust.ids, canvas.mask_id
    first = torch.minimum(start + trust.pending, canvas.end)
    last = torch.minimum(first + method.window, canvas.end)
    whole = spanned(torch.zeros_like(start), canvas.end, ids.shape[1])
    total, forwards, computed = method.window if causal else method.draft_steps, start * 0, start * 0
    for step in range(total):
        open_ = spanned(first, last, ids.shape[1]) & (ids == mask)
        live = open_.any(dim=1)
        if not live.any():
            break
        at = Window.span(torch.where(live, first, 0), torch.where(live, last, 0))
        compute = whole & live[:, None]
        answer = drafter(ids, Query(compute, at, whole), None)
        confidence, tokens = answer.log_probs.max(dim=2)
        eligible = at.valid & open_.gather(1, at.positions)
        share = -(-eligible.sum(dim=1) // (total - step))
        keys = -at.positions.to(confidence.dtype) if causal else confidence
        ids = written(ids, at, tokens, best(keys, eligible, share))
        forwards, computed = forwards + live, computed + compute.sum(dim=1)
    return ids, forwards, computed


def _check(
    verifier: Verifier, ids: Int[Tensor, "B L"], at: Window, reading: Reading
) -> tuple[Proposal, Int[Tensor, "B"], Int[Tensor, "B"]]:
    """The verifier's tokens for the window; how many of them are decided; how many of the drafts stand."""
    drafted = ids.gather(1, at.positions)
    log_probs = verifier.score(drafted, at, reading)
    confidence, tokens = log_probs.max(dim=2)
    agrees = (tokens == drafted) & at.valid
    stands = agrees.int().cumprod(dim=1).sum(dim=1)
    count = torch.minimum(stands + 1, at.valid.sum(dim=1))  # the first that does not stand is replaced
    confidence = torch.where(at.valid, confidence.exp(), -torch.inf)
    return Proposal(at, tokens, confidence, log_probs, at.valid), count, stands


def _trusted(
    method: Speculation,
    trust: Trust,
    proposal: Proposal,
    ids: Int[Tensor, "B L"],
    start: Int[Tensor, "B"],
    count: Int[Tensor, "B"],
    stands: Int[Tensor, "B"],
    canvas: Canvas,
) -> Trust:
    """What is taken on trust next: the rest of the window where all that was checked stands, else nothing."""
    at, after = proposal.window, start + count
    all_stand = stands == at.valid.sum(dim=1)
    reached = torch.minimum(start + trust.pending + method.window, canvas.end)
    pending = torch.where(all_stand, (reached - after).clamp(min=0), 0)
    beyond = spanned(after + pending, canvas.end, ids.shape[1])
    ids = torch.where(beyond, canvas.mask_id, ids)
    reading = method.verifier.keep(proposal.tokens, at, count, stands, trust.reading)
    return replace(trust, ids=ids, pending=pending, reading=reading)
