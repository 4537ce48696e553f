"""Studies: decodes are recorded, measured, concluded, and everything behind a verdict is in a table."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

import depcap
from analysis import rows as kept_rows
from analysis import statistics
from analysis.blocks import LEFT_TO_RIGHT, Plan
from analysis.calibration import expected_error, histories, proposals_that_waited, right_before_unmasked
from analysis.dependence import dependence
from analysis.efficiency import efficiency, per_step
from analysis.findings import emphasised, folded, slug, write, write_page
from analysis.openings import openings
from analysis.rows import Row
from analysis.signals import CURVES, ENTROPY, EXACT, TRUNCATED
from analysis.statistics import separation
from analysis.strata import holm
from analysis.studies import STUDIES, choose_study, plan
from analysis.study import Decode, Study, measure, record, recorded, settings
from analysis.swaps import depcap_rule, swapped, swaps
from depcap import DepcapError
from depcap.models.toy import common_cause, exclusive_or, independent
from depcap.protocols import BoundaryPolicy
from depcap.request import Settings
from depcap.trace import Header, Trace, load

LIMIT, SETTINGS = 6, Settings(gen_length=40, params={"min_size": 4, "max_size": 12})
EXPLAINED = (Path(__file__).parents[1] / "docs" / "tables.md").read_text(encoding="utf-8")
QUICK = Plan((2, 4), (LEFT_TO_RIGHT, "random"), samples=2)


def ignore(_done: int) -> None:
    pass


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "CLUSTER_RESAMPLES", 20)
    monkeypatch.setattr(statistics, "RESAMPLES", 20)
    monkeypatch.setattr(statistics, "ENOUGH_PROMPTS", 3)


@pytest.fixture(scope="module")
def paths(text_model: depcap.Model, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Traces of the first problems, decoded by a random model with the bundled tokenizer."""
    folder = tmp_path_factory.mktemp("traces")
    return record(text_model, "arithmetic", LIMIT, SETTINGS, folder, 4, ignore)


@pytest.fixture(scope="module")
def trace(paths: list[Path]) -> Trace:
    return next(trace for trace in map(load, paths) if openings(trace))


# Recording and measuring


def test_decodes_are_recorded_once(text_model: depcap.Model, paths: list[Path]) -> None:
    before = [path.stat().st_mtime_ns for path in paths]
    again = record(text_model, "arithmetic", LIMIT, SETTINGS, paths[0].parent, 4, ignore)
    assert again == paths == recorded(paths[0].parent)
    assert [path.stat().st_mtime_ns for path in paths] == before


def test_traces_of_another_decode_are_refused(text_model: depcap.Model, paths: list[Path]) -> None:
    with pytest.raises(DepcapError, match="another decode"):
        record(text_model, "arithmetic", 1, Settings(gen_length=48), paths[0].parent, 4, ignore)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_measures_concludes_and_writes(
    text_model: depcap.Model, paths: list[Path], tmp_path: Path, name: str
) -> None:
    study = choose_study(name, QUICK)
    rows = measure(study, text_model, paths, tmp_path / "measured.jsonl", 0, ignore)
    finding = study.finding(rows)
    report = write(study, finding, rows, tmp_path / "out", "Six problems.").read_text()
    assert emphasised(finding.verdict) in report
    assert study.terms
    assert study.terms in report
    assert all(
        f"## {title}\n\n{study.hints[title]}\n" in report for title in {**finding.tables, **finding.figures}
    )
    for title, table in finding.tables.items():
        pd.testing.assert_frame_equal(
            pd.read_parquet(tmp_path / "out" / f"{name}-{slug(title)}.parquet"), table, check_dtype=False
        )
    for title in finding.figures:
        assert (tmp_path / "out" / f"{name}-{slug(title)}.html").exists()
    written = pd.read_parquet(tmp_path / "out" / f"{name}.parquet")
    assert len(written) == len(rows)
    assert [column for column in written if f"`{column}`" not in EXPLAINED] == []


def test_a_figures_page_is_the_same_every_time(tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        write_page(go.Figure(go.Scatter(y=[1, 2])), tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def noting(study: Study) -> tuple[Study, list[str]]:
    """The same study, and the names of the decodes that it measures."""
    asked: list[str] = []

    def measure_one(model: depcap.Model, decode: Decode) -> list[Row]:
        asked.append(decode.name)
        return study.measure(model, decode)

    return replace(study, measure=measure_one), asked


def test_a_stopped_study_goes_on(text_model: depcap.Model, paths: list[Path], tmp_path: Path) -> None:
    study, journal = choose_study("additivity", QUICK), tmp_path / "measured.jsonl"
    noted, asked = noting(study)
    first = measure(study, text_model, paths[:2], journal, 0, ignore)
    whole = measure(noted, text_model, paths[:3], journal, 0, ignore)
    assert asked == [paths[2].stem]
    pd.testing.assert_frame_equal(whole[whole.decode.isin(first.decode)].reset_index(drop=True), first)
    with pytest.raises(DepcapError, match="another run"):
        measure(choose_study("additivity", Plan((3,))), text_model, paths, journal, 0, ignore)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_goes_on_from_its_table_where_only_that_is_left(
    text_model: depcap.Model, paths: list[Path], tmp_path: Path, name: str
) -> None:
    study = choose_study(name, QUICK)
    rows = measure(study, text_model, paths[:3], None, 0, ignore)
    write(study, study.finding(rows), rows, tmp_path, "Three problems.")
    again = record(text_model, "arithmetic", 3, SETTINGS, tmp_path / "traces", 2, ignore)
    measured = set(rows["decode"])
    noted, asked = noting(study)
    found = measure(noted, text_model, again, tmp_path / f"{name}.jsonl", 0, ignore)
    pd.testing.assert_frame_equal(found, rows, check_dtype=False)
    assert set(asked) == {path.stem for path in again} - measured  # those without rows are not in the table
    with pytest.raises(DepcapError, match="another run"):
        measure(study, text_model, again, tmp_path / f"{name}.jsonl", 1, ignore)
    (tmp_path / f"{name}.jsonl").unlink()
    with pytest.raises(DepcapError, match="another run"):
        measure(study, text_model, again, tmp_path / f"{name}.jsonl", 1, ignore)


def test_a_file_that_is_no_table_is_refused_and_an_empty_table_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "damaged.parquet").write_text("no Parquet")
    with pytest.raises(DepcapError, match="no table of a study"):
        kept_rows.read(tmp_path / "damaged.parquet", {})
    kept_rows.table([], {"study": "x"}).to_parquet(tmp_path / "empty.parquet")
    assert kept_rows.read(tmp_path / "empty.parquet", {"study": "x"}) == []


def test_every_row_says_how_its_decode_was_made(
    text_model: depcap.Model, paths: list[Path], tmp_path: Path
) -> None:
    study, journal = choose_study("calibration", QUICK), tmp_path / "m.jsonl"
    for rows in (measure(study, text_model, paths[:1], journal, 0, ignore) for _ in range(2)):
        (told,) = rows["settings"].unique()
        assert Settings(**json.loads(told)) == settings(load(paths[0]).header)


def test_a_journal_is_of_its_traces(text_model: depcap.Model, paths: list[Path], tmp_path: Path) -> None:
    study, journal, folder = choose_study("calibration", QUICK), tmp_path / "m.jsonl", tmp_path / "other"
    measure(study, text_model, paths[:1], journal, 0, ignore)
    other = record(text_model, "arithmetic", 1, Settings(gen_length=24), folder, 1, ignore)
    with pytest.raises(DepcapError, match="another arithmetic-0000"):
        measure(study, text_model, other, journal, 0, ignore)
    twice = measure(study, text_model, [*paths[:1], *paths[:1]], journal, 0, ignore)
    assert not twice.duplicated(["decode", "position"]).any()


@pytest.mark.parametrize("name", STUDIES)
def test_of_nothing_nothing_is_concluded(name: str) -> None:
    assert "Nothing to tell" in choose_study(name, QUICK).finding(pd.DataFrame()).verdict


@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_few_blocks_are_too_few(text_model: depcap.Model, paths: list[Path], blocks: int) -> None:
    study = choose_study("additivity", QUICK)
    rows = measure(study, text_model, paths, None, 0, ignore)
    keys = rows[["decode", "block"]].drop_duplicates().head(blocks)
    few = rows.merge(keys, on=["decode", "block"]) if blocks else rows.assign(joint=0.0, additive=0.0)
    assert "Too few blocks" in study.finding(few).verdict


def test_traces_of_other_weights_are_refused(llada: depcap.Model, paths: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DepcapError, match="other weights"):
        measure(choose_study("calibration", QUICK), llada, paths, None, 0, ignore)


@pytest.mark.parametrize(
    ("sizes", "orders", "samples", "said"),
    [
        ("0", LEFT_TO_RIGHT, 4, "sizes"),
        ("four", LEFT_TO_RIGHT, 4, "sizes"),
        ("4", "up", 4, "order"),
        ("4", "random", 4, "left-to-right"),
        ("4", LEFT_TO_RIGHT, 1, "samples"),
    ],
)
def test_a_plan_that_cannot_be_is_one_line(sizes: str, orders: str, samples: int, said: str) -> None:
    with pytest.raises(DepcapError, match=said):
        plan(sizes, orders, samples)


# Dependence


def test_dependence_is_zero_where_there_is_none_and_ln_2_where_one_decides_the_other() -> None:
    mask = common_cause().mask_id
    alone = dependence(independent(), [mask] * independent().joint.ndim, [0, 1], 2)
    np.testing.assert_allclose(alone.information[0, 1], 0, atol=1e-9)
    joined = dependence(common_cause(), [mask] * 3, [1, 2], 2)
    np.testing.assert_allclose(joined.information[0, 1], np.log(2), atol=1e-9)
    np.testing.assert_allclose(joined.information.T, joined.information, atol=1e-9)
    pairwise = dependence(exclusive_or(), [mask] * 3, [0, 1, 2], 2)
    np.testing.assert_allclose(pairwise.information[~np.eye(3, dtype=bool)], 0, atol=1e-9)


def test_revealing_a_common_cause_changes_the_others_token() -> None:
    mask = common_cause().mask_id
    found = dependence(common_cause(), [mask] * 3, [1, 2], 2)
    assert found.tokens[0] == found.tokens[1]
    assert not found.flips[0, 1]  # what is revealed is the token that the other says too


def test_separation_is_the_share_of_pairs_in_the_right_order() -> None:
    truth = np.array([1.0, 1.0, 0.0, 0.0])
    assert separation(np.array([4.0, 3, 2, 1]), truth) == 1
    assert separation(np.array([1.0, 2, 3, 4]), truth) == 0
    assert separation(np.array([4.0, 1, 2, 1]), truth) == pytest.approx((2 + 0.5) / 4)
    assert np.isnan(separation(np.ones(4), np.ones(4)))


# Signals


def test_the_truncated_signal_is_depcaps(text_model: depcap.Model, trace: Trace) -> None:
    rule = depcap_rule(text_model, trace, 2, 0)
    said = {row["block"]: row for row in trace.rows() if row["opened"]}
    for opening in openings(trace):
        found = rule.lengths(opening.after, opening.before, opening.start, (TRUNCATED,))[TRUNCATED]
        assert (found.wanted, found.size) == (said[opening.index]["wanted"], opening.size)
        assert found.clamped or said[opening.index]["clamp"] is None


def test_depcaps_own_signal_in_charge_is_the_decode_itself(text_model: depcap.Model, trace: Trace) -> None:
    header = trace.header
    again = swapped(text_model, header, depcap_rule(text_model, trace, 2, 0))
    assert (again.tokens, again.text, again.nfe) == (header.tokens, header.text, header.nfe)
    assert again.block_sizes == header.block_sizes
    assert again.response_length == header.response_length


def test_depcaps_own_signal_is_not_decoded_again(
    text_model: depcap.Model, trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def noted(_model: depcap.Model, header: Header, boundary: BoundaryPolicy) -> Header:
        asked.append(boundary)
        return header

    monkeypatch.setattr("analysis.swaps.swapped", noted)
    found = swaps(text_model, Decode("elsewhere", trace, 0), depcap_rule(text_model, trace, 2, 0))
    rows = {row["signal"]: row for row in found}
    assert set(CURVES) < set(rows)
    assert len(asked) == len(rows) - 1
    assert rows[TRUNCATED]["nfe"] == trace.header.nfe
    assert rows[TRUNCATED]["right"] is None


def test_the_exact_signal_is_the_truncated_one_that_keeps_every_token(
    text_model: depcap.Model, trace: Trace
) -> None:
    rule, opening = depcap_rule(text_model, trace, 2, 0), openings(trace)[0]
    exact = rule.lengths(opening.after, opening.before, opening.start, (EXACT, ENTROPY))[EXACT]
    everything = replace(rule, rule=replace(rule.rule, top_k=10_000))
    wide = everything.lengths(opening.after, opening.before, opening.start, (TRUNCATED,))
    assert exact == wide[TRUNCATED]


@pytest.mark.parametrize("name", ["boundaries", "conflicts"])
def test_decodes_with_draws_are_refused_where_they_are_to_be_made_again(
    text_model: depcap.Model, trace: Trace, name: str
) -> None:
    drawn = Trace(trace.header.model_copy(update={"temperature": 0.5}), trace.steps)
    with pytest.raises(DepcapError, match=f"temperature 0.5: {name} are studied on decodes without draws"):
        choose_study(name, QUICK).measure(text_model, Decode("elsewhere", drawn, 0))


# Calibration


def test_a_history_ends_with_what_was_unmasked(trace: Trace) -> None:
    for history in histories(trace):
        assert history.right[-1]
        assert history.unmasked[-1]
        assert not any(history.unmasked[:-1])  # nothing is masked again by depcap
        assert len(history.right) == len(history.confidence) == len(history.unmasked)


def test_only_proposals_that_waited_are_held_to_their_confidence() -> None:
    rows = pd.DataFrame(
        {
            "prompt": ["a", "a"], "decode": ["d", "d"], "task": ["t", "t"], "position": [3, 4],
            "confidence": [[0.2, 0.9], [0.8]], "right": [[False, True], [True]],
            "unmasked": [[False, True], [True]],
        }
    )  # fmt: skip
    waited = proposals_that_waited(rows)
    assert waited[["position", "confidence", "right"]].to_numpy().tolist() == [[3, 0.2, False]]


@pytest.mark.parametrize(
    ("right", "steps"),
    [([True], 0), ([False, True], 0), ([True, True, True], 2), ([True, False, True, True], 1)],
)
def test_a_token_is_right_from_its_last_change_on(right: list[bool], steps: int) -> None:
    assert right_before_unmasked(right) == steps


def test_the_calibration_error_of_the_calibrated_is_nothing() -> None:
    confidence = np.array([0.75] * 4)
    assert expected_error(confidence, np.array([1.0, 1, 1, 0])) == 0
    assert expected_error(confidence, np.ones(4)) == pytest.approx(0.25)
    assert np.isnan(expected_error(np.array([]), np.array([])))


def test_holms_correction_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, None, 0.9])[::2] == pytest.approx([1.0, 1.0])


# Efficiency


def test_every_forward_and_every_position_is_counted(trace: Trace) -> None:
    row = efficiency({"one": trace}).iloc[0]
    steps = per_step(trace)
    assert row["NFE"] == len(steps) == trace.header.nfe
    assert steps["unmasked"].sum() == len(trace.header.tokens)
    assert row["positions computed"] == steps["computed"].sum()
    assert 0 <= row["one-token steps"] <= 1


# The command


def test_the_command_writes_a_report(
    run_cli: Callable[..., tuple[int, str, str]], text_folder: Path, tmp_path: Path
) -> None:
    arguments = ("--model", str(text_folder), "--limit", "2", "--task", "arithmetic", "--gen-length", "24")
    out = tmp_path / "out"
    code, said, _ = run_cli("analyze", "calibration", *arguments, "--out", str(out))
    assert code == 0
    assert "Too few proposals" in " ".join(said.split())
    assert json.loads((out / "calibration.jsonl").read_text().splitlines()[0])["study"] == "calibration"
    report = (out / "calibration.md").read_text()
    for told in (
        "command: `depcap analyze",
        "tasks: arithmetic (the first 2 ",
        "dtype: float32",
        "weights: `",
    ):
        assert f"- {told}" in report
    again = ("--model", str(text_folder), "--traces", str(out / "traces"), "--out", str(tmp_path / "again"))
    code, *_ = run_cli("analyze", "calibration", *again)
    assert code == 0
    assert (tmp_path / "again" / "calibration.md").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("astrology",), "unknown question"),
        (("additivity", "--traces", "nowhere"), "holds no traces"),
        (("additivity", "--traces", "nowhere", "--limit", "3"), "--limit is of decoding"),
    ],
)
def test_what_cannot_be_analysed_is_one_line(
    run_cli: Callable[..., tuple[int, str, str]], tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    code, _, err = run_cli("analyze", *arguments, "--out", str(tmp_path))
    assert (code, err.count("\n")) == (2, 1)
    assert said in err


def test_a_folder_that_cannot_be_made_is_one_line(
    run_cli: Callable[..., tuple[int, str, str]], text_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out"
    options = ("--model", str(text_folder), "--limit", "1", "--gen-length", "8", "--out", str(out))
    code, _, err = run_cli("analyze", "calibration", *options)
    assert (code, err.count("\n")) == (2, 1)
    assert "Not a directory" in err


def test_a_report_shows_an_interval_beside_what_it_is_of() -> None:
    table = pd.DataFrame(
        {
            "signal": ["D", "E", "F"], "AUC": [0.75, 0.5, np.nan], "AUC, low": [0.6, np.nan, np.nan],
            "AUC, high": [0.9, np.nan, np.nan], "ratio": [2.0, 1.0, 3.0], "low": [1.5, 0.25, 1.0],
            "high": [2.5, 4.0, 9.0], "pairs": [3, 4, 5],
        }
    )  # fmt: skip
    shown = folded(table)
    assert list(shown) == ["signal", "AUC", "ratio", "pairs"]
    assert shown["AUC"].fillna("unknown").tolist() == ["0.75 (0.6 to 0.9)", "0.5", "unknown"]
    assert shown["ratio"].tolist() == ["2 (1.5 to 2.5)", "1 (0.25 to 4)", "3 (1 to 9)"]
    assert shown["pairs"].tolist() == [3, 4, 5]
