"""The curves behind DepCap's block boundary, against the same written the long way."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import curves, log_probs

from depcap import influence as inf
from depcap import measures

INFLUENCE = [3, 2.5, 2, 1.2, 0.9, 0.7, 0.4, 0.35, 0.3, 0.2, 0.1, 0.05]
ENTROPY = [0.1, 0.2, 0.3, 0.8, 0.2, 0.1, 1.5, 2, 2.2, 2.5, 2.6, 2.7]
SMOOTH_I = [1.833333, 2.5, 1.9, 1.366667, 0.933333, 0.666667, 0.483333, 0.35, 0.283333, 0.2, 0.116667, 0.05]
SMOOTH_H = [0.1, 0.2, 0.433333, 0.433333, 0.366667, 0.6, 1.2, 1.9, 2.233333, 2.433333, 2.6, 1.766667]
NORM_I = [
    1.157143, 1.728571, 1.214286, 0.757143, 0.385714, 0.157143,
    0, -0.114286, -0.171429, -0.242857, -0.314286, -0.371429,
]  # fmt: skip
NORM_H = [
    -0.326087, -0.260870, -0.108696, -0.108696, -0.152174, 0,
    0.391304, 0.847826, 1.065217, 1.195652, 1.304348, 0.760870,
]  # fmt: skip
SCORE = [
    1.548447, 2.041615, 1.344720, 0.887578, 0.568323, 0.157143,
    -0.469565, -1.131677, -1.449689, -1.677640, -1.879503, -1.284472,
]  # fmt: skip
CLOSE = {"rtol": 0, "atol": 1e-6}


def row(values: object) -> torch.Tensor:
    return torch.as_tensor(np.asarray(values, dtype=np.float64))[None]


def full(values: torch.Tensor) -> torch.Tensor:
    return torch.ones(values.shape[:2], dtype=torch.bool)


def test_golden_score() -> None:
    smooth = [inf.smooth(row(curve), full(row(curve))) for curve in (INFLUENCE, ENTROPY)]
    norm = [inf.normalise(curve, full(curve)) for curve in smooth]
    score = norm[0] - 1.2 * norm[1]
    for got, wanted in zip((*smooth, *norm, score), (SMOOTH_I, SMOOTH_H, NORM_I, NORM_H, SCORE), strict=True):
        np.testing.assert_allclose(got[0], wanted, **CLOSE)
    assert inf.leading_run(score, full(score)).tolist() == [6]
    assert inf.leading_run(norm[0] - norm[1], full(score)).tolist() == [6]


def test_golden_truncated_kl() -> None:
    p = row([[2, 1, 0, -1, -2, -3]]).log_softmax(dim=2)
    q = row([[0, 2, -1, 1, -2, -3]]).log_softmax(dim=2)
    now, before = inf.top_k(p, 3), inf.top_k(q, 3)
    assert now.ids[0, 0].tolist() == [0, 1, 2]
    assert before.ids[0, 0].tolist() == [1, 3, 0]
    np.testing.assert_allclose(now.log_probs[0, 0], [-0.456193, -1.456193, -2.456193], **CLOSE)
    np.testing.assert_allclose(before.floor[0, 0], -4.147200, **CLOSE)
    np.testing.assert_allclose(inf.influence(now, before)[0, 0], 1.179283, **CLOSE)
    whole = inf.influence(inf.top_k(p, 6), inf.top_k(q, 6))
    np.testing.assert_allclose(whole[0, 0], 1.056922, **CLOSE)


def kl_with_floor(p: np.ndarray, q: np.ndarray, k: int) -> float:
    def keep(x: np.ndarray) -> dict[int, float]:
        return {int(v): float(x[v]) for v in np.argsort(-x, kind="stable")[:k]}

    before, total = keep(q), 0.0
    tail = max(1 - sum(math.exp(value) for value in before.values()), 1e-12)
    floor = math.log(tail) - math.log(max(len(q) - k, 1))
    for token, value in keep(p).items():
        total += math.exp(value) * (value - before.get(token, floor))
    return total


@given(st.integers(1, 30), st.integers(2, 30), st.integers(0, 10**6))
def test_influence_is_the_truncated_kl_from_before_to_now(k: int, vocab: int, seed: int) -> None:
    p, q = log_probs(4, vocab, seed), log_probs(4, vocab, seed + 1)
    got = inf.influence(inf.top_k(row(p), k), inf.top_k(row(q), k))[0]
    np.testing.assert_allclose(got, [kl_with_floor(p[i], q[i], k) for i in range(4)], rtol=1e-6, atol=1e-9)


@given(st.integers(2, 30), st.integers(0, 10**6))
def test_influence_with_the_whole_vocabulary_is_the_exact_kl(vocab: int, seed: int) -> None:
    p, q = log_probs(3, vocab, seed), log_probs(3, vocab, seed + 1)
    got = inf.influence(inf.top_k(row(p), vocab), inf.top_k(row(q), vocab))[0]
    np.testing.assert_allclose(got, (np.exp(p) * (p - q)).sum(axis=1), rtol=1e-9, atol=1e-12)
    assert (got >= -1e-12).all()


@given(st.integers(1, 50), st.integers(0, 10**6))
def test_an_unmoved_position_has_no_influence(k: int, seed: int) -> None:
    now = inf.top_k(row(log_probs(3, 30, seed)), k)
    assert (inf.influence(now, now) == 0).all()


@given(st.integers(1, 49), st.integers(0, 10**6))
def test_the_floor_spreads_what_is_outside_the_top_k(k: int, seed: int) -> None:
    kept = inf.top_k(row(log_probs(3, 50, seed)), k)
    total = kept.log_probs.exp().sum(dim=2) + (50 - k) * kept.floor.exp()
    np.testing.assert_allclose(total, 1, rtol=1e-9)


def test_the_floor_is_finite_and_precise_when_one_token_is_all_but_certain() -> None:
    sharp = torch.tensor([[[60.0, 0.0, 0.0, 0.0]]]).log_softmax(dim=2)
    assert inf.top_k(sharp, 1).floor.isfinite().all()
    tail = torch.tensor([[[12.0, 0.0, 0.0, 0.0]]]).log_softmax(dim=2)  # float32
    np.testing.assert_allclose(inf.top_k(tail, 1).floor[0, 0], -12.0, atol=1e-4)


@given(st.integers(2, 40), st.integers(0, 10**6))
def test_entropy_is_minus_p_log_p(vocab: int, seed: int) -> None:
    p = log_probs(5, vocab, seed)
    np.testing.assert_allclose(measures.entropy(row(p))[0], -(np.exp(p) * p).sum(axis=1), rtol=1e-9)


def test_entropy_of_certainty_is_zero_and_of_uniform_is_log_v() -> None:
    certain = torch.tensor([[[0.0, -torch.inf, -torch.inf]]])
    assert measures.entropy(certain).tolist() == [[0.0]]
    np.testing.assert_allclose(
        measures.entropy(torch.zeros(1, 1, 7).log_softmax(2))[0, 0], math.log(7), rtol=1e-6
    )


@given(curves())
def test_smoothing_divides_by_three_even_at_the_ends(curve: np.ndarray) -> None:
    padded = [0.0, *curve, 0.0]
    wanted = [(padded[j] + padded[j + 1] + padded[j + 2]) / 3 for j in range(len(curve))]
    np.testing.assert_allclose(inf.smooth(row(curve), full(row(curve)))[0], wanted, atol=1e-12)


@given(curves())
def test_normalising_uses_lower_order_statistics(curve: np.ndarray) -> None:
    ordered, last = sorted(curve), len(curve) - 1
    middle, low, high = (ordered[math.floor(share * last)] for share in (0.5, 0.25, 0.75))
    wanted = (curve - middle) / max(high - low, 1e-15)
    np.testing.assert_allclose(inf.normalise(row(curve), full(row(curve)))[0], wanted, rtol=1e-9)


def test_a_flat_curve_normalises_to_zero() -> None:
    flat = torch.full((1, 9), 0.3)
    assert (inf.normalise(flat, full(flat)) == 0).all()


@pytest.mark.parametrize(
    ("scores", "run"),
    [([0.0, 1, -0.1, 2], 2), ([-1.0, 1], 0), ([0.0, 0, 0], 3), ([1.0, math.nan, 1], 1), ([math.nan], 0)],
)
def test_the_leading_run_ends_at_the_first_score_below_zero_or_nan(scores: list[float], run: int) -> None:
    assert inf.leading_run(row(scores), full(row(scores))).tolist() == [run]


@given(st.lists(curves(12), min_size=2, max_size=4))
def test_ragged_rows_in_one_batch_give_what_single_rows_give(rows: list[np.ndarray]) -> None:
    width = max(map(len, rows))
    padded = torch.full((len(rows), width), 1e6, dtype=torch.float64)
    valid = torch.zeros(padded.shape, dtype=torch.bool)
    for number, curve in enumerate(rows):
        padded[number, : len(curve)] = torch.from_numpy(curve)
        valid[number, : len(curve)] = True
    smooth, norm, run = (
        inf.smooth(padded, valid),
        inf.normalise(padded, valid),
        inf.leading_run(padded, valid),
    )
    for number, curve in enumerate(rows):
        one, size = row(curve), len(curve)
        assert torch.equal(smooth[number, :size], inf.smooth(one, full(one))[0])
        assert torch.equal(norm[number, :size], inf.normalise(one, full(one))[0])
        assert run[number] == inf.leading_run(one, full(one))[0]
