"""Where the next block ends, and what overruled the score."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference import depcap as naive
from strategies import log_probs
from test_influence import SCORE

from depcap.boundary import CLAMPS, DelimiterBlock, FixedBlock, InfluenceBlock
from depcap.influence import leading_run
from depcap.types import Canvas, Opening, Window

VOCAB = 20


def canvas(starts: list[int], ends: list[int]) -> Canvas:
    ids = torch.zeros((len(ends), max(ends)), dtype=torch.long)
    return Canvas(ids, torch.tensor(starts), torch.tensor(ends), VOCAB - 1)


def open_at(policy: InfluenceBlock, made: Canvas, starts: list[int], seed: int, state: object) -> tuple:
    """Open every row at its start on random distributions that depend on row and position only."""
    start = torch.tensor(starts)
    window = Window.span(start, torch.minimum(start + policy.lookahead, made.end))
    whole = torch.from_numpy(log_probs(len(starts) * 200, VOCAB, seed)).view(len(starts), 200, VOCAB)
    seen = whole.gather(1, window.positions[..., None].expand(-1, -1, VOCAB))
    opening = torch.ones(len(starts), dtype=torch.bool)
    return (*policy.open(seen, window, opening, made, state), whole)


def clamp(opening: Opening, row: int = 0) -> str:
    return CLAMPS[int(opening.evidence["clamp"][row])]


def by_hand(policy: InfluenceBlock, before: np.ndarray, now: np.ndarray, start: int, end: int) -> int:
    base = {i: naive.top_k_cache(before[i], policy.top_k) for i in range(start, end)}
    current = {i: naive.top_k_cache(now[i], policy.top_k) for i in range(start, end)}
    sizes = policy.min_size, policy.max_size, policy.lambda_u
    return naive.block_size(now, start, end, base, current, *sizes)


policies = st.builds(
    lambda low, more, weight, k: InfluenceBlock(low, low + more, weight, k),
    st.integers(1, 8), st.integers(0, 12), st.floats(0, 3), st.sampled_from((1, 4, 20, 64)),
)  # fmt: skip


@given(policies, st.integers(1, 60), st.integers(0, 10**6), st.data())
def test_the_second_block_is_the_clamped_leading_run(
    policy: InfluenceBlock, length: int, seed: int, data: st.DataObject
) -> None:
    made = canvas([3], [3 + length])
    first, state, before = open_at(policy, made, [3], seed, None)
    assert int(first.size) == min(policy.min_size, length)
    start = 3 + data.draw(st.integers(1, policy.max_size))
    if start < 3 + length:
        second, _, now = open_at(policy, made, [start], seed + 1, state)
        wanted = by_hand(policy, before[0].numpy(), now[0].numpy(), start, 3 + length)
        assert int(second.size) == wanted


@given(policies, st.lists(st.integers(2, 60), min_size=2, max_size=4), st.integers(0, 10**6), st.data())
def test_every_row_has_its_own_baseline(
    policy: InfluenceBlock, lengths: list[int], seed: int, data: st.DataObject
) -> None:
    starts = [data.draw(st.integers(1, 9)) for _ in lengths]
    made = canvas(starts, [start + length for start, length in zip(starts, lengths, strict=True)])
    _, state, before = open_at(policy, made, starts, seed, None)
    shifts = [data.draw(st.integers(1, min(policy.max_size, length - 1))) for length in lengths]
    later = [start + shift for start, shift in zip(starts, shifts, strict=True)]
    opening, _, now = open_at(policy, made, later, seed + 1, state)
    for row, start in enumerate(later):
        end = int(made.end[row])
        assert int(opening.size[row]) == by_hand(policy, before[row].numpy(), now[row].numpy(), start, end)


def test_rows_that_do_not_open_keep_their_baseline() -> None:
    policy, made = InfluenceBlock(2, 4), canvas([1, 1], [30, 30])
    _, state, whole = open_at(policy, made, [1, 1], 0, None)
    window = Window.span(torch.tensor([5, 5]), torch.tensor([13, 13]))
    opening = torch.tensor([True, False])
    _, after = policy.open(whole[:, 5:13], window, opening, made, state)
    assert after.start.tolist() == [5, 1]
    assert torch.equal(after.window.log_probs[1], state.window.log_probs[1])


def of_score(wanted: int, left: int, policy: InfluenceBlock, seen: bool = True) -> tuple[int, str]:
    size, code = policy._clamp(torch.tensor([wanted]), torch.tensor([left]), torch.tensor([seen]))
    return int(size), CLAMPS[int(code)]


@pytest.mark.parametrize(
    ("wanted", "left", "bounds", "size", "code"),
    [
        (6, 12, (2, 12), 6, "none"), (6, 12, (8, 12), 8, "min_size"), (6, 5, (8, 12), 5, "end"),
        (0, 40, (8, 32), 8, "min_size"), (32, 40, (8, 32), 32, "max_size"), (8, 40, (8, 32), 8, "none"),
        (3, 8, (8, 32), 8, "min_size"), (5, 5, (2, 12), 5, "none"),
    ],
)  # fmt: skip
def test_clamps(wanted: int, left: int, bounds: tuple[int, int], size: int, code: str) -> None:
    assert of_score(wanted, left, InfluenceBlock(*bounds)) == (size, code)


@pytest.mark.parametrize(("left", "size", "code"), [(40, 8, "first"), (8, 8, "first"), (5, 5, "end")])
def test_the_first_block_has_no_signal_and_takes_min_size(left: int, size: int, code: str) -> None:
    assert of_score(0, left, InfluenceBlock(8, 32), seen=False) == (size, code)


def run(score: list[float]) -> int:
    return int(leading_run(torch.tensor([score]), torch.ones(1, len(score), dtype=torch.bool)))


def test_golden_boundary() -> None:
    assert of_score(run(SCORE), 12, InfluenceBlock(2, 12)) == (6, "none")
    assert of_score(run(SCORE), 12, InfluenceBlock(8, 12)) == (8, "min_size")
    assert of_score(run(SCORE[:5]), 5, InfluenceBlock(8, 12)) == (5, "end")


def test_the_first_opening_has_no_wanted_length_and_later_ones_have() -> None:
    policy, made = InfluenceBlock(2, 4), canvas([1], [30])
    first, state, _ = open_at(policy, made, [1], 0, None)
    second, _, _ = open_at(policy, made, [3], 1, state)
    assert first.evidence["wanted"].tolist() == [-1]
    assert clamp(first) == "first"
    assert int(second.evidence["wanted"]) >= 0


def test_the_score_is_scaled_influence_less_lambda_u_times_scaled_entropy() -> None:
    policy, made = InfluenceBlock(2, 8, lambda_u=0.7), canvas([1], [30])
    _, state, _ = open_at(policy, made, [1], 0, None)
    seen = open_at(policy, made, [3], 1, state)[0].evidence
    assert torch.equal(seen["score"], seen["influence_norm"] - 0.7 * seen["entropy_norm"])
    assert seen["score"].shape == (1, 8)


@pytest.mark.parametrize("size", [1, 32])
def test_fixed_blocks_are_fixed(size: int) -> None:
    policy, made = FixedBlock(size), canvas([1, 2], [9, 30])
    window = Window.span(torch.tensor([1, 2]), torch.tensor([9, 10]))
    opening, _ = policy.open(torch.zeros(2, 8, VOCAB), window, torch.tensor([True, True]), made, None)
    assert opening.size.tolist() == [size, size]
    assert clamp(opening) == "fixed"


def saying(tokens: list[int], confidences: list[float]) -> torch.Tensor:
    """Log-probabilities of one row that say these tokens with these confidences."""
    rest = (1 - torch.tensor(confidences)) / (VOCAB - 1)
    probabilities = rest[:, None].repeat(1, VOCAB)
    probabilities[torch.arange(len(tokens)), tokens] = torch.tensor(confidences)
    return probabilities.log()[None]


@pytest.mark.parametrize(
    ("confidences", "size", "why"),
    [
        (
            [0.9, 0.4, 0.9, 0.8, 0.9, 0.9],
            4,
            "delimiter",
        ),  # the surest of 1, 3 and 4, which is not the nearest
        ([0.9, 0.8, 0.9, 0.8, 0.9, 0.9], 2, "delimiter"),  # the first of equals
        ([0.9, 0.2, 0.9, 0.2, 0.9, 0.9], 5, "default"),  # none is sure; position 5 lies past the window
    ],
)
def test_a_block_ends_with_the_surest_delimiter_of_the_window(
    confidences: list[float], size: int, why: str
) -> None:
    policy = DelimiterBlock(default=5, delimiters=(7,), threshold=0.3, window=5)
    made, at = canvas([2], [8]), Window.span(torch.tensor([2]), torch.tensor([8]))
    said = saying([1, 7, 2, 7, 3, 7], confidences)
    opening, _ = policy.open(said, at, torch.ones(1, dtype=torch.bool), made, None)
    assert (int(opening.size[0]), clamp(opening)) == (size, why)


def test_without_a_window_blocks_have_the_default_size() -> None:
    policy = DelimiterBlock(default=3, delimiters=(7,), threshold=0.3, window=0)
    made, at = canvas([0], [3]), Window.span(torch.tensor([0]), torch.tensor([3]))
    opening, _ = policy.open(saying([7, 7, 7], [0.9] * 3), at, torch.ones(1, dtype=torch.bool), made, None)
    assert (int(opening.size[0]), clamp(opening)) == (3, "default")
