"""The conflict graph and the selection on it."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import log_probs

from depcap import conflict as graph


@st.composite
def graphs(draw: st.DrawFn, size: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidences with ties, a symmetric relation without loops, and allowed positions."""
    n = size or draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    upper = np.triu(rng.random((n, n)) < draw(st.sampled_from((0.05, 0.3, 0.7, 1.0))), 1)
    confidence = rng.integers(0, draw(st.sampled_from((2, 100))), n) / 100
    return confidence, upper | upper.T, rng.random(n) < draw(st.sampled_from((0.5, 1.0)))


def one_at_a_time(confidence: np.ndarray, conflict: np.ndarray, allowed: np.ndarray) -> set[int]:
    chosen: set[int] = set()
    left = {i for i in range(len(confidence)) if allowed[i]}
    while left:
        pick = max(left, key=lambda i: (confidence[i], -i))
        chosen.add(pick)
        left = {i for i in left if i != pick and not conflict[i, pick]}
    return chosen


def rounds_of(confidence: np.ndarray, conflict: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    rank = graph.ranking(torch.from_numpy(confidence)[None])
    return graph.conflict_free(rank, torch.from_numpy(conflict)[None], torch.from_numpy(allowed)[None])[
        0
    ].numpy()


@given(graphs())
def test_rounds_choose_what_taking_one_at_a_time_chooses(
    g: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    assert set(np.flatnonzero(rounds_of(*g) >= 0)) == one_at_a_time(*g)


@given(graphs())
def test_no_two_chosen_conflict_and_whoever_waits_has_a_chosen_rival(
    g: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    _, conflict, allowed = g
    chosen = rounds_of(*g) >= 0
    assert not (conflict & chosen[:, None] & chosen[None, :]).any()
    assert not (chosen & ~allowed).any()
    assert (chosen | ~allowed | (conflict & chosen[None, :]).any(axis=1)).all()


@given(st.integers(1, 10).flatmap(lambda n: st.lists(graphs(n), min_size=2, max_size=4)))
def test_rows_of_a_batch_do_not_disturb_each_other(
    rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> None:
    confidence, conflict, allowed = (torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True))
    together = graph.conflict_free(graph.ranking(confidence), conflict, allowed)
    for row, one in enumerate(rows):
        assert (together[row].numpy() == rounds_of(*one)).all()


def test_a_chain_takes_as_many_rounds_as_it_must() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6])
    path = np.eye(4, k=1, dtype=bool) | np.eye(4, k=-1, dtype=bool)
    assert rounds_of(confidence, path, np.ones(4, bool)).tolist() == [0, -1, 1, -1]


@given(st.integers(1, 8), st.integers(2, 20), st.integers(0, 10**6))
def test_pair_scores_add_what_each_thinks_of_the_others_token(width: int, vocab: int, seed: int) -> None:
    logp = log_probs(width, vocab, seed)
    tokens = np.random.default_rng(seed).integers(0, vocab, width)
    got = graph.pair_scores(torch.from_numpy(logp)[None], torch.from_numpy(tokens)[None])[0]
    for i in range(width):
        for j in range(width):
            assert got[i, j] == logp[i, tokens[j]] + logp[j, tokens[i]]


@pytest.mark.parametrize(
    ("gamma", "conflicting"), [(-3.0, True), (-2.0, False), (math.inf, False), (-math.inf, True)]
)
def test_a_conflict_is_a_score_strictly_above_gamma(gamma: float, conflicting: bool) -> None:
    scores = torch.full((1, 2, 2), -2.0)
    found = graph.conflicts(scores, torch.tensor([[True, True]]), gamma)
    assert found.tolist() == [[[False, conflicting], [conflicting, False]]]


def test_only_candidates_conflict_and_never_with_themselves() -> None:
    found = graph.conflicts(torch.zeros(1, 3, 3), torch.tensor([[True, False, True]]), -1.0)
    assert found[0].nonzero().tolist() == [[0, 2], [2, 0]]


def test_ranks_follow_confidence_and_ties_go_left() -> None:
    assert graph.ranking(torch.tensor([[0.5, 0.9, 0.5, -math.inf, 0.9]])).tolist() == [[2, 0, 3, 4, 1]]


def test_the_blocker_is_the_best_ranked_chosen_rival() -> None:
    conflict = torch.zeros(1, 4, 4, dtype=torch.bool)
    conflict[0, 3, [0, 1, 2]] = conflict[0, [0, 1, 2], 3] = True
    rank, chosen = torch.tensor([[2, 1, 0, 3]]), torch.tensor([[True, True, False, False]])
    assert graph.blocker(rank, conflict, chosen).tolist() == [[-1, -1, -1, 1]]
