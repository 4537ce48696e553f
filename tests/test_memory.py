"""A remembering denoiser says what the denoiser says, and asks for nothing twice."""

import pytest
import torch

from analysis import memory
from analysis.additivity import log_probs, sampled
from analysis.memory import Remembering
from depcap.models.toy import Exact, markov_chain
from depcap.protocols import Store
from depcap.types import Answer, Query

CHAIN = markov_chain(3, 1.5, 0)
MASK = CHAIN.mask_id
AFTER, BEFORE, ORDER = [2, MASK, MASK, MASK, MASK], [MASK] * 5, [1, 2, 3, 4]


class Counting(Exact):
    """The chain, which counts the rows that it is asked for."""

    symbols, asked = CHAIN.symbols, 0

    def __call__(self, ids: torch.Tensor, query: Query, store: Store | None) -> Answer:
        self.asked += len(ids)
        return CHAIN(ids, query, store)


@pytest.fixture
def counting() -> Counting:
    return Counting()


def test_a_walk_is_the_same_with_and_without_a_memory(counting: Counting) -> None:
    plain, remembered = (
        sampled(model, AFTER, BEFORE, ORDER, 8) for model in (Counting(), Remembering(counting))
    )
    for name in ("joint", "additive", "cross", "dependence", "marginals"):
        assert (getattr(plain, name) == getattr(remembered, name)).all(), name


def test_the_same_walk_again_asks_only_for_the_one_shot_marginals(counting: Counting) -> None:
    remembering = Remembering(counting)
    first = sampled(remembering, AFTER, BEFORE, ORDER, 8)
    once, counting.asked = counting.asked, 0
    again = sampled(remembering, AFTER, BEFORE, ORDER, 8)
    assert counting.asked == 2 < once
    assert (first.joint == again.joint).all()


def test_another_batch_or_position_is_another_call(counting: Counting) -> None:
    remembering, other = Remembering(counting), [0, MASK, MASK, MASK, MASK]
    for rows, place in (([AFTER], 1), ([BEFORE, AFTER, other], 1), ([AFTER], 2)):
        for _ in range(2):
            assert torch.equal(log_probs(remembering, rows, [place]), log_probs(Counting(), rows, [place]))
    assert counting.asked == 1 + 3 + 1


def test_a_full_memory_asks_again(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "ROOM", 0)
    remembering = Remembering(counting)
    one, other = (log_probs(remembering, [AFTER], [1]) for _ in range(2))
    assert counting.asked == 2
    assert torch.equal(one, other)
