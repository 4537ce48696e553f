"""How J and A are compared: statistics of known data, intervals over prompts, and sentences that follow."""

import numpy as np
import pandas as pd
import pytest

from analysis import agreement as ag
from analysis import statistics
from analysis.verdict import verdict


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "CLUSTER_RESAMPLES", 200)


def blocks(ratio: float, noise: float = 0.0, prompts: int = 20, each: int = 5, seed: int = 0) -> pd.DataFrame:
    """Blocks whose J is about `ratio` times A, with a share of noise that whole prompts have in common."""
    rng = np.random.default_rng(seed)
    additive = rng.uniform(1, 5, prompts * each)
    shared = np.repeat(rng.normal(0, noise, prompts), each)
    joint = additive * (ratio + shared)
    return pd.DataFrame(
        {
            "prompt": np.repeat(np.arange(prompts), each), "joint": joint, "additive": additive,
            "correlation": joint - additive, "cross": 0.0, "inconsistency": 0.0, "dependence": 0.1,
            "own_additive": additive, "own_additive_half": additive, "standard_error": 0.0,
            "histories": 16, "distinct": 16, "seen": 0.9, "size": 8, "cut": False,
        }
    )  # fmt: skip


def test_on_a_line_every_statistic_is_known() -> None:
    found = {name: interval.value for name, interval in ag.agreement(blocks(2.0)).items()}
    for name in (
        "sum J / sum A",
        "median J / A",
        "slope",
        "slope through the origin",
        "slope, total least squares",
    ):
        assert found[name] == pytest.approx(2.0), name
    for name in ("R²", "Pearson", "Spearman"):
        assert found[name] == pytest.approx(1.0), name
    assert found["median |J - A| / J"] == pytest.approx(0.5)
    assert found[ag.GAP] == pytest.approx(0.5)


def test_the_gap_has_a_bound_on_both_sides() -> None:
    joint, additive = np.array([0.0, 1.0, 2.0, 3.0]), np.array([3.0, 4.0, 2.0, 0.0])
    assert ag.bounded_gap(joint, additive).tolist() == [-1, -0.75, 0, 1]
    found = ag.agreement(pd.DataFrame({"prompt": 0, "joint": joint, "additive": additive}))
    assert found[ag.GAP].value == 0.875
    assert all(np.isfinite(interval.value) for interval in found.values())


def test_total_least_squares_treats_both_axes_alike() -> None:
    rng = np.random.default_rng(1)
    truth = rng.uniform(0, 10, 4_000)
    joint, additive = truth + rng.normal(0, 1, 4_000), truth + rng.normal(0, 1, 4_000)
    assert ag.total_slope(joint, additive) == pytest.approx(1.0, abs=0.02)
    assert ag.slope(joint, additive) < 0.95  # noise in A flattens it
    assert ag.total_slope(additive, joint) == pytest.approx(1 / ag.total_slope(joint, additive))


def test_intervals_are_over_prompts_not_over_blocks() -> None:
    few, many = (ag.agreement(blocks(1.0, 0.2, prompts=15, each=each))["sum J / sum A"] for each in (2, 40))
    assert few.ci95 is not None
    assert many.ci95 is not None
    widths = [interval.ci95[1] - interval.ci95[0] for interval in (few, many) if interval.ci95]
    assert widths[1] > 0.6 * widths[0]  # twenty times the blocks of the same prompts tell little more


def test_with_few_prompts_there_is_no_interval() -> None:
    assert ag.agreement(blocks(1.0, prompts=5, each=20))["slope"].ci95 is None


def test_the_parts_of_the_gap_add_up() -> None:
    table = blocks(1.5)
    table["own_additive"] *= 1.2
    parts = {name: part.value for name, part in ag.decomposition(table).items()}
    assert parts["T"] - parts["X"] + parts["kappa"] == pytest.approx(parts["J - A"])
    assert parts["J - A'"] + parts["A' - A"] == pytest.approx(parts["J - A"])
    assert parts["A' - A, uncorrected"] == pytest.approx(0.2 * table["additive"].mean())
    assert parts["A' - A"] == pytest.approx(0.4 * table["additive"].mean())  # half of the histories: no more
    beyond = [share.value for share in ag.beyond_sampling(table).values()]
    assert beyond == [1.0, 0.0]
    assert ag.decomposition(blocks(1.05))["within 10 %"].value == 1.0


def test_a_gap_that_sampling_could_make_is_nobodys() -> None:
    shares = ag.beyond_sampling(blocks(1.1).assign(standard_error=0.5))
    assert [share.value for share in shares.values()] == [0, 0]


def test_without_the_joints_own_marginals_no_reason_is_given() -> None:
    table = blocks(1.5, 0.05).drop(columns=["own_additive", "own_additive_half"])
    assert "J - A'" not in ag.decomposition(table)
    assert "for reasons that were not measured" in verdict(table, ag.agreement(table))


def test_blocks_whose_histories_were_all_equal_have_no_error_and_are_counted_apart() -> None:
    table = blocks(1.5, prompts=20, each=4)
    equal = np.tile([True, False, False, False], 20)
    table["distinct"] = np.where(equal, 1, 16)
    table["standard_error"] = np.where(equal, np.nan, 0.05 * table["joint"])
    table["joint"] = np.where(equal, 0.1 * table["additive"], table["joint"])
    shares = ag.beyond_sampling(table)
    assert shares["J > A beyond sampling error"].value == 1  # of those whose error is known
    assert shares["J < A beyond sampling error"].value == 0
    sampling = ag.noise(table.assign(standard_error=4 * table["standard_error"]))
    assert sampling["median SE(J) / J"] == pytest.approx(0.2)
    assert (sampling["all histories equal"], sampling["error known, blocks"]) == (0.25, 60)
    assert sampling["R² of these"] > 0.99 > ag.agreement(table)["R²"].value


def test_the_verdict_warns_of_too_few_histories_and_of_equal_ones() -> None:
    table = blocks(1.5, prompts=20, each=4)
    equal = np.tile([True, False, False, False], 20)
    table["distinct"] = np.where(equal, 1, 16)
    table["standard_error"] = np.where(equal, np.nan, 0.2 * table["joint"])
    said = verdict(table, ag.agreement(table))
    assert "(known for the 75% in which two histories differ)" in said
    assert "half of the blocks whose error is known have a standard error above 20% of J" in said
    assert "histories were equal" not in said
    none = table.assign(distinct=1, standard_error=np.nan)
    said = verdict(none, ag.agreement(none))
    assert "sampling alone would give is not known" in said
    assert "More histories" not in said
    assert "In 100% of the blocks all histories were equal" in said
    assert "a probability of at least 90% in three quarters of them" in said


def test_blocks_that_are_additive_by_definition_or_cut_short_do_not_count() -> None:
    table = blocks(1.0, prompts=1, each=4).assign(size=[1, 2, 8, 8], cut=[False, False, True, False])
    assert ag.whole(table)["size"].tolist() == [2, 8]


def test_blocks_that_nothing_moved_do_not_count() -> None:
    table = blocks(1.0, prompts=1, each=3).assign(
        joint=[1e-4, 0.5, 0.02], additive=[5e-4, 0.0, 0.02], null=[0.0, 0.0, 1e-2]
    )
    assert ag.moved(table)["joint"].tolist() == [0.5]
    assert len(ag.moved(table, floor=1.0)) == 0


def test_the_middle_half_of_the_ratios_is_between_its_quartiles() -> None:
    table = blocks(1.0, prompts=1, each=5)
    found = ag.agreement(table.assign(joint=table["additive"] * [1, 2, 3, 4, 5]))
    quartiles = [found[f"{name} of J / A"].value for name in ("first quartile", "third quartile")]
    assert quartiles == pytest.approx([2, 4])
    assert found["median (J - A) / J"].value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("ratio", "noise", "prompts", "sentence"),
    [
        (1.0, 0.02, 20, "Approximately additive"),
        (1.5, 0.05, 20, "Not additive: the sum under-counts"),
        (0.6, 0.05, 20, "Not additive: the sum over-counts"),
        (1.0, 0.25, 200, "Additive in sum, but not block by block"),
        (1.1, 0.1, 20, "Undecided"),
        (1.0, 0.02, 4, "Too few blocks to tell (20 blocks of 4 prompts)"),
        (1.0, 0.16, 60, "Additive in sum; for single blocks it takes more blocks"),
    ],
)
def test_the_verdict_follows_from_the_numbers(
    ratio: float, noise: float, prompts: int, sentence: str
) -> None:
    table = blocks(ratio, noise, prompts)
    assert verdict(table, ag.agreement(table)).startswith(sentence)


@pytest.mark.parametrize(
    ("ratio", "share", "why"),
    [
        (1.5, 0.0, "because the last block couples the candidates (J > A')"),
        (0.6, 0.0, "because candidates learn the same thing from it (J < A')"),
        (0.6, 1.0, "because the model's one-shot marginals move more than those of its own joint (A' < A)"),
        (1.5, 1.0, "because the model's one-shot marginals move less than those of its own joint (A' > A)"),
        (0.6, 1.4, "because the model's one-shot marginals move more"),
        (0.6, 0.7, "mostly because the model's one-shot marginals move more"),
        (1.5, 0.2, "mostly because the last block couples the candidates"),
    ],
)
def test_the_reason_given_is_the_part_that_makes_most_of_the_gap(
    ratio: float, share: float, why: str
) -> None:
    """`share` of J - A is A' - A."""
    table = blocks(ratio, 0.02)
    proxy = table["additive"] + share * (table["joint"] - table["additive"])
    table = table.assign(own_additive=proxy, own_additive_half=proxy)
    assert why in verdict(table, ag.agreement(table))


def test_a_reason_has_to_stand_without_the_correction_for_few_histories_too() -> None:
    """A' is too large with few histories, which by itself looks as if candidates learnt the same."""
    table = blocks(0.6, 0.02)
    table["own_additive_half"] = table["own_additive"] + 2 * (table["additive"] - table["joint"])
    assert "learn the same" not in verdict(table, ag.agreement(table))


def test_what_sampling_alone_would_give_is_not_called_a_gap() -> None:
    rng = np.random.default_rng(0)
    table = blocks(1.0)
    table["standard_error"] = 0.2 * table["joint"]
    table["joint"] += table["standard_error"] * rng.normal(size=len(table))
    assert verdict(table, ag.agreement(table)).startswith("Additive in sum; for single blocks it takes more")
    assert ag.noise(table)["R², disattenuated"] > ag.agreement(table)["R²"].value


def test_columns_that_do_not_vary_have_no_slope() -> None:
    table = blocks(1.0).assign(additive=2.0)
    found = ag.agreement(table)
    assert all(np.isnan(found[name].value) for name in ("slope", "R²", "Pearson", "Spearman"))


def test_a_gap_far_larger_than_the_noise_is_one_even_with_few_histories() -> None:
    rng = np.random.default_rng(0)
    table = blocks(1.0, prompts=40)
    sign = np.tile([1.0, -1.0], len(table) // 2)
    error = 0.1 * table["additive"]
    table = table.assign(
        joint=table["additive"] * (1 + 0.5 * sign) + error * rng.normal(size=len(table)), standard_error=error
    )
    assert verdict(table, ag.agreement(table)).startswith("Additive in sum, but not block by block")


def test_a_reason_that_may_be_none_is_not_given() -> None:
    rng = np.random.default_rng(0)
    table = blocks(0.6, 0.02)
    proxy = (table["joint"] + table["additive"]) / 2 + rng.normal(0, 30, len(table))
    table = table.assign(own_additive=proxy, own_additive_half=proxy)
    assert "no single reason" in verdict(table, ag.agreement(table))


def test_of_two_parts_that_are_not_told_apart_none_is_named_alone() -> None:
    table = blocks(1.5, 0.02)
    proxy = (table["joint"] + table["additive"]) / 2 + np.tile([0.3, -0.3], len(table) // 2)
    table = table.assign(own_additive=proxy, own_additive_half=proxy)
    said = verdict(table, ag.agreement(table))
    assert "couples the candidates (J > A') and because the model's one-shot marginals" in said
    assert "which does more is not shown" in said
