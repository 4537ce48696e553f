"""The additivity tab: its payload, what a clicked point means, and which uploads are let in."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import depcap
from analysis import statistics
from analysis.blocks import LEFT_TO_RIGHT, Plan, measure
from analysis.lab import lab_payload
from analysis.openings import openings
from app import lab, session, uploads
from app.presets import MODELS
from app.uploads import uploaded
from depcap import DepcapError
from scripts import publish_studies


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, text_model: depcap.Model, tmp_path: Path) -> None:
    monkeypatch.setattr(statistics, "CLUSTER_RESAMPLES", 20)
    monkeypatch.setattr(session, "model", lambda _name: text_model)
    monkeypatch.setattr(session, "RUNS", tmp_path)


@pytest.fixture(scope="module")
def trace(text_model: depcap.Model) -> depcap.Trace:
    result = depcap.generate(
        text_model, "Tom has 3 pens.\n", gen_length=40, stop="run_to_end", record="scores", max_size=12
    )[0]
    assert result.trace is not None
    return result.trace


@pytest.fixture(scope="module")
def rows(text_model: depcap.Model, trace: depcap.Trace) -> pd.DataFrame:
    plan = Plan((2, 4), (LEFT_TO_RIGHT, "random"), samples=2)
    return pd.DataFrame(
        {"decode": "arithmetic-0003", "prompt": "a", "task": "arithmetic", **row}
        for opening in openings(trace)
        for row in measure(text_model.denoiser, opening, plan, 0)
    )


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, float) else []


def test_every_size_in_every_order_is_a_view(rows: pd.DataFrame) -> None:
    made = lab_payload(rows, "six problems")
    views = {(view["candidates"], view["order"]) for view in made["views"]}
    assert views == {(name, order) for name in ("2", "4", "chosen") for order in (LEFT_TO_RIGHT, "random")}
    assert made["views"][0]["candidates"] == "chosen"
    assert all("Too few blocks" in view["verdict"] for view in made["views"])


def test_the_payload_is_json_that_a_browser_reads(rows: pd.DataFrame) -> None:
    made = lab_payload(rows, "six problems")
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert all(math.isfinite(number) for number in numbers(made))
    for panel in [*made["shared"], *(panel for view in made["views"] for panel in view["panels"])]:
        assert all(len(row) == len(panel["columns"]) for row in panel["rows"])


def test_the_first_columns_say_which_block_a_point_is(rows: pd.DataFrame) -> None:
    points = lab_payload(rows, "six problems")["views"][0]["panels"][0]
    assert points["columns"][:3] == ["decode", "task", "block"]
    assert points["rows"][0][:3] == ["arithmetic-0003", "arithmetic", 1]


def test_a_point_is_named_for_its_problem_and_block(rows: pd.DataFrame) -> None:
    points = lab_payload(rows, "")["views"][0]["panels"][0]["figure"]["data"][1]["customdata"]
    prompt, block = lab.picked({"name": points[0]})
    assert block == 1
    assert isinstance(prompt, str)
    assert prompt


@pytest.mark.parametrize(
    "name", [None, 3, "x", "../../etc-0001, block 1", "python-9, block 1", "python-0001, block 1\n"]
)
def test_a_point_of_nothing_is_refused(name: Any) -> None:
    with pytest.raises(DepcapError, match="nothing to replay"):
        lab.picked({"name": name})


SETTINGS = {
    "method": "depcap", "cache": "none", "gen_length": 40, "stop": "run_to_end", "seed": 3,
    "temperature": 0.0, "params": {"max_size": 12, "gamma": "-inf"},
}  # fmt: skip


def test_a_clicked_problem_is_decoded_as_the_study_decoded_it(
    rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (lab, publish_studies):
        monkeypatch.setattr(module, "STUDIES", tmp_path / "published")
    for model in MODELS:
        (tmp_path / model).mkdir()
        table = rows.assign(settings=json.dumps(SETTINGS))
        table.to_parquet(tmp_path / model / "additivity.parquet")
    publish_studies.main([tmp_path])
    decoding = session.prepare("Tom has 3 pens.", MODELS[0], lab.settings(MODELS[0]))
    named = decoding.request.method
    assert (named.params["max_size"], named.params["gamma"], named.stop) == (12, -math.inf, "run_to_end")
    assert (decoding.request.settings.gen_length, decoding.request.settings.seed) == (40, 3)
    source = json.loads(lab.shipped(MODELS[0], "all").read_text())["source"]
    assert "decoded by depcap (max_size 12, gamma -inf; cache none, stop rule run_to_end, 40" in source
    table.loc[0, "settings"] = json.dumps({**SETTINGS, "seed": 4})
    table.to_parquet(tmp_path / MODELS[0] / "additivity.parquet")
    with pytest.raises(DepcapError, match="in 2 ways"):
        publish_studies.main([tmp_path])


def test_of_a_second_study_what_the_first_does_not_hold_is_published(
    rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (lab, publish_studies):
        monkeypatch.setattr(module, "STUDIES", tmp_path / "published")
    table = rows.assign(settings=json.dumps(SETTINGS))
    first, second = table[table.order == LEFT_TO_RIGHT], table.assign(joint=-1.0)
    for folder, part in (("one", first), ("two", second)):
        for model in MODELS:
            (tmp_path / folder / model).mkdir(parents=True)
            part.to_parquet(tmp_path / folder / model / "additivity.parquet")
    publish_studies.main([tmp_path / "one", tmp_path / "two"])
    views = json.loads(lab.shipped(MODELS[0], "all").read_text())["views"]
    assert {view["order"] for view in views} == set(table["order"])
    for view in views:
        points = view["panels"][0]
        joint = {row[points["columns"].index("joint")] for row in points["rows"]}
        assert (-1 in joint) == (view["order"] != LEFT_TO_RIGHT)


def test_shipped_results_say_how_their_decodes_were_made() -> None:
    for model in MODELS:
        assert lab.settings(model).gen_length <= session.MAX_GEN_LENGTH


def test_results_are_of_the_pages_models_and_tasks() -> None:
    assert lab.shipped("tiny-llada", "all").name == "tiny-llada-all.json"
    for model, task in (("../x", "all"), ("tiny-llada", "../x")):
        with pytest.raises(DepcapError, match="no results"):
            lab.shipped(model, task)


def test_an_upload_is_measured_and_its_points_replay_it(
    text_model: depcap.Model, trace: depcap.Trace, tmp_path: Path
) -> None:
    file = tmp_path / "mine.parquet"
    depcap.trace.save(trace, file)
    *lines, results = lab.measuring(uploaded(str(file), text_model), "tiny-llada")
    assert len(lines) == len(openings(trace))
    assert isinstance(results, Path)
    points = json.loads(results.read_text())["views"][0]["panels"][0]["figure"]["data"][1]["customdata"]
    payload, block = lab.picked({"name": points[0]})
    assert block == 1
    assert isinstance(payload, Path)
    assert json.loads(payload.read_text())["header"]["nfe"] == trace.header.nfe


def test_uploads_that_are_no_traces_of_the_model_are_refused(
    llada: depcap.Model, text_model: depcap.Model, trace: depcap.Trace, tmp_path: Path
) -> None:
    file = tmp_path / "x.parquet"
    file.write_bytes(b"PAR1 no, not really")
    with pytest.raises(DepcapError, match="no Parquet file"):
        uploaded(str(file), text_model)
    pq.write_table(pa.table({"x": [0] * (uploads.MAX_STEPS + 1)}), file)
    with pytest.raises(DepcapError, match="too large"):
        uploaded(str(file), text_model)
    pq.write_table(pa.table({"x": ["a" * uploads.MAX_BYTES] * 2}), file, compression="zstd")
    assert file.stat().st_size < 100_000
    with pytest.raises(DepcapError, match="too large"):
        uploaded(str(file), text_model)
    pq.write_table(pa.table({"x": [0]}), file)
    with pytest.raises(DepcapError, match=r"^this file is no trace"):
        uploaded(str(file), text_model)
    depcap.trace.save(trace, file)
    with pytest.raises(DepcapError, match="not decoded with"):
        uploaded(str(file), llada)


@pytest.mark.parametrize(
    "changed",
    [
        {"gen_length": -999_900}, {"gen_length": 10**6}, {"prompt_ids": []}, {"prompt_ids": [10**6]},
        {"prompt_ids": [5] * 1_000}, {"mask_id": 7}, {"tokens": [-1]}, {"prompt_ids": [5] * 200},
    ],
)  # fmt: skip
def test_uploads_whose_header_does_not_fit_are_refused(
    text_model: depcap.Model, trace: depcap.Trace, tmp_path: Path, changed: dict[str, Any]
) -> None:
    file = tmp_path / "x.parquet"
    depcap.trace.save(replace(trace, header=trace.header.model_copy(update=changed)), file)
    with pytest.raises(DepcapError, match="damaged"):
        uploaded(str(file), text_model)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[0] * (uploads.MAX_VALUES + 1)], pa.list_(pa.int32())),
        pa.array([["a" * 1_000] * (uploads.MAX_BYTES // 1_000 + 1)], pa.list_(pa.string())),
    ],
    ids=["one row of equal numbers", "one text meant often"],
)
def test_a_small_file_that_unfolds_to_a_large_one_is_not_unfolded(
    text_model: depcap.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: pa.Array
) -> None:
    file = tmp_path / "x.parquet"
    name = "reason" if column.type.value_type == pa.string() else "tokens"
    pq.write_table(pa.table({name: column}), file, compression="zstd")
    assert file.stat().st_size < 100_000
    monkeypatch.setattr(depcap.trace, "load", lambda _file: pytest.fail("it was unfolded"))
    with pytest.raises(DepcapError, match="too large"):
        uploaded(str(file), text_model)


@pytest.mark.parametrize("method", ["wino", "prophet", "klass", "dus"])
def test_traces_of_other_methods_are_sound_too(text_model: depcap.Model, tmp_path: Path, method: str) -> None:
    """Methods that take back, commit past their block, look further, or keep to an order."""
    made = depcap.generate(text_model, "ab", method, gen_length=40, record="distributions", block_size=8)[0]
    assert made.trace is not None
    depcap.trace.save(made.trace, tmp_path / "x.parquet")
    assert uploaded(str(tmp_path / "x.parquet"), text_model) == made.trace


def test_the_longest_trace_of_the_page_is_far_from_its_limits(
    text_model: depcap.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without blocks, one token a step, with everything that is recorded."""
    made = depcap.generate(
        text_model, "ab", "dream", gen_length=200, stop="run_to_end", record="distributions"
    )
    assert made[0].trace is not None
    depcap.trace.save(made[0].trace, tmp_path / "x.parquet")
    for limit in ("MAX_BYTES", "MAX_VALUES", "MAX_STEPS"):
        monkeypatch.setattr(uploads, limit, getattr(uploads, limit) // 3)
    assert uploaded(str(tmp_path / "x.parquet"), text_model) == made[0].trace


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("committed", lambda _row: None),
        ("remasked", lambda _row: None),
        ("start", lambda row: row["end"]),
        ("end", lambda row: row["start"]),
        ("opened", lambda _row: True),
        ("positions", lambda _row: [None]),
        ("committed_tokens", lambda row: [*row["committed_tokens"], 5]),
        ("seconds", lambda _row: None),
        ("tokens", lambda row: row["tokens"][:-1]),
    ],
)
def test_uploads_whose_steps_make_no_sense_are_refused(
    text_model: depcap.Model, trace: depcap.Trace, tmp_path: Path, name: str, damage: Any
) -> None:
    """A block that opens twice, or is empty, has no last block that could be measured."""
    rows = trace.rows()
    for place, row in enumerate(rows):
        rows[place] = {**row, name: damage(row)}
    file = tmp_path / "x.parquet"
    depcap.trace.save(replace(trace, steps=pa.Table.from_pylist(rows, trace.steps.schema)), file)
    with pytest.raises(DepcapError, match="damaged"):
        uploaded(str(file), text_model)


def test_a_trace_that_the_viewer_cannot_show_is_not_measured(trace: depcap.Trace) -> None:
    header = trace.header.model_copy(update={"end_ids": []})
    with pytest.raises(DepcapError, match="damaged"):
        next(lab.measuring(replace(trace, header=header), "tiny-llada"))


def test_of_a_long_decode_the_number_of_blocks_that_were_not_measured_is_told(
    trace: depcap.Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab, "MAX_OPENINGS", 1)
    *_, results = lab.measuring(trace, "tiny-llada")
    assert isinstance(results, Path)
    assert f"1 of {len(openings(trace))} blocks" in json.loads(results.read_text())["source"]
