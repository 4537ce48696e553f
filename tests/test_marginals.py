"""The joints' own marginals, on models whose truth is known and on one that contradicts itself."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from analysis.additivity import enumerated, sampled
from analysis.curves import Estimate
from analysis.marginals import drawn_marginals, own
from depcap.models.toy import Exact, HiddenMarkov, hidden_markov, markov_chain

CHAIN, HIDDEN = markov_chain(3, 1.5, 0), hidden_markov(2, 3, 1.5, 1)
MASK = CHAIN.mask_id
AFTER, BEFORE, ORDER = [2, MASK, MASK, MASK, MASK], [MASK] * 5, [1, 2, 3, 4]


@dataclass(frozen=True, slots=True, eq=False)
class Incoherent(Exact):
    """A model that is right about the first masked candidate and unsure of all later ones.

    From left to right it defines the joint of `truth`; its one-shot marginals are not those of that joint.
    """

    truth: HiddenMarkov

    @property
    def symbols(self) -> int:  # type: ignore[override]
        return self.truth.symbols

    def marginals(self, ids: Tensor) -> Tensor:
        right = self.truth.marginals(ids)
        place = torch.arange(ids.shape[1])
        first = ((ids == self.mask_id) & (place >= ORDER[0])).int().argmax(dim=1)
        return torch.where((place > first[:, None])[..., None], (0.3 * right).log_softmax(dim=2), right)


def exact(model: Exact) -> Estimate:
    return enumerated(model, AFTER, BEFORE, ORDER)


@pytest.mark.parametrize("model", [CHAIN, HIDDEN], ids=["chain", "hidden"])
def test_a_coherent_models_own_marginals_are_its_one_shot_marginals(model: Exact) -> None:
    found = exact(model)
    after = torch.tensor([AFTER])
    for part in range(3):  # nothing is drawn, so that halves are the whole
        one_shot = model.marginals(after)[0, ORDER].exp()
        np.testing.assert_allclose(found.marginals[:, part, :3], one_shot, atol=1e-9)
    assert found.dependence.sum() == pytest.approx(found.correlation.sum(), abs=1e-9)
    proxy = own(model, sampled(model, AFTER, BEFORE, ORDER, 3_000), BEFORE, ORDER, 1)
    assert proxy.additive.sum() == pytest.approx(found.proxy, rel=0.05, abs=1e-3)


def test_of_an_incoherent_model_t_is_no_total_correlation() -> None:
    """The same joint, other one-shot marginals: J and the dependence stay, T, X, kappa and A do not."""
    found, truth = exact(Incoherent(CHAIN)), exact(CHAIN)
    assert found.total == pytest.approx(truth.total, abs=1e-9)
    np.testing.assert_allclose(found.dependence, truth.dependence, atol=1e-9)
    np.testing.assert_allclose(found.marginals, truth.marginals, atol=1e-9)
    assert found.correlation.sum() > 1.1 * truth.correlation.sum()
    assert found.proxy < 0.7 * truth.proxy


def test_the_gap_that_dependence_makes_does_not_hang_on_the_one_shot_marginals() -> None:
    model, truth = Incoherent(CHAIN), exact(CHAIN)
    found = sampled(model, AFTER, BEFORE, ORDER, 3_000)
    proxy = own(model, found, BEFORE, ORDER, 1).additive.sum()
    assert proxy == pytest.approx(truth.proxy, rel=0.05)
    assert found.total - proxy == pytest.approx(truth.gap, abs=0.05)  # by A the sign would be the same, by
    assert abs(found.total - found.proxy) < 0.15 * abs(truth.gap)  # size there would be next to no gap


def test_few_histories_make_the_proxy_too_large_and_half_of_them_tell_by_how_much() -> None:
    truth, found = exact(CHAIN).proxy, list[tuple[float, float]]()
    for seed in range(150):
        made = sampled(CHAIN, AFTER, BEFORE, ORDER, 16, seed)
        proxy = own(CHAIN, made, BEFORE, ORDER, seed + 1_000)
        found.append((float(proxy.additive.sum()), float(proxy.additive_half.sum())))
    every, half = np.mean(found, axis=0)
    assert truth < every < half
    assert abs(2 * every - half - truth) < 0.4 * (every - truth)


def test_marginals_are_means_over_histories_the_first_candidates_is_exact() -> None:
    every, one, other = drawn_marginals(HIDDEN, BEFORE, ORDER, 8, 0)
    torch.testing.assert_close(every, (one + other) / 2)
    now = HIDDEN.marginals(torch.tensor([BEFORE]))[0, ORDER[0]].exp()
    torch.testing.assert_close(every[0, :3], now)
    single = drawn_marginals(HIDDEN, BEFORE, ORDER, 1, 0)
    assert not single[:, 0].isnan().any()
    assert single[2, 1:].isnan().all()


def test_a_beginning_of_the_candidates_is_measured_alike_alone() -> None:
    made = sampled(HIDDEN, AFTER, BEFORE, ORDER, 8)
    whole = own(HIDDEN, made, BEFORE, ORDER, 3).first(2)
    part = own(HIDDEN, made.first(2), BEFORE, ORDER[:2], 3)
    np.testing.assert_allclose(whole.additive, part.additive)
    np.testing.assert_allclose(whole.additive_half, part.additive_half)


def test_what_was_not_drawn_is_told_by_the_probability_of_what_was() -> None:
    """Of a chain that nearly never leaves its state, all histories are equal, and that one is nearly all."""
    one = torch.eye(3, dtype=torch.float64)
    sure = HiddenMarkov(one.mean(dim=0), 0.97 * one + 0.01, one)
    found = sampled(sure, AFTER, BEFORE, ORDER, samples=2, seed=5)
    assert found.distinct.tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(found.seen, [1, 0.98, 0.98**2, 0.98**3], rtol=1e-9)
    whole = exact(HIDDEN)
    np.testing.assert_allclose(whole.seen, 1)
