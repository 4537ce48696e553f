"""Where blocks end and by which signal: openings whose text, sizes and chances are known."""

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import boundaries, signals, sizes, statistics
from analysis.additivity import log_probs, sampled
from analysis.endings import ends, structure
from analysis.signals import (
    AGAIN,
    ENTROPY,
    EXACT,
    JOINT,
    JOINT_REACH,
    NEAR,
    TRUNCATED,
    Length,
    SignalBlock,
    curve,
    length_from,
)
from depcap.boundary import InfluenceBlock
from depcap.models.toy import markov_chain

PROMPTS = 20


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "CLUSTER_RESAMPLES", 200)


# Ends of the text


def response(*pieces: str) -> Any:
    """A trace as far as the ends of its text go: a prompt of ten tokens, then these pieces."""
    header = SimpleNamespace(
        prompt_ids=[0] * 10, tokens=list(range(len(pieces))), pieces=dict(enumerate(pieces)),
        response_length=len(pieces) - 1,
    )  # fmt: skip
    return SimpleNamespace(header=header)


def test_a_calculation_step_is_a_line_and_a_sentence_may_end_inside() -> None:
    found = ends(response("Tom", ".", "5", ".", "\n", "6", "<end>"), "arithmetic")
    assert found == {"calculation step": [15], "sentence": [12, 14, 15]}


def test_code_has_lines_but_no_sentences() -> None:
    assert ends(response("a", ".", "append", "\n", "return", "<end>"), "python") == {"line of code": [14]}


def test_of_other_texts_only_lines_are_known() -> None:
    assert ends(response("a", ".", "\n", "<end>"), None) == {"line": [13]}


# Structure


def opened(*openings: dict[str, dict[str, int]], room: tuple[int, ...] = (20, 20)) -> pd.DataFrame:
    """Every prompt has one decode and one opening; the prompts take turns with these openings' sizes."""
    return pd.DataFrame(
        {
            "prompt": prompt, "decode": f"d{prompt}", "task": "arithmetic", "block": 1, "start": 10,
            "signal": signal, "size": size, "room": room[prompt % len(openings)],
        }
        for prompt in range(PROMPTS)
        for signal, size in openings[prompt % len(openings)].items()
    )  # fmt: skip


def units(*places: list[int], unit: str = "calculation step") -> pd.DataFrame:
    return pd.DataFrame(
        {"decode": f"d{prompt}", "task": "arithmetic", "unit": unit, "places": places[prompt % len(places)]}
        for prompt in range(PROMPTS)
    )


TEXTS = units([14, 18], [12, 18])
SIZES = (
    {TRUNCATED: 4, ENTROPY: 3, "mean size": 4},
    {TRUNCATED: 2, ENTROPY: 3, "mean size": 4},
)


def test_chance_is_what_the_signals_own_sizes_would_give_in_any_order() -> None:
    table = structure(opened(*SIZES), TEXTS).set_index("signal")
    assert table.loc[TRUNCATED, ["ends with it", "chance", "beyond chance"]].tolist() == [1, 0.5, 0.5]
    # one size everywhere can be dealt in one way only: chance is what it does
    assert table.loc["mean size", ["ends with it", "chance", "beyond chance"]].tolist() == [0.5, 0.5, 0]
    assert table.loc[ENTROPY, ["ends with it", "chance"]].tolist() == [0, 0]
    assert table.loc[ENTROPY, ["within 1", "chance within 1"]].tolist() == [1, 1]


def test_signals_stand_beside_entropy_only_in_pairs() -> None:
    table = structure(opened(*SIZES), TEXTS).set_index("signal")
    of_entropy = [f"beyond entropy only{end}" for end in ("", ", low", ", high")]
    assert table.loc[TRUNCATED, of_entropy].tolist() == [0.5, 0.5, 0.5]
    assert table.loc["mean size", of_entropy].tolist() == [0, 0, 0]
    assert table.loc[ENTROPY, of_entropy].isna().all()


def test_all_signals_are_held_to_the_same_openings() -> None:
    long = ({TRUNCATED: 4, ENTROPY: 30, "mean size": 4}, SIZES[1])
    table = structure(opened(*long), TEXTS)
    assert table["openings"].tolist() == [PROMPTS / 2] * 3
    assert table.set_index("signal").loc[TRUNCATED, ["ends with it", "chance"]].tolist() == [1, 1]


def test_a_size_that_would_end_after_the_response_is_not_dealt() -> None:
    short = ({TRUNCATED: 5, ENTROPY: 1}, {TRUNCATED: 2, ENTROPY: 1})
    table = structure(opened(*short, room=(20, 3)), units([12], [12])).set_index("signal")
    # where there is room for both, half of the sizes end with it; where there is room for two, all
    assert table.loc[TRUNCATED, "chance"] == 0.75


def test_every_unit_of_a_task_has_its_own_rows() -> None:
    both = pd.concat([TEXTS, units([10], [10], unit="sentence")])
    table = structure(opened(*SIZES), both)
    assert table.groupby("unit", sort=False).size().to_dict() == {"calculation step": 3, "sentence": 3}
    assert set(table["task"]) == {"arithmetic"}
    no_text = structure(opened(*SIZES), units([], []))
    assert (no_text["ends with it"] == 0).all()


# Sizes


def test_a_length_keeps_what_was_wanted_and_whether_a_limit_gave_the_size() -> None:
    falling, flat, calm = np.arange(9.0, -1, -1), np.ones(10), np.zeros(10)
    # smoothed, the first six of a falling curve are not below its median
    assert length_from(falling, calm, InfluenceBlock(2, 20), 10) == Length(6, 6, False)
    assert length_from(falling, calm, InfluenceBlock(8, 20), 10) == Length(6, 8, True)
    assert length_from(falling, calm, InfluenceBlock(6, 20), 10) == Length(6, 6, False)
    assert length_from(falling, flat * np.inf, InfluenceBlock(8, 20), 5) == Length(0, 5, True)


def test_j_is_drawn_again_from_other_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []

    def noted(*arguments: Any) -> Any:
        found.append(sampled(*arguments))
        return found[-1]

    monkeypatch.setattr(signals, "sampled", noted)
    model = markov_chain(4, 1.0, 0)
    canvas = [0, 1, *[model.mask_id] * 6]
    before = [model.mask_id] * 8
    rule = SignalBlock(InfluenceBlock(1, 4), TRUNCATED, model, 4, 7)
    rule.lengths(canvas, before, 2, (TRUNCATED, JOINT))
    assert len(found) == 1
    rule.lengths(canvas, before, 2, (JOINT, AGAIN))
    once, same, again = (one.joint.tolist() for one in found)
    assert once == same != again


def test_j_and_a_are_compared_on_one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    model = markov_chain(4, 1.0, 0)
    after = [0, 1, *[model.mask_id] * (JOINT_REACH + 30)]
    before = [model.mask_id] * len(after)
    rule = SignalBlock(InfluenceBlock(1, 60), TRUNCATED, model, 2, 7)
    window = list(range(2, 2 + JOINT_REACH))
    now, then = log_probs(model, [after, before], window)
    additive = curve(NEAR, now, then, 64)
    for scale in (1.0, 0.1, 10.0):
        monkeypatch.setattr(
            signals, "sampled", lambda *_, scale=scale: SimpleNamespace(joint=scale * additive)
        )
        found = rule.lengths(after, before, 2, (NEAR, JOINT))
        assert found[NEAR] == found[JOINT]


def test_j_in_charge_stands_beside_a_on_its_window_too() -> None:
    table = boundaries.swapped_in(pd.concat([DECODED, decodes(NEAR, 16, True)]))
    beside = table[table.against == NEAR]
    assert beside[["signal", "NFE ratio"]].to_numpy().tolist() == [[JOINT, 1.25]]


def test_the_table_is_corrected_for_the_number_of_signals() -> None:
    table = boundaries.swapped_in(DECODED).set_index("signal")
    assert table.loc[ENTROPY, "p, Holm"] == pytest.approx(2 * table.loc[ENTROPY, "p"])
    assert table.loc[JOINT, "p of NFE, Holm"] == pytest.approx(2 * table.loc[JOINT, "p of NFE"])
    assert np.isnan(table.loc[TRUNCATED, "p, Holm"])


def sized(*openings: dict[str, Length], each: int = 1) -> pd.DataFrame:
    """Every prompt has two decodes, whose openings take turns."""
    return pd.DataFrame(
        {"prompt": decode // 2, "decode": f"d{decode}", "block": 1, "signal": signal, **asdict(length)}
        for decode in range(2 * PROMPTS)
        for signal, length in openings[decode // 2 % len(openings)].items()
    )


def free(**wanted: int) -> dict[str, Length]:
    names = {"top": (TRUNCATED,), "a": (EXACT, NEAR), "j": (JOINT,), "again": (AGAIN,)}
    return {name: Length(size, size, False) for key, size in wanted.items() for name in names[key]}


CLAMPED = {
    TRUNCATED: Length(3, 8, True), EXACT: Length(2, 8, True), NEAR: Length(2, 8, True),
    JOINT: Length(6, 8, True), AGAIN: Length(6, 8, True),
}  # fmt: skip
"""All at the least size, and none wanted it."""


def test_sizes_that_only_a_limit_makes_equal_are_told_apart() -> None:
    table = sizes.agreement(sized(CLAMPED, free(top=9, a=9, j=10, again=10)))
    table = table.set_index(["signal", "against", "of"])
    at = table.sort_index().loc[(JOINT, EXACT)]
    assert at["openings"].to_dict() == {sizes.ALL: 40, sizes.FREE: 20, sizes.WANTED: 40}
    assert at["same"].to_dict() == {sizes.ALL: 0.5, sizes.FREE: 0, sizes.WANTED: 0}
    assert at["within 1"].to_dict() == {sizes.ALL: 1, sizes.FREE: 1, sizes.WANTED: 0.5}
    assert at["within 4"].to_dict() == {sizes.ALL: 1, sizes.FREE: 1, sizes.WANTED: 1}
    assert at.loc[sizes.ALL, "same, low"] < 0.5 < at.loc[sizes.ALL, "same, high"]
    assert at.loc[sizes.ALL, "within 4, low"] == pytest.approx(0.839, abs=1e-3)  # of 20 prompts, not 40


def test_truncation_is_no_disagreement_of_j_and_a() -> None:
    table = sizes.agreement(sized(free(top=12, a=9, j=9, again=9))).set_index(["signal", "against", "of"])
    assert table.loc[(JOINT, EXACT, sizes.ALL), "same"] == 1
    assert table.loc[(JOINT, TRUNCATED, sizes.ALL), "same"] == 0


def test_how_long_and_how_often_clamped_is_counted_by_signal() -> None:
    table = sizes.by_signal(sized(CLAMPED, free(top=9, a=9, j=10, again=10))).set_index("signal")
    assert table.loc[JOINT].tolist() == [40, 9, 8, 0.5]
    assert table.columns.tolist() == ["openings", "mean size", "mean wanted", "clamped"]


SAMPLING = free(top=9, a=9, j=9, again=12), free(top=9, a=9, j=12, again=12)
SURE = free(top=9, a=9, j=9, again=9), free(top=9, a=9, j=12, again=12)


def test_j_is_held_to_a_and_to_itself_drawn_again() -> None:
    noisy, sure = (sizes.instead(sized(*openings)).set_index("of") for openings in (SAMPLING, SURE))
    for what in (sizes.ALL, sizes.FREE, sizes.WANTED):
        assert noisy.loc[what, ["as A", "as J drawn again", "difference"]].tolist() == [0.5, 0.5, 0]
        assert sure.loc[what, ["as A", "as J drawn again", "difference"]].tolist() == [0.5, 1, -0.5]
        assert noisy.loc[what, "difference, low"] < 0 < noisy.loc[what, "difference, high"]
        assert sure.loc[what, "difference, high"] < 0


def test_what_is_said_of_j_follows_from_both() -> None:
    noisy, sure = (sizes.sentence(sizes.instead(sized(*openings))) for openings in (SAMPLING, SURE))
    assert noisy.endswith("no change beyond sampling shows.")
    assert sure.endswith("more than sampling changes.")
    assert "of 40 openings" in sure
    assert "nan" not in sizes.sentence(sizes.instead(sized(CLAMPED)))


# Swaps and the verdict


def decodes(signal: str, nfe: int, right: bool) -> pd.DataFrame:
    """Every prompt was decoded twice."""
    return pd.DataFrame(
        {
            "kind": "decode", "prompt": decode // 2, "decode": f"d{decode}", "task": "arithmetic",
            "signal": signal, "nfe": nfe, "blocks": 4, "right": right and decode > 0,
        }
        for decode in range(2 * PROMPTS)
    )  # fmt: skip


DECODED = pd.concat([decodes(TRUNCATED, 10, True), decodes(JOINT, 20, True), decodes(ENTROPY, 10, False)])


def test_decodes_are_paired_one_to_one_with_depcaps_own() -> None:
    table = boundaries.swapped_in(DECODED).set_index("signal")
    assert table["problems"].tolist() == [40, 40, 40]
    assert table["NFE ratio"].tolist() == [1, 2, 1]
    assert table["accuracy"].tolist() == [39 / 40, 39 / 40, 0]
    assert table.loc[JOINT, ["difference", "p"]].tolist() == [0, 1]
    assert table.loc[ENTROPY, "difference"] == -39 / 40
    assert table.loc[ENTROPY, "p"] < 1e-6


def study_rows(*openings: dict[str, Length]) -> pd.DataFrame:
    """Openings at 10 of texts with a step after every ninth position."""
    at = sized(*openings).assign(kind="opening", task="arithmetic", start=10, room=30)
    text = pd.DataFrame({"kind": "unit", "task": "arithmetic", "unit": "calculation step", "places": [[19]]})
    texts = text.merge(at[["prompt", "decode"]].drop_duplicates(), how="cross")
    return pd.concat([at, texts, DECODED], ignore_index=True)


def with_entropy(size: int, **wanted: int) -> dict[str, Length]:
    return {**free(**wanted), ENTROPY: Length(size, size, False)}


def test_the_verdict_follows_from_the_tables() -> None:
    took_turns = with_entropy(9, top=9, a=9, j=9, again=9), with_entropy(8, top=8, a=9, j=9, again=9)
    verdict = boundaries.conclude(study_rows(*took_turns)).verdict
    assert "the size stays the same at 100% (84% to 100%) of 40 openings" in verdict
    assert "no change beyond sampling shows" in verdict
    assert "with a calculation step no more or less often than may be chance" in verdict
    assert "(50% against 50% at 40 of 40 openings)" in verdict
    assert "No signal on DepCap's window is shown to change the number of forwards" in verdict
    assert "The accuracy changes most with entropy only (-97.5 points" in verdict


def test_of_few_prompts_no_verdict_is_given() -> None:
    rows = study_rows(with_entropy(9, top=9, a=9, j=9, again=9))
    few = boundaries.conclude(rows[rows.prompt < 5])
    assert few.verdict == "Too few blocks to tell (10 of 5 prompts)."
