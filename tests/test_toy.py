"""Exact denoisers: their conditionals are those of the distribution they are made from."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from depcap.models.toy import common_cause, exclusive_or, hidden_markov, independent, markov_chain
from depcap.types import Query, Window

LENGTH = 5


def table(model: Any, length: int) -> np.ndarray:
    """The joint over all sequences of a hidden Markov model, term by term."""
    initial, transition, emission = (
        part.numpy() for part in (model.initial, model.transition, model.emission)
    )
    states, symbols = emission.shape
    joint = np.zeros((symbols,) * length)
    for hidden in itertools.product(range(states), repeat=length):
        chance = initial[hidden[0]] * np.prod([transition[a, b] for a, b in itertools.pairwise(hidden)])
        for seen in itertools.product(range(symbols), repeat=length):
            joint[seen] += chance * np.prod([emission[z, x] for z, x in zip(hidden, seen, strict=True)])
    return joint


def conditional(joint: np.ndarray, row: list[int], position: int, mask: int) -> np.ndarray:
    index = tuple(
        slice(None) if place == position or token == mask else token for place, token in enumerate(row)
    )
    kept = [place for place, token in enumerate(row) if place == position or token == mask]
    found = joint[index].sum(axis=tuple(axis for axis, place in enumerate(kept) if place != position))
    return found / found.sum()


def ask(model: Any, rows: list[list[int]]) -> np.ndarray:
    ids = torch.tensor(rows)
    whole = torch.ones_like(ids, dtype=torch.bool)
    end = torch.full((len(rows),), ids.shape[1])
    return model(ids, Query(whole, Window.span(end * 0, end), whole), None).log_probs.numpy()


@pytest.mark.parametrize(
    "made", [markov_chain(3, 1.5, 0), hidden_markov(2, 3, 1.5, 1)], ids=["chain", "hidden"]
)
def test_messages_give_the_joints_conditionals(made: Any) -> None:
    joint, mask = table(made, LENGTH), made.mask_id
    assert joint.sum() == pytest.approx(1.0)
    rng = np.random.default_rng(0)
    rows = [
        [
            int(t) if u < 0.5 else mask
            for t, u in zip(rng.integers(0, 3, LENGTH), rng.random(LENGTH), strict=True)
        ]
        for _ in range(20)
    ]
    found = ask(made, rows)
    for row, log_probs in zip(rows, found, strict=True):
        for position in range(LENGTH):
            expected = conditional(joint, row, position, mask)
            np.testing.assert_allclose(np.exp(log_probs[position][:3]), expected, atol=1e-12)


def test_neither_mask_nor_end_is_ever_proposed() -> None:
    made = markov_chain(3, 1.0, 0)
    assert (ask(made, [[made.mask_id] * 4])[..., 3:] < -1e3).all()
    assert made.vocab_size == 5


@pytest.mark.parametrize("made", [common_cause(), exclusive_or(), independent()])
def test_tables_give_their_conditionals(made: Any) -> None:
    joint, mask = made.joint.numpy(), made.mask_id
    for row in itertools.product((0, 1, mask), repeat=joint.ndim):
        index = tuple(slice(None) if token == mask else token for token in row)
        if joint[index].sum() == 0:
            continue
        log_probs = ask(made, [list(row)])[0]
        for position in (place for place, token in enumerate(row) if token == mask):
            expected = conditional(joint, list(row), position, mask)
            np.testing.assert_allclose(np.exp(log_probs[position][:2]), expected, atol=1e-12)
