"""The record of a decode: written whole, read back exactly, enough to rebuild every canvas."""

import contextlib
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from strategies import batches, families, settings_for_decode

import depcap
from analysis.replay import canvas_at
from depcap import trace as traces
from depcap.reasons import REASONS
from depcap.trace import LEVELS, METADATA_KEY, SCHEMA, Trace

ROWS = [[1, 2, 3, 4], [7], [9, 8]]
METHODS = {
    "depcap": {"min_size": 3, "max_size": 9, "tau_low": 0.4, "tau_high": 0.8},
    "adablock": {"block_size": 6, "threshold": 0.5, "delimiter_ids": [5, 7, 11]},
    "fast-dllm": {"block_size": 6, "threshold": 0.5},
    "llada": {"block_size": 6},
    "localleap": {"block_size": 6, "threshold": 0.5, "relaxed_threshold": 0.3},
    "eb-sampler": {"block_size": 6, "budget": 0.5},
    "klass": {"block_size": 6, "threshold": 0.4, "kl_threshold": 1.0, "cache": "prefix"},
    "prophet": {"block_size": 6, "gaps": [3.0, 2.0, 1.0]},
    "dus": {"block_size": 8},
    "dream": {"steps": 10},
}


def recorded(
    model: depcap.Model, method: str = "depcap", level: str = "distributions", **more: Any
) -> list[Trace]:
    settings = METHODS[method] | more
    results = depcap.generate(model, ROWS, method, gen_length=20, record=level, **settings)
    return [result.trace for result in results if result.trace is not None]


@pytest.fixture(scope="module")
def made(llada: depcap.Model) -> Trace:
    return recorded(llada)[0]


@pytest.fixture
def saved(made: Trace, tmp_path: Path) -> Path:
    traces.save(made, tmp_path / "run.parquet")
    return tmp_path / "run.parquet"


# A round trip


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", ["llada", "dream"])
def test_what_is_loaded_equals_what_was_saved(
    small: dict[str, depcap.Model], family: str, method: str, level: str, tmp_path: Path
) -> None:
    found = recorded(
        small[family], method, level, stop="run_to_end", **({"cache": "prefix"} | METHODS[method])
    )
    assert len(found) == len(ROWS)
    for number, one in enumerate(found):
        traces.save(one, tmp_path / f"{number}.parquet")
        assert traces.load(tmp_path / f"{number}.parquet") == one


@pytest.mark.parametrize("gamma", [float("inf"), float("-inf")])
def test_infinite_parameters_survive(llada: depcap.Model, gamma: float, tmp_path: Path) -> None:
    one = recorded(llada, gamma=gamma)[0]
    traces.save(one, tmp_path / "run.parquet")
    assert traces.load(tmp_path / "run.parquet").header.params["gamma"] == gamma


def test_text_and_pieces_survive(text_model: depcap.Model, tmp_path: Path) -> None:
    result = depcap.generate(text_model, "Wie viele Äpfel?", gen_length=12, record="distributions")[0]
    assert result.trace
    traces.save(result.trace, tmp_path / "run.parquet")
    header = traces.load(tmp_path / "run.parquet").header
    assert header.text == result.text
    assert set(result.prompt_ids) | set(result.tokens) <= set(header.pieces)


@pytest.mark.parametrize("folder", ["gamma=16", "a b", "ä", ".hidden"])
def test_the_folder_of_a_trace_does_not_matter(made: Trace, tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    traces.save(made, tmp_path / folder / "run.parquet")
    assert traces.load(tmp_path / folder / "run.parquet") == made


def test_unequal_traces_are_unequal(llada: depcap.Model, made: Trace) -> None:
    assert made != recorded(llada)[1]
    assert made != "a trace"


# Atomic writes


class DiskFullError(OSError):
    strerror = "disk full"


@pytest.mark.parametrize("point", ["write_table", "replace", "fsync"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    llada: depcap.Model, saved: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    def fail(*_args: object, **_named: object) -> None:
        raise DiskFullError

    before = saved.read_bytes()
    monkeypatch.setattr(traces.pq if point == "write_table" else traces.os, point, fail)
    with pytest.raises(depcap.DepcapError, match="disk full"):
        traces.save(recorded(llada)[1], saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_an_interrupted_write_leaves_no_temporary(
    saved: Path, made: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_args: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(traces.pq, "write_table", interrupt)
    with pytest.raises(KeyboardInterrupt):
        traces.save(made, saved)
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.parametrize("place", ["nowhere/run.parquet", "folder"])
def test_a_place_that_cannot_be_written_is_one_line(made: Trace, tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(depcap.DepcapError) as error:
        traces.save(made, tmp_path / place)
    assert one_line(error)
    assert "cannot write" in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_trace_can_be_read_by_whoever_may_read_its_folder(saved: Path) -> None:
    plain = saved.parent / "plain"
    plain.touch()
    assert saved.stat().st_mode == plain.stat().st_mode


# What is no trace


def one_line(error: pytest.ExceptionInfo[depcap.DepcapError]) -> bool:
    return len(str(error.value).splitlines()) == 1


def refused(path: Path) -> str:
    with pytest.raises(depcap.DepcapError) as error:
        traces.load(path)
    assert one_line(error)
    assert str(path) in str(error.value)
    return str(error.value)


def with_header(path: Path, header: bytes) -> Path:
    table = pq.read_table(path).replace_schema_metadata({METADATA_KEY: header})
    pq.write_table(table, path)
    return path


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(saved: Path, share: float) -> None:
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(share * len(whole))])
    refused(saved)


def test_a_file_with_flipped_bytes_is_refused_or_read(saved: Path) -> None:
    whole = saved.read_bytes()
    for place in range(0, len(whole), len(whole) // 40):
        saved.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with contextlib.suppress(depcap.DepcapError):  # and no other exception
            traces.load(saved)


@pytest.mark.parametrize(
    "content", [b"hello", b"PAR1", b"PAR1PAR1", b'{"schema_version": "1.0"}', b"\x00" * 99]
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    refused(path)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "none.parquet")
    refused(tmp_path)


def test_a_parquet_file_without_our_header_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "x.parquet")
    assert "no depcap header" in refused(tmp_path / "x.parquet")


def test_a_newer_major_schema_is_refused_and_a_newer_minor_one_is_read(saved: Path, made: Trace) -> None:
    def at(version: str) -> Path:
        return with_header(saved, json.dumps(made.header.model_dump() | {"schema_version": version}).encode())

    assert "2.0" in refused(at("2.0"))
    assert traces.load(at("1.7")).steps == made.steps


@pytest.mark.parametrize(
    "header", [b"", b"{", b"[]", b"5", b"{}", b'{"schema_version": "one"}', b"\xff"], ids=str
)
def test_a_damaged_header_is_refused(saved: Path, header: bytes) -> None:
    refused(with_header(saved, header))


@pytest.mark.parametrize("field", ["prompt_ids", "mask_id", "params", "level", "pieces"])
def test_a_damaged_field_is_named(saved: Path, made: Trace, field: str) -> None:
    whole = json.loads(made.header.model_dump_json())
    assert field in refused(with_header(saved, json.dumps(whole | {field: {"x": {}}}).encode()))
    del whole[field]
    assert field in refused(with_header(saved, json.dumps(whole).encode()))


def test_a_trace_from_before_anything_could_be_taken_back_is_read(made: Trace, tmp_path: Path) -> None:
    path = tmp_path / "old.parquet"
    traces.save(made, path)
    table = pq.read_table(path).drop_columns(["remasked"])
    pq.write_table(table, path)
    assert traces.load(path) == made


def test_other_columns_are_refused(saved: Path, made: Trace) -> None:
    header = {METADATA_KEY: made.header.model_dump_json().encode()}
    pq.write_table(pa.table({"step": [1]}).replace_schema_metadata(header), saved)
    assert "columns" in refused(saved)


# What a trace says


@given(families, batches, settings_for_decode())
def test_every_canvas_can_be_rebuilt(
    small: dict[str, depcap.Model], family: str, rows: list[list[int]], settings: dict[str, Any]
) -> None:
    model, common = small[family], settings | {"stop": "eos"}
    results = depcap.generate(model, rows, record="decisions", **common)
    canvases: list[list[list[int]]] = [[] for _ in rows]
    for step in depcap.stream(model, rows, **common):
        for row in step.proposal.eligible.any(dim=1).nonzero().flatten().tolist():
            length = len(rows[row]) + settings["gen_length"]
            canvases[row].append(step.canvas.ids[row, :length].tolist())
    for row, result in enumerate(results):
        assert result.trace
        start = rows[row] + [model.denoiser.mask_id] * settings["gen_length"]
        rebuilt = [canvas_at(result.trace, step) for step in range(result.nfe + 1)]
        assert rebuilt == [start, *canvases[row]]


@pytest.mark.parametrize("step", [-1, 10**6])
def test_there_is_no_canvas_outside_the_trace(made: Trace, step: int) -> None:
    with pytest.raises(depcap.DepcapError):
        canvas_at(made, step)


@given(families, batches, settings_for_decode())
def test_every_masked_position_of_the_block_has_a_reason_at_every_step(
    small: dict[str, depcap.Model], family: str, rows: list[list[int]], settings: dict[str, Any]
) -> None:
    model = small[family]
    for result in depcap.generate(model, rows, record="scores", **settings):
        assert result.trace
        for row in result.trace.rows():
            before = canvas_at(result.trace, row["step"] - 1)
            block = range(row["start"], row["end"])
            inside = [i for i in row["positions"] if i in block]
            assert inside == [i for i in block if before[i] == model.denoiser.mask_id]
            assert inside == row["positions"] or settings["method"] == "prophet"
            assert len(row["reason"]) == len(row["cause"]) == len(row["round"]) == len(row["positions"])
            committed = [
                place for place, reason in zip(row["positions"], row["reason"], strict=True)
                if REASONS[reason].committed
            ]  # fmt: skip
            assert committed == row["committed"]
            tokens = dict(zip(row["positions"], row["tokens"], strict=True))
            assert [tokens[place] for place in committed] == row["committed_tokens"]


@given(families, batches, settings_for_decode())
def test_causes_are_edges_of_the_conflict_graph(
    small: dict[str, depcap.Model], family: str, rows: list[list[int]], settings: dict[str, Any]
) -> None:
    for result in depcap.generate(small[family], rows, record="scores", **settings):
        assert result.trace
        gamma = settings.get("gamma", 0)
        for row in result.trace.rows():
            edges = {(edge["i"], edge["j"]): edge["d"] for edge in row["edges"] or []}
            assert all(i < j and d >= gamma - 1e-3 for (i, j), d in edges.items())
            for place, cause in zip(row["positions"], row["cause"], strict=True):
                if cause >= 0:
                    assert (min(place, cause), max(place, cause)) in edges
                    assert cause in row["committed"]


@pytest.mark.parametrize("method", ["depcap", "prophet"])
def test_steps_blocks_and_header_agree(llada: depcap.Model, method: str) -> None:
    made = recorded(llada, method)[0]
    rows, header = made.rows(), made.header
    assert [row["step"] for row in rows] == list(range(1, header.nfe + 1))
    assert [row["end"] - row["start"] for row in rows if row["opened"]] == header.block_sizes
    assert [row["block"] for row in rows if row["opened"]] == list(range(len(header.block_sizes)))
    assert all(left["seconds"] <= right["seconds"] for left, right in pairwise(rows))
    assert header.seconds == rows[-1]["seconds"]


def test_curves_are_there_where_a_block_was_chosen_by_its_score(made: Trace) -> None:
    opened = [row for row in made.rows() if row["opened"]]
    assert (opened[0]["clamp"], opened[0]["score"], opened[0]["wanted"]) == ("first", None, None)
    for row in opened[1:]:
        assert len(row["score"]) == len(row["influence"]) == len(row["entropy"]) >= row["end"] - row["start"]
        assert row["wanted"] == next((j for j, s in enumerate(row["score"]) if not s >= 0), len(row["score"]))


def test_levels_hold_what_they_say(llada: depcap.Model) -> None:
    rows = {level: recorded(llada, level=level)[0].rows() for level in LEVELS}
    assert all(row["positions"] is None and row["reason"] is None for row in rows["decisions"])
    assert all(row["reason"] and row["top_ids"] is None for row in rows["scores"])
    assert all(len(top) == 5 for row in rows["distributions"] for top in row["top_ids"])


def test_alternatives_are_best_first_and_begin_with_the_proposal(made: Trace) -> None:
    for row in made.rows():
        assert [top[0] for top in row["top_ids"]] == row["tokens"]
        assert all(scores == sorted(scores, reverse=True) for scores in row["top_log_probs"])


def test_the_columns_are_the_schema(made: Trace) -> None:
    assert made.steps.schema == SCHEMA


def test_a_trace_is_read_without_torch(saved: Path) -> None:
    code = "import sys; from depcap.trace import load; load(sys.argv[1]); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, str(saved)], check=False).returncode == 0
