"""The conflict rule held to dependence: pairs whose dependence is known, and which pairs are looked at."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import depcap
from analysis import conflicts, statistics
from analysis.conflicts import candidates
from analysis.flagged import as_decoded, rules, signals, unmasked_together
from analysis.study import Decode
from depcap import DepcapError
from depcap.trace import Trace

PROMPTS = 20
CHANGES = "the other's token changes"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "CLUSTER_RESAMPLES", 100)


def pairs(*kinds: dict[str, object], each: int = 2) -> pd.DataFrame:
    """Every prompt has `each` pairs of each kind; they differ from one another by a little noise in D."""
    plain = {
        "task": "python", "step": 1, "i": 3, "j": 4, "distance": 1, "d": -30.0, "confidence": 0.9,
        "same_token": False, "information": 0.0, "flips": False, "covered": 0.9,
        "together": False, "gamma": -16.0, "sure": True,
    }  # fmt: skip
    noise = np.random.default_rng(0)
    return pd.DataFrame(
        {**plain, **kind, "prompt": prompt, "decode": prompt} | {"d": kind["d"] + noise.normal(0, 0.1)}
        for prompt in range(PROMPTS)
        for kind in kinds
        for _ in range(each)
    )  # fmt: skip


FLAGGED = {"d": -8.0, "information": 0.5, "flips": True, "confidence": 0.85}
WRONGLY = {"d": -12.0, "confidence": 0.95}
MISSED = {"d": -20.0, "information": 0.05}
FREE = {"d": -30.0}


def test_precision_and_recall_are_counted_at_every_gamma_and_every_meaning() -> None:
    table = rules(pairs(FLAGGED, WRONGLY, MISSED, FREE)).set_index(["dependent if", "gamma"])
    at = table.loc[("I ≥ 0.01 nats", -16.0)]
    assert at[["flagged", "dependent", "precision", "recall"]].tolist() == [0.5, 0.5, 0.5, 0.5]
    assert table.loc[("I ≥ 0.1 nats", -16.0), ["dependent", "precision", "recall"]].tolist() == [0.25, 0.5, 1]
    assert table.loc[(CHANGES, -24.0), ["flagged", "precision", "recall"]].tolist() == [0.75, 1 / 3, 1]


def test_what_all_prompts_agree_on_is_bounded_by_their_number() -> None:
    at = rules(pairs(FLAGGED, WRONGLY, MISSED, FREE)).set_index(["dependent if", "gamma"]).loc[CHANGES]
    assert at.loc[-16.0, "recall, low"] == pytest.approx(0.839, abs=1e-3)  # Wilson, n = 20
    assert at.loc[0.0, ["flagged", "recall"]].tolist() == [0, 0]
    assert at.loc[0.0, "recall, high"] == pytest.approx(0.161, abs=1e-3)
    assert np.isnan(at.loc[0.0, "precision"])


def test_intervals_are_over_prompts() -> None:
    table = pairs(FLAGGED, WRONGLY, FREE)
    table.loc[table.prompt < PROMPTS / 2, "information"] = 0.0
    own = as_decoded(table).iloc[0]
    assert own["precision"] == 0.25
    assert own["precision, low"] < 0.2 < 0.3 < own["precision, high"]


def test_each_decodes_own_gamma_is_the_rule_as_decoded() -> None:
    table = pairs(FLAGGED, FREE)
    assert as_decoded(table)["flagged"].iloc[0] == 0.5
    assert as_decoded(table.assign(gamma=-40.0))["flagged"].iloc[0] == 1


def test_d_stands_beside_low_confidence() -> None:
    table = signals(pairs(FLAGGED, WRONGLY, FREE)).set_index(["dependent if", "signal"])
    d = table.loc[(CHANGES, "D")]
    assert d[["AUC", "less that of low confidence"]].tolist() == [1, 0]
    # where all are equally confident, confidence alone finds half
    alike = signals(pairs(FLAGGED | {"confidence": 0.9}, FREE)).set_index(["dependent if", "signal"])
    found = alike.loc[(CHANGES, "D")]
    assert found["less that of low confidence"] == found["less that of low confidence, low"] == 0.5
    assert np.isnan(alike.loc[(CHANGES, "nearer"), "less that of low confidence"])


def test_pairs_unmasked_together_are_counted_by_conflict() -> None:
    both = {"together": True}
    changing, kept, apart = FLAGGED | both, WRONGLY | both, FREE | both
    table = unmasked_together(pairs(changing, kept, apart, MISSED)).set_index("pair")
    assert table["pairs"].to_dict() == {"not in conflict": 40, "in conflict": 80, "difference": 120}
    assert table["token would have changed"].tolist() == [0, 0.5, 0.5]
    assert table.loc["not in conflict", "token would have changed, high"] == pytest.approx(0.161, abs=1e-3)
    assert table.loc["in conflict", "mean information"] == 0.25


def test_only_pairs_that_may_be_unmasked_in_conflict_are_compared() -> None:
    changing, kept = FLAGGED | {"together": True}, FREE | {"together": True}
    unsure = kept | {"flips": True, "sure": False}
    table = unmasked_together(pairs(changing, kept, unsure)).set_index("pair")
    named = ["token would have changed, low", "token would have changed", "token would have changed, high"]
    assert table.loc["difference", named].tolist() == [1, 1, 1]


# The verdict


def test_the_verdict_quotes_the_share_that_depends_with_its_interval() -> None:
    verdict = conflicts.conclude(pairs(FLAGGED, WRONGLY, FREE)).verdict
    assert verdict.startswith(
        "Of the 66.7% of 120 pairs that the conflict rule flags 50.0% (50.0% to 50.0%) depend, of the others"
        " 0.0%: more often. The score D itself tells dependent pairs from others better than chance"
    )
    assert "Where dependent means" not in verdict  # every meaning says the same


@pytest.mark.parametrize(("gamma", "said"), [(0.0, "none"), (-40.0, "all")])
def test_a_rule_that_tells_no_pair_from_another_gets_no_credit_for_its_score(gamma: float, said: str) -> None:
    verdict = conflicts.conclude(pairs(FLAGGED, WRONGLY, FREE).assign(gamma=gamma)).verdict
    assert verdict.startswith(
        f"The conflict rule flags {said} of 120 pairs, of which 33.3% depend. The score"
    )
    assert "nan" not in verdict


def test_flagged_pairs_that_depend_no_more_than_the_others_are_said_not_to() -> None:
    half = pairs(FLAGGED, MISSED).assign(information=lambda rows: (rows.prompt % 2) * 0.5)
    verdict = conflicts.conclude(pd.concat([half] * 2)).verdict
    assert "depend, of the others 50.0%: not shown to be more or less often" in verdict


def test_one_dependent_pair_is_too_few() -> None:
    table = pairs(FREE, each=10)
    table.loc[0, ["d", "information"]] = [-1.0, 0.5]
    assert "Too few prompts or dependent pairs" in conflicts.conclude(table).verdict


def test_the_verdict_names_a_meaning_of_dependent_that_disagrees() -> None:
    changing = FREE | {"flips": True, "information": 0.0}
    verdict = conflicts.conclude(pairs(FLAGGED | {"flips": False}, FREE, changing)).verdict
    assert "The score D itself tells dependent pairs from others better than chance" in verdict
    assert "Where dependent means that the other's token changes, it flags the wrong pairs" in verdict
    assert "I ≥ 0.1" not in verdict


def test_a_few_pairs_are_too_few() -> None:
    assert "Too few pairs" in conflicts.conclude(pairs(FLAGGED, each=1)).verdict
    assert "Too few prompts or dependent pairs" in conflicts.conclude(pairs(FREE, each=5)).verdict


# Which pairs are looked at


@pytest.fixture(scope="module")
def trace(llada: depcap.Model) -> Trace:
    params = {"min_size": 12, "max_size": 12, "tau_low": 0.3, "tau_high": 0.7}
    result = depcap.generate(
        llada, [[1, 2, 3, 4]], gen_length=40, stop="run_to_end", record="scores", **params
    )[0]
    assert result.trace is not None
    return result.trace


def test_the_pairs_are_of_the_rules_own_candidates(llada: depcap.Model, trace: Trace) -> None:
    rows = {row["step"]: row for row in trace.rows()}
    assert any(confidence < 0.5 for row in rows.values() for confidence in row["confidence"])
    for row in rows.values():
        assert candidates(row, 0.3, len(trace.header.prompt_ids) + 40) == row["candidates"]
    found = conflicts.measure(llada, Decode("elsewhere", trace, 0))
    assert found
    assert any(pair["confidence"] < 0.5 for pair in found)
    for pair in found:
        assert 0 < pair["covered"] <= 1
        assert {pair["i"], pair["j"]} <= set(rows[pair["step"]]["candidates"])


def test_nothing_beyond_the_end_token_is_looked_at(llada: depcap.Model, trace: Trace) -> None:
    tokens = [*trace.header.tokens[:10], trace.header.end_ids[0], *trace.header.tokens[11:]]
    short = replace(trace, header=trace.header.model_copy(update={"tokens": tokens}))
    found = conflicts.measure(llada, Decode("elsewhere", short, 0))
    assert found
    assert max(pair["j"] for pair in found) <= len(trace.header.prompt_ids) + 10


@pytest.mark.parametrize(
    "changed",
    [
        {"cache": "dpad"}, {"cache": "dual"}, {"stop": "eotp"}, {"params": {"guidance": 1.5}},
        {"temperature": 0.5},
    ],
)  # fmt: skip
def test_decodes_whose_rule_cannot_be_computed_anew_are_refused(
    llada: depcap.Model, trace: Trace, changed: dict[str, object]
) -> None:
    other = replace(trace, header=trace.header.model_copy(update=changed))
    with pytest.raises(DepcapError):
        conflicts.measure(llada, Decode("elsewhere", other, 0))
