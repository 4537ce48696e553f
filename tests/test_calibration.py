"""Confidence held to the final token: tables of proposals whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from analysis import calibration, charts, statistics
from analysis.calibration import earliness, error_of_sampling, proposals_that_waited, reliability
from analysis.charts import Band
from analysis.shares import share


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "CLUSTER_RESAMPLES", 200)


def histories(right_of: int, prompts: int = 20, confidence: float = 0.75) -> pd.DataFrame:
    """20 positions a prompt, each seen twice; `right_of` of them proposed the final token at first sight."""
    return pd.DataFrame(
        {
            "prompt": f"p{prompt}", "decode": f"p{prompt}", "task": "python", "position": place,
            "confidence": [confidence, 1.0], "right": [place < right_of, True], "unmasked": [False, True],
        }
        for prompt in range(prompts)
        for place in range(20)
    )  # fmt: skip


def test_a_bin_holds_the_share_of_its_proposals_that_are_right() -> None:
    mixed = pd.concat([histories(15, confidence=0.75), histories(20, confidence=0.97)])
    bins = reliability(proposals_that_waited(mixed)).set_index("from")
    assert bins["proposals"].tolist() == [400, 400]
    np.testing.assert_allclose(bins.loc[0.7, ["to", "confidence", "right"]].astype(float), [0.8, 0.75, 0.75])
    assert bins.loc[0.95, "right"] == 1


def test_what_few_prompts_say_has_no_interval() -> None:
    bins = reliability(proposals_that_waited(histories(15, prompts=5)))
    assert bins[["low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize(("hit", "low", "high"), [(0, 0.0, 0.161), (1, 0.839, 1.0)])
def test_where_all_are_alike_the_prompts_bound_the_share(hit: int, low: float, high: float) -> None:
    found = share([hit] * 1_000, np.repeat(np.arange(20), 50))
    assert found.value == hit
    assert found.bounds == pytest.approx((low, high), abs=1e-3)  # Wilson, n = 20


def test_where_they_differ_a_share_has_the_interval_over_prompts() -> None:
    hits, prompts = [1, 0, 1, 1] * 10, np.repeat(np.arange(20), 2)
    found = share(hits, prompts)
    assert found == statistics.clustered(statistics.mean, [hits], prompts, 0.0)


@pytest.mark.parametrize(
    ("right_of", "confidence", "said"),
    [
        (18, 0.75, "are under-confident on average"),
        (12, 0.75, "are over-confident on average"),
    ],
)
def test_the_verdict_takes_a_side_that_the_interval_shows(
    right_of: int, confidence: float, said: str
) -> None:
    assert said in calibration.conclude(histories(right_of, confidence=confidence)).verdict


def test_the_verdict_takes_no_side_where_prompts_disagree() -> None:
    halves = pd.concat([histories(20), histories(11).assign(prompt=lambda rows: "q" + rows["prompt"])])
    finding = calibration.conclude(halves)
    whole = finding.tables["By task"].iloc[0]
    assert whole["task"] == "all"
    assert whole["right - confidence"] == pytest.approx(31 / 40 - 0.75)
    assert whole["right - confidence, low"] < 0 < whole["right - confidence, high"]
    assert "not shown to be over- or under-confident" in finding.verdict


def test_what_sampling_alone_makes_of_the_error_falls_with_the_number_of_proposals() -> None:
    few, many = (error_of_sampling(np.full(n, 0.75), np.arange(n)) for n in (50, 5_000))
    normal = np.sqrt(0.75 * 0.25 * 2 / np.pi)  # the mean of |normal|, for a single bin
    assert few == pytest.approx(normal / 50**0.5, rel=0.15)
    assert many == pytest.approx(normal / 5_000**0.5, rel=0.15)


def test_what_a_position_proposes_again_and_again_is_one_thing_that_was_drawn() -> None:
    confidence, positions = np.full(50, 0.75), np.arange(50)
    once, often = (error_of_sampling(np.tile(confidence, n), np.tile(positions, n)) for n in (1, 20))
    assert often == pytest.approx(once)


def test_tokens_are_counted_by_steps_seen_and_steps_right() -> None:
    rows = pd.DataFrame({"right": [[True], [False, True], [True, True], [False, True]]})
    assert earliness(rows).to_numpy().tolist() == [[1, 0, 0.25], [2, 0, 0.5], [2, 1, 0.25]]


def test_a_band_is_drawn_where_both_ends_are_known() -> None:
    band = Band([1, 2, 3], [0.5, 0.6, 0.7], [np.nan, 0.5, 0.6], [np.nan, 0.7, 0.8])
    area, line = charts.bands({"share": band}, "x", "y").data
    assert list(area.x) == [2, 3, 3, 2]
    assert list(line.x) == [1, 2, 3]


def test_how_early_a_token_is_right_has_intervals() -> None:
    late, early = histories(5, prompts=10), histories(15, prompts=10)
    rows = pd.concat([late, early.assign(prompt="q" + early["prompt"])])
    found = calibration.first_sight(rows).iloc[0]
    assert found[["tokens", "that waited", "right at first sight"]].tolist() == [400, 400, 0.5]
    for name in ("right at first sight", "steps waited while right"):
        assert found[f"{name}, low"] < found[name] == 0.5 < found[f"{name}, high"]
    assert "50% (" in calibration.conclude(rows).verdict
