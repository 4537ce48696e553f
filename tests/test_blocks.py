"""Openings of recorded decodes, as worlds in which influence can be measured."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import depcap
from analysis.additivity import sampled
from analysis.blocks import CHOSEN, ERRORS, LEFT_TO_RIGHT, ORDERS, PARTS, RANDOM, Plan, measure, ordered
from analysis.openings import ELSEWHERE, LAST, SHUFFLED, compared, openings
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
    last = len(header.prompt_ids) + min(header.response_length + 1, len(header.tokens))
    assert all(opening.start < opening.end == last for opening in openings(trace))


@pytest.mark.parametrize(
    "changed",
    [
        {"cache": "dpad"},
        {"cache": "dpad:width=64"},
        {"stop": "eotp"},
        {"method": "apd"},
        {"params": {"guidance": 1.5}},
    ],
)
def test_decoders_that_do_not_see_the_whole_row_are_refused(trace: Trace, changed: dict[str, Any]) -> None:
    with pytest.raises(DepcapError):
        openings(replace(trace, header=trace.header.model_copy(update=changed)))


def test_the_orders_are_permutations() -> None:
    positions, confidence = [7, 8, 9, 10], np.array([0.2, 0.9, 0.9, 0.1])
    assert ordered("left-to-right", positions, confidence, 0) == positions
    assert ordered("confidence", positions, confidence, 0) == [8, 9, 7, 10]
    assert sorted(ordered("random", positions, confidence, 3)) == positions
    assert ordered("random", positions, confidence, 3) == ordered("random", positions, confidence, 3)
    many = list(range(20))
    assert len({tuple(ordered(kind, many, confidence, 3)) for kind in RANDOM}) == len(RANDOM)
    with pytest.raises(DepcapError, match="unknown order"):
        ordered("backwards", positions, confidence, 0)


QUICK = Plan(sizes=(1, 4, 64), samples=3)


def test_fixed_sizes_that_fit_are_measured_and_the_decoders_own(llada: depcap.Model, trace: Trace) -> None:
    for opening in openings(trace):
        room = opening.end - opening.start
        rows = [row for row in measure(llada.denoiser, opening, QUICK, 0) if row["masked_again"] == LAST]
        named = {(row["candidates"], row["order"]) for row in rows}
        names = {str(size) for size in QUICK.sizes if size <= room} | {CHOSEN}
        assert named == {(name, order) for name in names for order in ORDERS}
        assert {row["size"] for row in rows if row["candidates"] == CHOSEN} == {min(opening.size, room)}
        assert {row["cut"] for row in rows if row["candidates"] == CHOSEN} == {opening.size > room}
        assert not any(row["cut"] for row in rows if row["candidates"] != CHOSEN)


def test_the_comparisons_are_of_the_decoders_own_block(llada: depcap.Model, trace: Trace) -> None:
    rows = measure(llada.denoiser, openings(trace)[-1], QUICK, 0)
    own = next(row for row in rows if row["candidates"] == CHOSEN and row["order"] == LEFT_TO_RIGHT)
    compared_with = [row for row in rows if row["masked_again"] != LAST]
    assert compared_with
    assert {(row["candidates"], row["size"]) for row in compared_with} == {(CHOSEN, own["size"])}


def test_a_measurement_has_the_gap_and_its_parts(llada: depcap.Model, trace: Trace) -> None:
    for row in measure(llada.denoiser, openings(trace)[0], QUICK, 0):
        parts = row["correlation"] - row["cross"] + row["inconsistency"]
        assert row["joint"] - row["additive"] == pytest.approx(parts, abs=1e-9)
        known = row["distinct"] > 1 or row["size"] == 1
        assert all(row[name] >= 0 if known else np.isnan(row[name]) for name in ERRORS)
        np.testing.assert_equal(row["standard_error_curve"][-1], row["standard_error"])
        assert sum(row["truncated_curve"]) == pytest.approx(row["truncated"])
        assert sum(row["joint_curve"]) == pytest.approx(row["joint"])
        assert len(row["additive_curve"]) == row["size"]
        assert row["entropy"] > 0
        assert row["null"] < 1e-9


def test_a_row_holds_what_it_takes_to_find_its_numbers_again(llada: depcap.Model, trace: Trace) -> None:
    opening = openings(trace)[0]
    for row in measure(llada.denoiser, opening, QUICK, 0):
        assert sorted(row["positions"]) == list(range(row["start"], row["start"] + row["size"]))
        assert np.mean(row["joint_along"]) == pytest.approx(row["joint"])
        assert 1 <= row["distinct"] <= row["histories"]
        if row["masked_again"] == LAST and row["order"] != LEFT_TO_RIGHT:
            again = sampled(
                llada.denoiser, opening.after, opening.before, row["positions"], QUICK.samples,
                row["seed"], row["top_k"],
            )  # fmt: skip
            assert (again.total, again.truncated.sum()) == (row["joint"], row["truncated"])
            assert again.joint_along.sum(axis=0).tolist() == row["joint_along"]


def test_a_row_holds_what_every_claim_about_it_rests_on(llada: depcap.Model, trace: Trace) -> None:
    """Sums over candidates and means over histories are there beside what they are of."""
    opening = openings(trace)[-1]
    assert opening.clamp in (None, "min_size", "max_size", "end")
    for row in measure(llada.denoiser, opening, QUICK, 0):
        for part in PARTS:
            assert sum(row[f"{part}_curve"]) == pytest.approx(row[part], abs=1e-9)
        for part in ("correlation", "cross", "inconsistency"):
            assert np.mean(row[f"{part}_along"]) == pytest.approx(row[part], abs=1e-9)
        assert -1e-9 <= row["dependence"] <= row["correlation"] + 1e-9
        assert 0 < row["seen"] <= 1 + 1e-9
        assert np.mean(row["entropy_curve"]) == pytest.approx(row["entropy"])
        assert (min(row["confidence_curve"]) >= 0.9) == row["confident"]
        assert (row["wanted"], row["clamp"]) == (opening.wanted, opening.clamp)
        assert opening.before[row["masked_start"]] == trace.header.mask_id or row["masked_again"] != LAST
        own = row["order"] == LEFT_TO_RIGHT and row["masked_again"] == LAST
        assert ("own_additive" in row) == own
        if own:
            assert sum(row["own_additive_curve"]) == pytest.approx(row["own_additive"])
            assert row["own_additive_half"] >= 0


def test_the_sum_does_not_hang_on_the_order(llada: depcap.Model, trace: Trace) -> None:
    rows = measure(llada.denoiser, openings(trace)[0], QUICK, 0)
    proxies = [row["additive"] for row in rows if row["candidates"] == "4" and row["masked_again"] == LAST]
    assert proxies == pytest.approx([proxies[0]] * len(ORDERS))


def test_the_decoders_own_tokens_are_followed_in_every_order(llada: depcap.Model, trace: Trace) -> None:
    opening = openings(trace)[0]
    assert opening.decoded == [*trace.header.prompt_ids, *trace.header.tokens]
    for row in measure(llada.denoiser, opening, QUICK, 0):
        assert ("decoded_joint" in row) == (row["masked_again"] == LAST)
        if row["masked_again"] == LAST:
            assert row["decoded_joint"] >= 0
            assert row["decoded_log_p"] < 0
        if row["masked_again"] == LAST and row["size"] == 1:
            assert row["decoded_joint"] == pytest.approx(row["joint"])


def test_masks_are_held_against_draws(llada: depcap.Model, trace: Trace) -> None:
    for plan in (QUICK, replace(QUICK, baselines=False)):
        for row in measure(llada.denoiser, openings(trace)[0], plan, 0):
            assert ("drawn_additive" in row) == (plan.baselines and row["masked_again"] == LAST)
            if "drawn_additive" in row:
                assert row["drawn_additive_half"] >= row["drawn_additive"] >= 0
                assert 0 <= row["drawn_distance"] <= 1


def test_from_left_to_right_small_blocks_begin_the_largest(llada: depcap.Model, trace: Trace) -> None:
    opening = openings(trace)[0]
    by_size = {
        sizes: [
            row["joint"]
            for row in measure(llada.denoiser, opening, Plan(sizes, (LEFT_TO_RIGHT,), 3, baselines=False), 0)
            if row["candidates"] == "2"
        ]
        for sizes in ((2,), (2, 6))
    }
    assert by_size[2,] == pytest.approx(by_size[2, 6])


def test_the_comparisons_mask_something_else_or_hold_something_else(trace: Trace) -> None:
    for opening in openings(trace):
        worlds, (first, last) = compared(opening, 1), opening.last
        assert (SHUFFLED in worlds) == (len(set(opening.after[first:last])) > 1)
        if SHUFFLED in worlds:
            shuffled = worlds[SHUFFLED]
            assert shuffled.after != opening.after
            assert sorted(shuffled.after[first:last]) == sorted(opening.after[first:last])
            assert shuffled.before == opening.before
        fits = first - opening.first >= last - first
        assert (ELSEWHERE in worlds) == (fits or first >= last - first)
        if ELSEWHERE in worlds:
            other = worlds[ELSEWHERE]
            assert other.after == opening.after
            differs = [i for i, (a, b) in enumerate(zip(other.after, other.before, strict=True)) if a != b]
            assert len(differs) == last - first
            assert opening.first <= differs[0] or not fits  # of the prompt only where it must be
            assert differs[-1] < first
