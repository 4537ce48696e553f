"""The plug points of the decode loop. Policies are frozen values; their run state is threaded by the loop."""

from typing import Any, Protocol

from jaxtyping import Bool, Float, Int
from torch import Tensor

from depcap.types import Answer, Block, Canvas, Moment, Opening, Proposal, Query, Selection, Window


class Store(Protocol):
    """Keys and values of every layer at every position; see `depcap.store.KVCache`."""

    def write(self, layer: int, rows: Tensor, slots: Tensor, keys: Tensor, values: Tensor) -> None: ...

    def read(self, layer: int, rows: Tensor, length: int) -> tuple[Tensor, Tensor]: ...


class Denoiser(Protocol):
    """A masked diffusion model behind one call.

    Returns what it says *for* each position of `query.read`. With a store it writes the keys and values of
    `query.compute` there; without one, `query.compute` must cover all that is visible.
    """

    @property
    def mask_id(self) -> int: ...

    @property
    def end_ids(self) -> tuple[int, ...]: ...

    @property
    def vocab_size(self) -> int: ...

    def new_store(self, batch: int, length: int) -> Store: ...

    def __call__(self, ids: Int[Tensor, "B L"], query: Query, store: Store | None) -> Answer: ...


class BoundaryPolicy(Protocol):
    """How long is the block that opens now.

    A `sliding` block opens anew in every step, at the row's first mask, and nothing beyond it can be seen;
    what the step unmasks is then the block.
    `lookahead` is how many positions past the block's start are read when it opens. `open` gives sizes for
    the rows in `opening` and must leave the state of the other rows alone; `at` starts at the block's start.
    """

    @property
    def sliding(self) -> bool: ...

    @property
    def lookahead(self) -> int: ...

    def init(self, canvas: Canvas) -> Any: ...

    def open(
        self,
        log_probs: Float[Tensor, "B W V"],
        at: Window,
        opening: Bool[Tensor, "B"],
        canvas: Canvas,
        state: Any,
    ) -> tuple[Opening, Any]: ...


class Proposer(Protocol):
    """Log-probabilities to a token and a confidence at every position of the window."""

    def init(self, canvas: Canvas) -> Any: ...

    def propose(
        self, log_probs: Float[Tensor, "B W V"], at: Window, eligible: Bool[Tensor, "B W"], state: Any
    ) -> tuple[Proposal, Any]: ...


class UnmaskPolicy(Protocol):
    """Which proposals are committed in this step.

    `lookahead` is how many positions past the block's start it reads in every step; 0 for those of the block.
    A `whole` policy reads the whole generation region instead, and may unmask past the block, which then
    reaches as far. `shadows` asks for `Proposal.doubt`, `attention` for `Proposal.attention`. `may_idle`
    allows steps that commit nothing: the policy must end by itself then, as it must if it masks again.
    `select` may only mark eligible positions, and must leave the state of rows without any alone. `explain`
    is for recording: a reason code, the position that caused it (-1: none) and the round, from 1 (-1: none)
    for every position of the window.
    """

    @property
    def lookahead(self) -> int: ...

    @property
    def whole(self) -> bool: ...

    @property
    def shadows(self) -> bool: ...

    @property
    def attention(self) -> bool: ...

    @property
    def may_idle(self) -> bool: ...

    def init(self, canvas: Canvas) -> Any: ...

    def select(self, proposal: Proposal, block: Block, state: Any) -> tuple[Selection, Any]: ...

    def explain(self, proposal: Proposal, selection: Selection) -> tuple[Tensor, Tensor, Tensor]: ...


class CachePolicy(Protocol):
    """Which positions are computed in a step: everything else keeps its keys and values from earlier steps.

    `stores` is False when every call computes all that is visible, so that nothing need be kept. `view` gives
    the positions to compute and those that can be seen: all that is read where a block opens, all masked
    positions of the block after that.
    """

    @property
    def stores(self) -> bool: ...

    def view(self, moment: Moment) -> tuple[Bool[Tensor, "B L"], Bool[Tensor, "B L"]]: ...


class StopRule(Protocol):
    """May end a row early: the new end of every row, given the ids that end a response.

    `canvas` is what the step has made of it. Up to `lookahead` positions past the block's start it reads what
    the cache computes anyway: it never makes a step compute more.
    """

    @property
    def lookahead(self) -> int: ...

    def __call__(
        self, canvas: Canvas, end_ids: tuple[int, ...], proposal: Proposal, selection: Selection, /
    ) -> Int[Tensor, "B"]: ...
