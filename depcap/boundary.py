"""Where the next block ends."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from depcap import influence as inf
from depcap import measures
from depcap.influence import TopK
from depcap.types import Canvas, Opening, Window

CLAMPS = ("none", "first", "min_size", "max_size", "end", "fixed", "delimiter", "default")
"""What gave a block its size, if not the score alone; evidence holds indices into this."""


@dataclass(frozen=True, slots=True)
class FixedBlock:
    """Blocks of one size (LLaDA, arXiv 2502.09992; Fast-dLLM, arXiv 2505.22618)."""

    size: int = 32
    sliding: bool = False

    @property
    def lookahead(self) -> int:
        """The block itself."""
        return self.size

    def init(self, _canvas: Canvas) -> None:
        """No run state."""
        return None

    def open(
        self,
        _log_probs: Float[Tensor, "B W V"],
        _at: Window,
        _opening: Bool[Tensor, "B"],
        canvas: Canvas,
        _state: None,
    ) -> tuple[Opening, None]:
        """The size, for every row."""
        size = torch.full_like(canvas.end, self.size)
        return Opening(size, {"clamp": torch.full_like(canvas.end, CLAMPS.index("fixed"))}), None


@dataclass(frozen=True, slots=True)
class DelimiterBlock:
    """AdaBlock's boundary (AdaBlock-dLLM, arXiv 2509.26432): right after the surest delimiter in sight.

    Of the first `window` positions (a quarter of the generation) those that would say a token of `delimiters`
    are looked at; if the most confident one's probability is at least `threshold`, the block ends with it,
    whether it is shorter or longer than `default`. Otherwise, and with `threshold` above 1, it is
    `FixedBlock(default)`.
    """

    default: int
    delimiters: tuple[int, ...]
    threshold: float
    window: int

    sliding = False

    @property
    def lookahead(self) -> int:
        """The window, or the block where that is longer."""
        return max(self.default, self.window)

    def init(self, _canvas: Canvas) -> None:
        """No run state."""
        return None

    def open(
        self,
        log_probs: Float[Tensor, "B W V"],
        at: Window,
        _opening: Bool[Tensor, "B"],
        canvas: Canvas,
        _state: None,
    ) -> tuple[Opening, None]:
        """The size for every row, and whether a delimiter gave it."""
        best, token = log_probs[:, : self.window].max(dim=2)
        wanted = torch.isin(token, torch.tensor(self.delimiters, device=token.device))
        sure = torch.where(wanted & at.valid[:, : self.window], best.exp(), -1.0)
        sure = torch.nn.functional.pad(sure, (0, 1), value=-1.0)  # so that an empty window has a maximum too
        top = sure.amax(dim=1)
        place = (sure == top[:, None]).int().argmax(dim=1)  # the first of equals
        found = top >= self.threshold
        size = torch.where(found, place.to(canvas.end.dtype) + 1, self.default)
        clamp = torch.where(found, CLAMPS.index("delimiter"), CLAMPS.index("default"))
        return Opening(size, {"clamp": clamp}), None


@dataclass(frozen=True, slots=True)
class Baseline:
    """What `InfluenceBlock` remembers of each row's previous opening."""

    start: Int[Tensor, "B"]
    seen: Bool[Tensor, "B"]
    window: TopK

    def of_rows(self, rows: Int[Tensor, "R"]) -> "Baseline":
        """That of some rows."""
        return Baseline(self.start[rows], self.seen[rows], self.window.of_rows(rows))


@dataclass(frozen=True, slots=True)
class InfluenceBlock:
    """DepCap's boundary (arXiv 2604.15750): the leading run of positions that the last block moved.

    The score of a position is its scaled influence less `lambda_u` times its scaled entropy; the block is the
    leading run of scores >= 0, clamped to `min_size .. max_size` and the row's end. The first block has no
    signal and takes `min_size`. With `min_size == max_size` this is `FixedBlock`.
    """

    min_size: int = 8
    max_size: int = 128
    lambda_u: float = 1.2
    top_k: int = 64

    sliding = False

    @property
    def lookahead(self) -> int:
        """Twice the largest block: the next opening, at most `max_size` on, still finds its window."""
        return 2 * self.max_size

    def init(self, canvas: Canvas) -> Baseline | None:
        """Nothing seen yet."""
        return None

    def open(
        self,
        log_probs: Float[Tensor, "B W V"],
        at: Window,
        opening: Bool[Tensor, "B"],
        canvas: Canvas,
        state: Baseline | None,
    ) -> tuple[Opening, Baseline]:
        """Sizes of the rows that open, with every curve as evidence, and the new baseline.

        Rows that do not open cost nothing and get zeros.
        """
        rows = opening.nonzero().flatten()
        part = at.of_rows(rows)
        seen = log_probs if opening.all() else log_probs[rows, : part.positions.shape[1]]
        now = inf.top_k(seen, self.top_k)
        if state is None:
            state = self._empty(now, canvas)
        size, evidence = self._size(seen, part, now, canvas.end[rows], state.of_rows(rows))

        def spread(found: Tensor) -> Tensor:
            return found.new_zeros((len(opening), *found.shape[1:])).index_copy(0, rows, found)

        opened = Opening(spread(size), {name: spread(found) for name, found in evidence.items()})
        return opened, self._remember(state, now, part, rows)

    def _size(
        self,
        log_probs: Float[Tensor, "R W V"],
        at: Window,
        now: TopK,
        end: Int[Tensor, "R"],
        state: Baseline,
    ) -> tuple[Int[Tensor, "R"], dict[str, Tensor]]:
        width = min(self.max_size, at.positions.shape[1])
        head, valid = now.head(width), at.valid[:, :width]
        moved = inf.influence(head, self._aligned(state, at, width))
        unsure = measures.entropy(log_probs[:, :width])
        smooth = inf.smooth(moved, valid), inf.smooth(unsure, valid)
        norm = inf.normalise(smooth[0], valid), inf.normalise(smooth[1], valid)
        score = norm[0] - self.lambda_u * norm[1]
        wanted = inf.leading_run(score, valid)
        size, clamp = self._clamp(wanted, end - at.start, state.seen)
        return size, {
            "clamp": clamp, "wanted": torch.where(state.seen, wanted, -1), "valid": valid,
            "influence": moved, "entropy": unsure, "influence_smooth": smooth[0], "entropy_smooth": smooth[1],
            "influence_norm": norm[0], "entropy_norm": norm[1], "score": score,
        }  # fmt: skip

    def _clamp(
        self, wanted: Int[Tensor, "B"], left: Int[Tensor, "B"], seen: Bool[Tensor, "B"]
    ) -> tuple[Int[Tensor, "B"], Int[Tensor, "B"]]:
        """The size and which rule gave it. Fewer than `min_size` positions left are one block."""
        wanted = torch.where(seen, wanted, self.min_size)
        limited = wanted.clamp(self.min_size, self.max_size)
        clamp = torch.full_like(wanted, CLAMPS.index("none"))
        clamp = torch.where(wanted < self.min_size, CLAMPS.index("min_size"), clamp)
        clamp = torch.where(wanted >= self.max_size, CLAMPS.index("max_size"), clamp)
        clamp = torch.where(~seen, CLAMPS.index("first"), clamp)
        clamp = torch.where(limited > left, CLAMPS.index("end"), clamp)
        return torch.minimum(limited, left), clamp

    def _empty(self, now: TopK, canvas: Canvas) -> Baseline:
        rows, k = canvas.ids.shape[0], now.ids.shape[2]
        ids = now.ids.new_zeros((rows, self.lookahead, k))
        log_probs = now.log_probs.new_zeros((rows, self.lookahead, k))
        window = TopK(ids, log_probs, now.floor.new_zeros((rows, self.lookahead)))
        return Baseline(torch.zeros_like(canvas.end), torch.zeros_like(canvas.end, dtype=torch.bool), window)

    def _aligned(self, state: Baseline, at: Window, width: int) -> TopK:
        """The baseline's rows for the positions of the new window: each row shifts by its own last block."""
        shift = (at.start - state.start).clamp(min=0)
        index = shift[:, None] + torch.arange(width, device=shift.device)
        index = index.clamp(max=self.lookahead - 1)
        wide = index[..., None].expand(-1, -1, state.window.ids.shape[2])
        return TopK(
            state.window.ids.gather(1, wide),
            state.window.log_probs.gather(1, wide),
            state.window.floor.gather(1, index),
        )

    def _remember(self, state: Baseline, now: TopK, at: Window, rows: Int[Tensor, "R"]) -> Baseline:
        missing = self.lookahead - now.floor.shape[1]

        def merge(new: Tensor, old: Tensor) -> Tensor:
            pad = (0, 0, 0, missing) if new.dim() == 3 else (0, missing)
            return old.index_copy(0, rows, torch.nn.functional.pad(new, pad))

        window = TopK(
            merge(now.ids, state.window.ids),
            merge(now.log_probs, state.window.log_probs),
            merge(now.floor, state.window.floor),
        )
        start = state.start.index_copy(0, rows, at.start)
        return Baseline(start, state.seen.index_fill(0, rows, True), window)
