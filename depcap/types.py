"""The values that a decode is made of: all frozen, all tensors per row.

Letters, here and everywhere: `B` rows, `L` canvas length, `C` computed width, `W` read width, `V` vocabulary,
`K` top-K, `S` shadows, `G` key/value heads, `D` head size. Positions are absolute; spans are half-open.
"""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Evidence = dict[str, Tensor]
"""Named tensors that a policy computed for its decision anyway; leading dimension B."""


def spanned(start: Int[Tensor, "B"], end: Int[Tensor, "B"], length: int) -> Bool[Tensor, "B L"]:
    """The positions `start .. end` of each row."""
    place = torch.arange(length, device=start.device)
    return (place >= start[:, None]) & (place < end[:, None])


@dataclass(frozen=True, slots=True)
class Window:
    """Positions of each row in order, right-padded to the widest. Padding is invalid and points at 0.

    `start` and `end` enclose them. Positions between may be invalid: nothing is known of them.
    """

    start: Int[Tensor, "B"]
    end: Int[Tensor, "B"]
    positions: Int[Tensor, "B W"]
    valid: Bool[Tensor, "B W"]

    @classmethod
    def span(cls, start: Int[Tensor, "B"], end: Int[Tensor, "B"]) -> "Window":
        """The window over `start .. end` of each row; a row with `end <= start` is empty."""
        width = max(int((end - start).max()), 1)
        positions = start[:, None] + torch.arange(width, device=start.device)
        valid = positions < end[:, None]
        return cls(start, end, torch.where(valid, positions, 0), valid)

    def within(self, chosen: Bool[Tensor, "B L"]) -> "Window":
        """The same window, valid only at chosen positions."""
        return replace(self, valid=self.valid & chosen.gather(1, self.positions))

    def of_rows(self, rows: Int[Tensor, "R"]) -> "Window":
        """The window of some rows, as wide as the widest of them."""
        width = max(int((self.end - self.start)[rows].max()), 1)
        parts = self.positions[rows, :width], self.valid[rows, :width]
        return Window(self.start[rows], self.end[rows], *parts)

    @classmethod
    def where(cls, chosen: Bool[Tensor, "B L"]) -> "Window":
        """The window over the chosen positions."""
        count = chosen.sum(dim=1)
        width = max(int(count.max()), 1)
        positions = chosen.int().argsort(dim=1, descending=True, stable=True)[:, :width]
        valid = torch.arange(width, device=chosen.device) < count[:, None]
        positions = torch.where(valid, positions, 0)
        end = torch.where(count > 0, positions.amax(dim=1) + 1, 0)
        return cls(positions[:, 0], end, positions, valid)


def written(
    ids: Int[Tensor, "B L"], at: Window, tokens: Int[Tensor, "B W"], where: Bool[Tensor, "B W"]
) -> Int[Tensor, "B L"]:
    """New ids with `tokens` at the positions of the window that are marked."""
    width = ids.shape[1]
    spare = torch.cat((ids, ids[:, :1]), dim=1)  # what is not marked is written past the end
    return spare.scatter(1, torch.where(where, at.positions, width), tokens)[:, :width]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a policy decided to unmask in this step.

    `unmask` marks positions of the proposal's window. `forced` marks those that the loop added because the
    policy had chosen none in a live row. `remask` marks decided positions of the block that are masked again.
    `auxiliary` counts forwards of a second model in this step, `auxiliary_computed` its positions.
    """

    unmask: Bool[Tensor, "B W"]
    forced: Bool[Tensor, "B W"] | None = None
    remask: Bool[Tensor, "B W"] | None = None
    auxiliary: Int[Tensor, "B"] | None = None
    auxiliary_computed: Int[Tensor, "B"] | None = None
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Canvas:
    """Token ids of a batch: prompt, then generated tokens or masks up to `end`, then padding."""

    ids: Int[Tensor, "B L"]
    prompt_length: Int[Tensor, "B"]
    end: Int[Tensor, "B"]
    mask_id: int

    def masked(self) -> Bool[Tensor, "B L"]:
        """Positions still undecided."""
        before_end = torch.arange(self.ids.shape[1], device=self.ids.device) < self.end[:, None]
        return before_end & (self.ids == self.mask_id)

    def commit(self, at: Window, tokens: Int[Tensor, "B W"], unmask: Bool[Tensor, "B W"]) -> "Canvas":
        """A new canvas with `tokens` written where `unmask`: the only writer in the project."""
        return replace(self, ids=written(self.ids, at, tokens, unmask))

    def remask(self, at: Window, where: Bool[Tensor, "B W"]) -> "Canvas":
        """A new canvas with masks where marked."""
        masks = torch.full_like(at.positions, self.mask_id)
        return replace(self, ids=written(self.ids, at, masks, where))

    def shorten(self, end: Int[Tensor, "B"]) -> "Canvas":
        """A new canvas that ends earlier; never later."""
        return replace(self, end=torch.minimum(self.end, end))


@dataclass(frozen=True, slots=True)
class Block:
    """Per row: the span being decoded, its ordinal (-1 before the first), and the steps spent in it."""

    start: Int[Tensor, "B"]
    end: Int[Tensor, "B"]
    index: Int[Tensor, "B"]
    step: Int[Tensor, "B"]

    @classmethod
    def before_first(cls, canvas: Canvas) -> "Block":
        """An empty block at the prompt's end."""
        zero = torch.zeros_like(canvas.prompt_length)
        return cls(canvas.prompt_length, canvas.prompt_length, zero - 1, zero)

    def filled(self, masked: Bool[Tensor, "B L"]) -> Bool[Tensor, "B"]:
        """Rows whose block has no mask left."""
        return ~(masked & spanned(self.start, self.end, masked.shape[1])).any(dim=1)

    def move(self, opening: Bool[Tensor, "B"], masked: Bool[Tensor, "B L"]) -> "Block":
        """In rows that open: an empty block at the first mask; its size is decided next."""
        first = masked.int().argmax(dim=1).to(self.start.dtype)
        start = torch.where(opening, first, self.start)
        end = torch.where(opening, first, self.end)
        index = self.index + opening.to(self.index.dtype)
        return Block(start, end, index, torch.where(opening, 0, self.step))

    def resize(self, opening: Bool[Tensor, "B"], size: Int[Tensor, "B"], end: Int[Tensor, "B"]) -> "Block":
        """In rows that open: the wanted size, clamped to at least one position and the row's end."""
        wanted = torch.minimum(self.start + size.clamp(min=1), end)
        return Block(self.start, torch.where(opening, wanted, self.end), self.index, self.step)

    def cover(self, at: Window, chosen: Bool[Tensor, "B W"]) -> "Block":
        """The same block, or one that reaches as far as the last chosen position."""
        reached = torch.where(chosen, at.positions + 1, 0).amax(dim=1)
        return replace(self, end=torch.maximum(self.end, reached))

    def advance(self, live: Bool[Tensor, "B"]) -> "Block":
        """One more step spent in the block."""
        return Block(self.start, self.end, self.index, self.step + live.to(self.step.dtype))


@dataclass(frozen=True, slots=True)
class Query:
    """What one denoiser call computes and reads.

    `compute` is run through the network and its keys and values overwrite the cache; `read` is where
    log-probabilities are wanted: they mean something at positions that are computed; keys at positions that
    are not `visible` are not attended to. `shadows` (the first positions of `read`, or all) and `attention`
    ask for more than log-probabilities: see `Answer`.
    """

    compute: Bool[Tensor, "B L"]
    read: Window
    visible: Bool[Tensor, "B L"]
    shadows: Window | None = None
    attention: bool = False


@dataclass(frozen=True, slots=True)
class Attention:
    """How read positions attend, averaged over heads and over the last eighth of the layers.

    `among[i, j]` is how much what predicts i attends to j; `received` what j gets on average of every
    computed position.
    """

    among: Float[Tensor, "B W W"]
    received: Float[Tensor, "B W"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one denoiser call says of each read position.

    `log_probs` are for the token there, mask token excluded, in float32 or wider; `doubt` the same, for the
    positions of `query.shadows`, from a mask in its place, which sees all but what stands there; `computed`
    counts the positions of each row that went through the network, shadows among them.
    """

    log_probs: Float[Tensor, "B W V"]
    computed: Int[Tensor, "B"]
    doubt: Float[Tensor, "B S V"] | None = None
    attention: Attention | None = None

    @staticmethod
    def joined(parts: "list[tuple[Int[Tensor, 'R'], Answer]]", rows: int) -> "Answer":
        """Answers for some rows each, as one for all; zeros where there is none."""
        indices, answers = zip(*parts, strict=True)
        first: Answer = answers[0]
        if len(indices[0]) == rows:
            return first

        def whole(pieces: list[Tensor]) -> Tensor:
            widest = (max(sizes) for sizes in zip(*(piece.shape[1:] for piece in pieces), strict=True))
            out = pieces[0].new_zeros((rows, *widest))
            for index, piece in zip(indices, pieces, strict=True):
                place = (index, *(slice(size) for size in piece.shape[1:]))
                out[place] = piece
            return out

        doubt = None if first.doubt is None else whole([answer.doubt for answer in answers])
        attention = None
        if first.attention is not None:
            seen = [answer.attention for answer in answers]
            attention = Attention(whole([a.among for a in seen]), whole([a.received for a in seen]))
        log_probs, computed = (
            whole([getattr(answer, name) for answer in answers]) for name in ("log_probs", "computed")
        )
        return Answer(log_probs, computed, doubt, attention)


@dataclass(frozen=True, slots=True)
class Moment:
    """A step that is about to run, as a cache policy sees it.

    `opening` are the rows where a block opens; `fresh` the positions committed in the last step; the
    boundary and the unmask policy will read from the block's start up to `read_end`.
    """

    canvas: Canvas
    block: Block
    opening: Bool[Tensor, "B"]
    fresh: Bool[Tensor, "B L"]
    read_end: Int[Tensor, "B"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A token and a confidence for every position of the window.

    `confidence` is the probability of the proposed token, -inf where not eligible; eligible means masked,
    inside the block, in a live row. `noise` is what a draw added to the log-probabilities, for policies that
    draw again with the same luck. `doubt` and `attention` are the denoiser's, if the policy asked for them.
    """

    window: Window
    tokens: Int[Tensor, "B W"]
    confidence: Float[Tensor, "B W"]
    log_probs: Float[Tensor, "B W V"]
    eligible: Bool[Tensor, "B W"]
    noise: Float[Tensor, "B W V"] | None = None
    doubt: Float[Tensor, "B S V"] | None = None
    attention: "Attention | None" = None

    def doubt_of(self, ids: Int[Tensor, "B W"]) -> Float[Tensor, "B W"]:
        """The probability of these tokens for a network that does not see what stands there.

        1 at positions of the window that have no shadow.
        """
        if self.doubt is None:
            raise ValueError("the policy did not ask for shadows")
        shadows = self.doubt.shape[1]
        said = self.doubt.gather(2, ids[:, :shadows, None])[..., 0].exp()
        return torch.nn.functional.pad(said, (0, ids.shape[1] - shadows), value=1.0)


@dataclass(frozen=True, slots=True)
class Opening:
    """The length a policy wants for the block that opens; the loop clamps it to `[1, end - start]`."""

    size: Int[Tensor, "B"]
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One denoiser call and the commits it led to. Tensors here are never written again.

    `nfe` counts each row's forwards so far, `computed` the positions run through the network in this step.
    """

    index: int
    canvas: Canvas
    block: Block
    opened: Bool[Tensor, "B"]
    opening: Opening | None
    proposal: Proposal
    selection: Selection
    nfe: Int[Tensor, "B"]
    computed: Int[Tensor, "B"]
