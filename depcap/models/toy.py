"""Denoisers whose joint distribution is known: what is measured on them can be compared with the truth.

Every conditional is exact, so that the one-shot marginals, and the joint that unmasking in any order defines,
belong to one distribution.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from depcap.protocols import Store
from depcap.types import Answer, Query

IMPOSSIBLE = -1e4
"""Log-probability of the mask and of the end token: never proposed, and finite."""
LEAST = 1e-300


class Exact:
    """The part of a denoiser that all of these share: ids from 0 on, then the mask, then an end token."""

    symbols: int

    @property
    def mask_id(self) -> int:
        """After the symbols."""
        return self.symbols

    @property
    def end_ids(self) -> tuple[int, ...]:
        """After the mask; it never occurs."""
        return (self.symbols + 1,)

    @property
    def vocab_size(self) -> int:
        """Symbols, mask, end."""
        return self.symbols + 2

    def new_store(self, batch: int, length: int) -> Store:
        """There is nothing to keep."""
        raise NotImplementedError("exact denoisers work without a cache")

    def __call__(self, ids: Int[Tensor, "B L"], query: Query, _store: Store | None) -> Answer:
        """Exact conditionals of every read position, given all that is decided elsewhere."""
        marginals = self.marginals(ids)
        wanted = query.read.positions[..., None].expand(-1, -1, self.symbols)
        read = marginals.gather(1, wanted)
        rest = read.new_full((*read.shape[:2], 2), IMPOSSIBLE)
        return Answer(torch.cat((read, rest), dim=2), query.compute.sum(dim=1))

    def marginals(self, ids: Int[Tensor, "B L"]) -> Float[Tensor, "B L S"]:
        """For every position, log p(x_i | what is decided elsewhere)."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class HiddenMarkov(Exact):
    """A hidden Markov model, by forward and backward messages. All tensors are probabilities in float64.

    With the identity for `emission` it is a Markov chain over the symbols.
    """

    initial: Float[Tensor, "Z"]
    transition: Float[Tensor, "Z Z"]
    emission: Float[Tensor, "Z S"]

    @property
    def symbols(self) -> int:  # type: ignore[override]
        """Width of the emissions."""
        return self.emission.shape[1]

    def marginals(self, ids: Int[Tensor, "B L"]) -> Float[Tensor, "B L S"]:
        """Messages from both sides meet at every position."""
        rows, length = ids.shape
        decided = (ids < self.symbols)[..., None]
        seen = self.emission.T[ids.clamp(max=self.symbols - 1)]
        evidence = torch.where(decided, seen, 1.0)  # [B L Z]
        left = [self.initial.expand(rows, -1)]
        right = [torch.ones_like(left[0])]
        for i in range(1, length):
            left.append(_scaled((left[-1] * evidence[:, i - 1]) @ self.transition))
            right.append(_scaled((right[-1] * evidence[:, length - i]) @ self.transition.T))
        hidden = torch.stack(left, dim=1) * torch.stack(right[::-1], dim=1)
        return _logs(hidden @ self.emission)


@dataclass(frozen=True, slots=True, eq=False)
class Enumerated(Exact):
    """Any joint distribution, given as a table of probabilities with one axis per position."""

    joint: Float[Tensor, "..."]

    @property
    def symbols(self) -> int:  # type: ignore[override]
        """Length of every axis."""
        return self.joint.shape[0]

    def marginals(self, ids: Int[Tensor, "B L"]) -> Float[Tensor, "B L S"]:
        """Sums of the table where it agrees with what is decided."""
        return torch.stack([self._row(row) for row in ids.tolist()])

    def _row(self, row: list[int]) -> Float[Tensor, "L S"]:
        out = []
        for position in range(len(row)):
            table = self.joint
            for axis, token in enumerate(row):
                if axis != position and token < self.symbols:
                    table = table.index_select(axis, torch.tensor([token]))
            others = [axis for axis in range(len(row)) if axis != position]
            out.append(_logs(table.sum(dim=others) if others else table))
        return torch.stack(out)


def _logs(weights: Tensor) -> Tensor:
    """Log-probabilities; what cannot be is finite, so that 0 * log 0 stays 0."""
    return _scaled(weights).clamp(min=LEAST).log()


def _scaled(values: Tensor) -> Tensor:
    """Rows that sum to one."""
    return values / values.sum(dim=-1, keepdim=True)


def markov_chain(symbols: int, sharpness: float, seed: int) -> HiddenMarkov:
    """A random chain; the larger `sharpness`, the more a token says about the next."""
    noise = torch.Generator().manual_seed(seed)
    initial = torch.rand(symbols, generator=noise, dtype=torch.float64) + 0.2
    logits = sharpness * torch.randn(symbols, symbols, generator=noise, dtype=torch.float64)
    identity = torch.eye(symbols, dtype=torch.float64)
    return HiddenMarkov(_scaled(initial), logits.softmax(dim=1), identity)


def hidden_markov(states: int, symbols: int, sharpness: float, seed: int) -> HiddenMarkov:
    """A random hidden Markov model."""
    noise = torch.Generator().manual_seed(seed)
    chain = markov_chain(states, sharpness, seed)
    logits = sharpness * torch.randn(states, symbols, generator=noise, dtype=torch.float64)
    return HiddenMarkov(chain.initial, chain.transition, logits.softmax(dim=1))


def common_cause() -> Enumerated:
    """L a fair bit, X1 = X2 = L: J = ln 2, A = 2 ln 2. Positions: L, X1, X2."""
    joint = torch.zeros(2, 2, 2, dtype=torch.float64)
    for bit in range(2):
        joint[bit, bit, bit] = 0.5
    return Enumerated(joint)


def exclusive_or() -> Enumerated:
    """X1 fair, X2 = X1 xor L: A = 0, J = ln 2. Positions: L, X1, X2."""
    joint = torch.zeros(2, 2, 2, dtype=torch.float64)
    for first in range(2):
        for last in range(2):
            joint[last, first, first ^ last] = 0.25
    return Enumerated(joint)


def independent() -> Enumerated:
    """X1 = L1, X2 = L2, independent bits: J = A = 2 ln 2. Positions: L1, L2, X1, X2."""
    joint = torch.zeros(2, 2, 2, 2, dtype=torch.float64)
    for first in range(2):
        for second in range(2):
            joint[first, second, first, second] = 0.25
    return Enumerated(joint)
