"""The tables behind the additivity verdict, on blocks whose numbers are known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import checks, statistics
from analysis.additivity_study import by_place, conclude
from analysis.blocks import CHOSEN, LEFT_TO_RIGHT
from analysis.openings import ELSEWHERE, LAST
from analysis.strata import strata


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "CLUSTER_RESAMPLES", 100)
    monkeypatch.setattr(checks, "SHUFFLES", 50)


def row(joint: list[float], additive: list[float], **changed: Any) -> dict[str, Any]:
    """A measured block of these curves; all of its gap is T."""
    j, a = sum(joint), sum(additive)
    return {
        "decode": "arithmetic-0000", "prompt": "p", "task": "arithmetic", "block": 1, "size": len(joint),
        "candidates": CHOSEN, "order": LEFT_TO_RIGHT, "masked_again": LAST, "cut": False, "joint": j,
        "additive": a, "truncated": a, "standard_error": 0.01, "histories": 16, "distinct": 16,
        "correlation": j - a, "cross": 0.0, "inconsistency": 0.0, "dependence": 0.0, "seen": 0.9,
        "own_additive": a, "own_additive_half": a, "entropy": 1.0, "confident": False,
        "null": 0.0, "decoded_joint": j / 2, "decoded_log_p": -1.0, "joint_curve": joint,
        "additive_curve": additive,
    } | changed  # fmt: skip


def many(**changed: Any) -> list[dict[str, Any]]:
    """Twelve prompts with four blocks of four candidates each; J is one and a half times A."""
    size = np.random.default_rng(0).uniform(0.5, 2, (12, 4))
    return [
        row(
            [1.5 * size[prompt, block]] * 4, [size[prompt, block]] * 4, prompt=f"p{prompt}",
            decode=f"arithmetic-{prompt:04}", block=block + 1,
        )
        | changed
        for prompt in range(12)
        for block in range(4)
    ]  # fmt: skip


def test_the_verdict_is_that_of_the_decoders_whole_blocks() -> None:
    others = many(candidates="4", joint=100.0) + many(order="random", joint=100.0) + many(cut=True, joint=9.0)
    finding = conclude(pd.DataFrame(many() + others))
    assert finding.verdict.startswith("Not additive: the sum under-counts, because the last block couples")
    assert "sum J / sum A = 1.50 (1.50 to 1.50)" in finding.verdict
    assert "48 blocks of 12 prompts" in finding.verdict
    assert "median J / A = 1.50 (1.50 to 1.50), quartiles 1.50 and 1.50" in finding.verdict
    assert "In blocks of a fixed number of candidates sum J / sum A is" in finding.verdict
    assert finding.marks["in_verdict"].tolist() == [True] * 48 + [False] * len(others)


def test_what_the_verdict_leaves_out_is_counted() -> None:
    rows = [
        row([2.0, 1.0], [1.0, 1.0]), row([3.0], [3.0]), row([1.0, 1.0], [1.0, 1.0], cut=True),
        row([1e-5, 1e-5], [1e-5, 1e-5]), row([4e-3, 0.0], [2e-3, 0.0]), row([1.0, 1.0], [1.0, 1.0]),
    ]  # fmt: skip
    found = checks.left_out(pd.DataFrame(rows)).set_index("rule")["blocks"].to_dict()
    assert found == {
        "all blocks": 6, "cut short by the end or the largest size": 1, "of one candidate": 1, "not moved": 1,
        "the verdict's blocks": 3, "with those cut short": 4, "with those not moved": 4,
        "moved by ten times as much": 2,
    }  # fmt: skip


def test_two_orders_are_compared_block_by_block_and_size_by_size() -> None:
    rows = (
        many() + many(order="random", joint=12.0) + many(candidates="4") + many(candidates="4", order="r 2")
    )
    table = checks.between_orders(pd.DataFrame(rows)).set_index(["orders", "candidates"])
    one = table.loc[f"random / {LEFT_TO_RIGHT}", CHOSEN]
    joint = pd.DataFrame(many())["joint"]
    assert one["blocks"] == 48
    assert one["ratio of sums"] == pytest.approx(12 * 48 / joint.sum())
    assert one["median |difference|"] == pytest.approx(((12 - joint) / joint.clip(lower=12)).abs().median())
    assert table.loc[f"r 2 / {LEFT_TO_RIGHT}", "4"]["ratio of sums"] == 1
    known = table["p, Holm"].dropna()
    assert known[f"r 2 / {LEFT_TO_RIGHT}", "4"] == 1
    assert known[f"random / {LEFT_TO_RIGHT}", CHOSEN] == pytest.approx(2 / 100 * len(known))
    assert one["noise floor"] == 0
    assert table.loc[f"random / {LEFT_TO_RIGHT}", "4"]["blocks"] == 0


def test_baselines_stand_beside_the_last_block_on_the_same_blocks() -> None:
    own = pd.DataFrame(many())
    rows = pd.concat([own, pd.DataFrame(many(masked_again=ELSEWHERE, joint=1.0, additive=2.0))[:20]])
    there, shuffled = checks.baselines(rows, own).to_dict("records")
    assert there["blocks"] == 20
    assert there["sum J / sum A"] == 0.5
    assert there["of the last block"] == pytest.approx(1.5)
    assert there["difference"] == pytest.approx(-1.0)
    low, middle, high = (shuffled[f"Spearman{end}"] for end in (", low", "", ", high"))
    assert low <= middle <= high < 0.5  # J hangs on its own A alone


def test_sums_over_as_many_tokens_go_together_whatever_they_sum() -> None:
    """Blocks of two sizes: J and the A of another block of the same size still rank alike."""
    short = [row([1.0 + i / 90] * 2, [1.0] * 2, prompt=f"p{i}", decode=f"a{i}") for i in range(12)]
    long = [row([1.0] * 9, [1.0 + i / 90] * 9, prompt=f"p{i}", decode=f"a{i}", block=2) for i in range(12)]
    shuffled = checks.baselines(own := pd.DataFrame(short + long), own).to_dict("records")[-1]
    assert shuffled["Spearman"] > 0.5


def test_influence_is_read_at_every_place_of_blocks_of_one_size() -> None:
    rows = [
        row([3.0, 1.0], [1.0, 1.0], candidates="2", prompt=f"p{i}", decode=f"d{i}") for i in range(12)
    ] + [row([9.0], [1.0], candidates="1")]
    table = by_place(pd.DataFrame(rows))
    assert table["k"].tolist() == [1, 2]
    assert table["J at k"].tolist() == [3, 1]
    assert table["sum J / sum A up to k"].tolist() == [3, 2]
    assert table["sum J / sum A up to k, low"].tolist() == [3, 2]
    assert table["slope up to k"].tolist() == [3, 2]


def test_a_block_counts_at_every_distance_with_its_part_there() -> None:
    curve = [2.0] * 8 + [1.0] * 4
    table = strata(pd.DataFrame([row(curve, [1.0] * 12) for _ in range(4)]))
    found = table[table.kind == "distance"].set_index("stratum")["sum J / sum A"].to_dict()
    assert found == {"1–8": 2.0, "9–16": 1.0}


def test_a_part_that_nothing_moved_does_not_count_at_its_distance() -> None:
    curve = [2.0] * 8 + [1e-5] * 4
    table = strata(pd.DataFrame([row(curve, curve) for _ in range(4)]))
    assert table[table.kind == "distance"]["stratum"].tolist() == ["1–8"]
