"""Masks against draws: for a coherent model both are what not knowing the last block means."""

import numpy as np
import pytest
import torch

from analysis.additivity import enumerated
from analysis.mixture import drawn, mixture
from depcap.models.toy import Enumerated, hidden_markov, markov_chain

CHAIN, HIDDEN = markov_chain(3, 1.5, 0), hidden_markov(2, 3, 1.5, 1)
MASK = CHAIN.mask_id
AFTER, BEFORE, ORDER = [1, 2, 0, MASK, MASK], [1, MASK, MASK, MASK, MASK], [3, 4]
"""The last block is positions 1 and 2."""


@pytest.mark.parametrize("model", [CHAIN, HIDDEN], ids=["chain", "hidden"])
def test_with_many_draws_a_coherent_model_answers_masks_as_it_answers_draws(model: object) -> None:
    found = mixture(model, AFTER, BEFORE, ORDER, draws=4_000)
    exact = enumerated(model, AFTER, BEFORE, ORDER)
    np.testing.assert_allclose(found.additive, exact.additive, rtol=0.05)
    assert (found.distance < 0.02).all()


def test_the_noise_is_what_few_draws_alone_make() -> None:
    many = [mixture(CHAIN, AFTER, BEFORE, ORDER, draws=16, seed=seed) for seed in range(150)]
    distance, noise = (np.mean([getattr(found, name)[0] for found in many]) for name in ("distance", "noise"))
    assert distance == pytest.approx(noise, rel=0.15)


def test_half_of_the_draws_never_give_less() -> None:
    for seed in range(20):
        found = mixture(HIDDEN, AFTER, BEFORE, ORDER, draws=4, seed=seed)
        assert (found.additive_half >= found.additive - 1e-12).all()


def test_a_last_block_that_is_certain_says_nothing_new() -> None:
    joint = torch.zeros(2, 2, 2, dtype=torch.float64)
    joint[1, 0, 1] = joint[1, 1, 0] = 0.5
    model = Enumerated(joint)
    found = mixture(model, [1, model.mask_id, model.mask_id], [model.mask_id] * 3, [1, 2], draws=2)
    for curve in (found.additive, found.additive_half, found.distance, found.noise):
        np.testing.assert_allclose(curve, 0, atol=1e-12)


def test_blocks_are_drawn_as_the_model_would() -> None:
    rows = drawn(CHAIN, BEFORE, [1, 2], 6_000, seed=1)
    assert (rows[:, [0, 3, 4]] == torch.tensor([1, MASK, MASK])).all()
    shares = torch.stack([(rows[:, 1] == symbol).double().mean() for symbol in range(3)])
    torch.testing.assert_close(shares, CHAIN.transition[1], atol=0.02, rtol=0)
    after = rows[rows[:, 1] == 2]
    shares = torch.stack([(after[:, 2] == symbol).double().mean() for symbol in range(3)])
    torch.testing.assert_close(shares, CHAIN.transition[2], atol=0.03, rtol=0)
    assert torch.equal(rows, drawn(CHAIN, BEFORE, [1, 2], 6_000, seed=1))


def test_the_first_candidates_are_measured_alike_alone() -> None:
    whole, alone = (mixture(CHAIN, AFTER, BEFORE, order, draws=6) for order in (ORDER, ORDER[:1]))
    np.testing.assert_allclose(whole.first(1).additive, alone.additive)
    np.testing.assert_allclose(whole.first(1).distance, alone.distance)
