"""Openings of recorded decodes, as worlds in which influence can be measured."""

import numpy as np
import pytest

import depcap
from analysis.blocks import ORDERS, candidates, grid, measure, openings, ordered
from analysis.replay import canvas_at
from depcap import DepcapError
from depcap.trace import Trace


@pytest.fixture(scope="module")
def trace(llada: depcap.Model) -> Trace:
    params = {"min_size": 3, "max_size": 9, "tau_low": 0.4, "tau_high": 0.7}
    result = depcap.generate(
        llada, [[1, 2, 3, 4]], gen_length=40, stop="run_to_end", record="decisions", **params
    )[0]
    assert result.trace is not None
    return result.trace


def test_the_worlds_differ_in_the_last_block_only(trace: Trace) -> None:
    found = openings(trace)
    assert found
    mask = trace.header.mask_id
    for opening in found:
        differs = [i for i, (a, b) in enumerate(zip(opening.after, opening.before, strict=True)) if a != b]
        assert differs == list(range(*opening.last))
        assert opening.last[1] == opening.start
        assert all(token == mask for token in opening.after[opening.start :])
        assert mask not in opening.after[: opening.start]
        step = next(row["step"] for row in trace.rows() if row["opened"] and row["block"] == opening.index)
        assert opening.after == canvas_at(trace, step - 1)


def test_nothing_after_the_end_token_is_looked_at(trace: Trace) -> None:
    header = trace.header
    ends = [i for i, token in enumerate(header.tokens) if token in header.end_ids]
    last = len(header.prompt_ids) + (ends[0] if ends else len(header.tokens) - 1)
    for opening in openings(trace):
        assert candidates(opening, 99)[-1] <= last
        assert candidates(opening, 2) == list(range(opening.start, min(opening.start + 2, opening.end)))


def test_the_orders_are_permutations() -> None:
    positions, confidence = [7, 8, 9, 10], np.array([0.2, 0.9, 0.9, 0.1])
    assert ordered("left-to-right", positions, confidence, 0) == positions
    assert ordered("confidence", positions, confidence, 0) == [8, 9, 7, 10]
    assert sorted(ordered("random", positions, confidence, 3)) == positions
    assert ordered("random", positions, confidence, 3) == ordered("random", positions, confidence, 3)
    with pytest.raises(DepcapError, match="unknown order"):
        ordered("backwards", positions, confidence, 0)


def test_fixed_sizes_that_fit_are_measured_and_the_decoders_own(trace: Trace) -> None:
    for opening in openings(trace):
        named = list(grid(opening, (1, 4, 64), ORDERS))
        assert all(size <= opening.end - opening.start for _, size, _ in named)
        assert sum(name == "1" for name, _, _ in named) == 1  # one position has one order
        assert any(name == "chosen" for name, _, _ in named)


def test_a_measurement_has_the_gap_and_its_parts(llada: depcap.Model, trace: Trace) -> None:
    for order in ORDERS:
        found = measure(llada.denoiser, openings(trace)[0], 4, order, samples=3, seed=0)
        parts = found["correlation"] - found["cross"] + found["inconsistency"]
        assert found["joint"] - found["additive"] == pytest.approx(parts, abs=1e-9)
        assert sum(found["joint_curve"]) == pytest.approx(found["joint"])
        assert len(found["positions"]) == found["size"]
        assert found["entropy"] > 0


def test_the_sum_does_not_hang_on_the_order(llada: depcap.Model, trace: Trace) -> None:
    proxies = [measure(llada.denoiser, openings(trace)[0], 4, order, 2, 0)["additive"] for order in ORDERS]
    assert proxies == pytest.approx([proxies[0]] * 3)
