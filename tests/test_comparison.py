"""Comparisons: what is run, what is kept, what the tables say."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

import depcap
from analysis import findings, report
from analysis.comparison import cells, choose_baselines, outcomes, pooled, run
from analysis.findings import markdown as as_markdown
from analysis.paired import against, paired
from analysis.pareto import SHAPES, pareto, short
from analysis.spec import OWN, VARIANTS, spec, specs
from analysis.statistics import mcnemar, newcombe, ratio
from analysis.summary import front, markdown, summary
from app.presets import SUITED
from depcap import DepcapError
from depcap.methods import METHODS
from depcap.request import Settings, identity, named_method

# Which decoders are run


def grid(model: depcap.Model, methods: str, caches: list[str]) -> list[tuple[str, str]]:
    found = cells([model], ["python"], specs(methods), caches, 8, "eos")
    return [(cell.spec.label, cell.settings.cache) for cell in found]


def test_a_method_is_run_with_those_of_the_caches_that_it_has(text_model: depcap.Model) -> None:
    assert grid(text_model, "depcap,llada", ["none", "dual"]) == [
        ("depcap", "none"), ("depcap", "dual"), ("llada", "none"), ("llada", "dual"),
    ]  # fmt: skip


def test_a_cache_with_other_parameters_is_one_of_its_own(text_model: depcap.Model) -> None:
    asked = ["dkv", "none", "dkv:refresh=4", "dkv:refresh=8"]
    assert grid(text_model, "llada", asked) == [
        ("llada", "none"), ("llada", "dkv"), ("llada", "dkv:refresh=4"),
    ]  # fmt: skip


def test_causal_methods_are_for_causal_models(text_model: depcap.Model) -> None:
    assert grid(text_model, "ar,llada", ["none"]) == [("llada", "none")]
    causal = depcap.load("tiny-ar", "cpu")
    assert grid(causal, "ar,llada", ["none", "dual"]) == [("ar", "none"), ("ar", "causal")]


def test_a_method_is_run_with_a_cache_of_its_own_too() -> None:
    model = depcap.load("tiny-llada", "cpu")
    assert grid(model, "apd,llada", ["none"]) == [("apd", "none"), ("apd", "trailing"), ("llada", "none")]
    assert grid(model, "apd", ["dual"]) == [("apd", "trailing")]
    assert grid(model, "apd", ["trailing:width=32"]) == [("apd", "trailing:width=32")]


def test_a_method_without_the_caches_runs_with_none(text_model: depcap.Model) -> None:
    assert grid(text_model, "dream,prophet", ["dpad"]) == [("dream", "none"), ("prophet", "none")]
    assert grid(text_model, "wino,llada", ["dkv"]) == [("wino", "none"), ("llada", "dkv")]


@pytest.mark.parametrize("name", ["tiny-llada", "tiny-ar"])
def test_all_is_every_method_that_can_be_run_and_names_the_others(name: str) -> None:
    model, why = depcap.load(name, "cpu"), list[str]()
    found = cells([model], ["python"], specs("all"), ["none"], 8, "eos", why.append)
    run = {cell.spec.label for cell in found}
    named = set(re.findall("[a-z0-9-]+", " ".join(why)))
    assert run | (named & METHODS.keys()) == METHODS.keys()
    assert not run & named
    assert run >= ({"ar"} if name == "tiny-ar" else {"apd", "pearl", "depcap", "dream"})


def test_a_method_for_both_kinds_of_model_is_run_on_both() -> None:
    models = [depcap.load(name, "cpu") for name in ("tiny-llada", "tiny-ar")]
    found = cells(models, ["python"], specs("pearl:verifier=tiny-ar"), ["none"], 8, "eos")
    assert [cell.model.name for cell in found] == ["tiny-llada", "tiny-ar"]


def test_methods_of_the_other_kind_are_named_once(text_model: depcap.Model) -> None:
    why: list[str] = []
    cells([text_model], ["python", "arithmetic"], specs("ar,llada"), ["none"], 8, "eos", why.append)
    assert why == [f"ar: not for {text_model.name}, a diffusion model"]


def test_parameters_go_with_a_methods_name() -> None:
    made = spec("fast-dllm:threshold=0.3:block_size=16")
    assert (made.method, made.params) == ("fast-dllm", {"threshold": "0.3", "block_size": "16"})


def test_a_stop_a_temperature_and_a_seed_go_with_a_methods_name_too(text_model: depcap.Model) -> None:
    chosen = specs("llada,llada:stop=eotp:temperature=0.5:seed=3:block_size=4")
    first, second = cells([text_model], ["python"], chosen, ["none"], 8, "run_to_end")
    assert first.settings == Settings("llada", "none", 8, "run_to_end")
    assert second.settings == Settings("llada", "none", 8, "eotp", 3, 0.5, {"block_size": "4"})
    assert first.file != second.file
    assert not {key for preset in METHODS.values() for key in preset.params.model_fields} & OWN.keys()


def test_a_list_is_written_in_brackets(text_model: depcap.Model) -> None:
    chosen = specs("adablock:delimiter_ids=[198,271]:block_size=4, prophet:gaps=[3,2,1],llada")
    found = cells([text_model], ["python"], chosen, ["none"], 8, "eos")
    made = [named_method(text_model, cell.settings).params for cell in found]
    assert (made[0]["delimiter_ids"], made[1]["gaps"], len(made)) == ([198, 271], [3.0, 2.0, 1.0], 3)


def test_a_method_is_compared_once() -> None:
    labels = [made.label for made in specs("llada,all,variants,llada")]
    assert labels[0] == "llada"
    assert sorted(labels) == sorted([*METHODS, *VARIANTS])


def test_every_variant_can_be_run(small: dict[str, depcap.Model]) -> None:
    """On a model with a filter for learn2pd, or on one with a verifier for apd."""
    models = [small["llada"], depcap.load("tiny-llada", "cpu")]
    found = cells(models, ["python"], specs("variants"), ["none"], 256, "eos")
    assert {cell.spec.label for cell in found} == set(VARIANTS)


def test_variants_differ_from_the_defaults_and_from_each_other() -> None:
    model = depcap.load("tiny-llada", "cpu")
    found = cells([model], ["python"], specs("all,variants"), ["none"], 256, "eos")
    made = [json.dumps(identity(model, cell.settings)) for cell in found]
    assert len(set(made)) == len(made)
    curves = Counter(cell.spec.method for cell in found if cell.settings.cache == "none")
    assert all(curves[name] >= 3 for name in ("depcap", "fast-dllm", "localleap"))


@pytest.mark.parametrize("name", SUITED)
def test_what_the_page_starts_from_is_compared(name: str) -> None:
    assert any(
        made.method == name and made.params == {key: str(value) for key, value in SUITED[name].items()}
        for made in map(spec, VARIANTS)
    )


@pytest.mark.parametrize(
    ("methods", "tasks", "caches", "said"),
    [
        ("poetry", ["python"], ["none"], "unknown method"),
        ("depcap", ["poetry"], ["none"], "unknown task"),
        ("depcap", ["python"], ["x"], "unknown cache"),
        ("depcap", ["python"], ["dkv:refresh=0"], "cache dkv: refresh"),
        ("depcap:a=1", ["python"], ["none"], "unknown parameter"),
        ("depcap:a", ["python"], ["none"], "name:key=value"),
        ("depcap:stop=x", ["python"], ["none"], "unknown stop 'x'"),
        ("depcap:temperature=hot", ["python"], ["none"], "temperature and seed are numbers"),
        ("depcap:temperature=-1", ["python"], ["none"], "temperature -1.0 must be"),
        ("depcap:seed=0.5", ["python"], ["none"], "temperature and seed are numbers"),
        ("adablock:delimiter_ids=[a,b]", ["python"], ["none"], "delimiter_ids"),
        ("ar", ["python"], ["none"], "none of these methods"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_before_anything_runs(
    text_model: depcap.Model, methods: str, tasks: list[str], caches: list[str], said: str
) -> None:
    with pytest.raises(DepcapError, match=said):
        cells([text_model], tasks, specs(methods), caches, 8, "eos")


# What is kept


def test_a_stopped_comparison_goes_on(text_model: depcap.Model, tmp_path: Path) -> None:
    found = cells([text_model], ["python"], specs("fast-dllm,llada"), ["none"], 8, "eos")
    run(found[:1], 3, 2, tmp_path, lambda *_: None)
    done: list[tuple[str, int]] = []
    assert run(found, 3, 2, tmp_path, lambda cell, count: done.append((cell.spec.label, count)))
    assert list(dict.fromkeys(done)) == [("llada", 2), ("llada", 3)]
    assert not run(found, 3, 2, tmp_path, lambda *_: None)
    table = outcomes(found, 3, tmp_path)
    assert list(table.method) == ["fast-dllm"] * 3 + ["llada"] * 3
    assert list(table.problem) == [0, 1, 2] * 2


def test_the_command_writes_tables_and_a_figure(run_cli: Any, text_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    grid = ("--task", "python", "--methods", "llada,fast-dllm", "--cache", "none", "--gen-length", "8")
    where = ("--model", str(text_folder), "--out", str(out))
    code, text, _ = run_cli("compare", *where, *grid, "--limit", "2")
    assert code == 0
    assert "fast-dllm" in text
    assert len(pd.read_parquet(out / "outcomes.parquet")) == 4
    assert len(pd.read_parquet(out / "summary.parquet")) == 2
    said = (out / "summary.md").read_text()
    assert "`fast-dllm`" in said
    assert "- positions to fill: 8\n- stop rule: eos" in said
    assert "- problems per batch: 20\n- device: cpu\n- dtype: float32\n" in said
    tests = re.search(r"\[Each against the baselines.*\]\((tests-.+-python\.md)\)", said)
    assert tests
    compared = (out / tests[1]).read_text()
    assert "Against `llada`, cache none:" in compared
    assert "Holm" in compared
    machine = r"- decoded on: .+ \(\w+\); threads: 1; depcap [\d.]+, torch \S+ \(4 decodes\)\n\n"
    assert re.search(machine, said)
    assert list(pd.read_parquet(out / "paired.parquet").method) == ["fast-dllm"]
    explained = (Path(__file__).parents[1] / "docs" / "tables.md").read_text(encoding="utf-8")
    for name in ("outcomes", "summary", "paired"):
        told = explained.split(f"## {name}.parquet")[1].split("\n## ")[0]
        assert [
            column for column in pd.read_parquet(out / f"{name}.parquet") if f"`{column}`" not in told
        ] == []
    assert f"- command: `depcap compare --model {text_folder} " in said
    assert "**bold**" in said
    page = next(out.glob("pareto-*.html")).read_text()
    assert '"showSendToCloud": false' in page


def test_the_command_refuses_in_one_line(run_cli: Any, text_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = ("compare", "--model", str(text_folder), "--out", str(out), "--limit", "2", "--gen-length", "8")
    for wrong in (("--methods", "x"), ("--batch-size", "0"), ("--batch-size", "-1")):
        code, _, err = run_cli(*call, *wrong)
        assert (code, len(err.splitlines())) == (2, 1)
    assert not out.exists()


@pytest.mark.parametrize(
    ("methods", "names", "chosen"),
    [
        ("depcap,klass,llada", [], [("llada", "none"), ("depcap", "none")]),
        ("klass,depcap", [], [("depcap", "none")]),
        ("klass,dus", [], [("klass", "none")]),
        ("depcap,llada", ["depcap@dual", "llada"], [("depcap", "dual"), ("llada", "none")]),
        ("klass:threshold=0.5", ["klass:threshold=0.5@none"], [("klass:threshold=0.5", "none")]),
        ("klass", ["klass", "klass@none"], [("klass", "none")]),
    ],
)
def test_baselines_are_what_is_named_or_llada_and_depcap_or_the_first(
    text_model: depcap.Model, methods: str, names: list[str], chosen: list[tuple[str, str]]
) -> None:
    found = cells([text_model], ["python"], specs(methods), ["none", "dual"], 8, "eos")
    assert choose_baselines(found, names) == chosen


@pytest.mark.parametrize("name", ["lada", "depcap@dual"])
def test_a_baseline_that_is_not_run_is_refused(text_model: depcap.Model, name: str) -> None:
    found = cells([text_model], ["python"], specs("depcap"), ["none"], 8, "eos")
    with pytest.raises(DepcapError, match=rf"unknown baseline '{name}' \(known: depcap, depcap@none\)"):
        choose_baselines(found, [name])


# What the tables say


def made(right: list[bool], nfe: list[int], method: str, cache: str = "none") -> list[dict[str, Any]]:
    return [
        {
            "model": "m", "task": "t", "method": method, "cache": cache, "problem": i,
            "right": r, "nfe": n, "computed": 10 * n, "auxiliary": 0, "auxiliary_computed": 0, "filled": 8,
            "response_length": 6, "overlong": False, "seconds": n / 10, "batch": i // 2,
            "machine": "a",
        }
        for i, (r, n) in enumerate(zip(right, nfe, strict=True))
    ]  # fmt: skip


TABLE = pd.DataFrame(
    made([True, True, True, False], [8, 8, 8, 8], "llada")
    + made([True, False, True, False], [2, 2, 2, 2], "fast")
    + made([True, False, False, False], [4, 4, 4, 4], "slow")
)


LLADA, FAST = ("llada", "none"), ("fast", "none")


def compared(outcomes: pd.DataFrame, *baselines: tuple[str, str]) -> pd.DataFrame:
    return paired(outcomes, list(baselines or (LLADA,))).set_index(["baseline", "method"])


def test_costs_are_by_decoder() -> None:
    found = summary(TABLE).set_index("method")
    assert list(found.accuracy) == [0.75, 0.5, 0.25]
    assert found.loc["fast", "tokens_per_second"] == pytest.approx(24 / 0.8)
    assert list(found.seconds) == pytest.approx([0.8, 0.2, 0.4])
    assert "s/problem" in markdown(summary(TABLE))


def test_every_decoder_is_tested_against_every_baseline_but_itself() -> None:
    found = compared(TABLE, LLADA, FAST)
    assert list(found.index) == [("llada", "fast"), ("llada", "slow"), ("fast", "llada"), ("fast", "slow")]
    assert list(found.difference) == [-0.25, -0.5, 0.25, -0.25]
    assert list(found.forwards_ratio) == [4.0, 2.0, 0.25, 0.5]
    assert found.loc[("llada", "fast"), ["wins", "losses"]].tolist() == [0, 1]


def test_a_baseline_in_one_cache_is_compared_with_itself_in_another() -> None:
    cached = pd.DataFrame(made([True] * 4, [8] * 4, "llada", "dual"))
    both = paired(pd.concat([TABLE, cached], ignore_index=True), [("llada", "dual")])
    assert next(zip(both.method, both.cache, strict=True)) == ("llada", "none")
    assert set(both.baseline_cache) == {"dual"}
    assert len(both) == 3


def test_forwards_of_a_second_model_are_not_free() -> None:
    helped = pd.DataFrame(made([True, False, True, False], [2] * 4, "helped")).assign(auxiliary=7)
    together = pd.concat([TABLE, helped], ignore_index=True)
    found = summary(together).set_index("method")
    assert found.loc["helped", ["nfe", "auxiliary", "forwards"]].tolist() == [2.0, 7.0, 9.0]
    assert compared(together).loc[("llada", "helped"), "forwards_ratio"] == pytest.approx(8 / 9)
    on_front = front(found, "forwards")
    assert (on_front["fast"], on_front["helped"]) == (True, False)  # as often right, in as many NFE


def test_p_values_are_corrected_within_a_baselines_table() -> None:
    right = {"llada": [True] * 12, "bad": [False] * 12, "worse": [False] * 7 + [True] * 5}
    rows = [row for method, known in right.items() for row in made(known, [1] * 12, method)]
    table = pd.DataFrame(rows + [row | {"task": "other"} for row in rows[:24]])
    found = paired(table, [LLADA, ("bad", "none")]).set_index(["task", "baseline", "method"])
    p = 2 / 2**12
    assert found.loc[("t", "llada", "bad"), ["p", "p_holm"]].tolist() == pytest.approx([p, 2 * p])
    assert found.loc[("t", "llada", "worse"), ["p", "p_holm"]].tolist() == pytest.approx([2 / 2**7] * 2)
    assert found.loc[("t", "bad", "llada"), "p_holm"] == pytest.approx(2 * p)
    assert found.loc[("other", "llada", "bad"), "p_holm"] == pytest.approx(p)


def timed(batches: int, size: int = 20) -> pd.DataFrame:
    """Two decoders that take as long, but for noise that all problems of a batch share."""
    rng, n = np.random.default_rng(0), batches * size
    both = [pd.DataFrame(made([True] * n, [1] * n, method)) for method in ("llada", "fast")]
    for table in both:
        table["batch"] = table["problem"] // size
        table["seconds"] = rng.uniform(0.5, 1.5, batches)[table["batch"]]
    return pd.concat(both, ignore_index=True)


def test_intervals_of_time_resample_batches() -> None:
    outcomes = timed(12)
    found = compared(outcomes).loc[("llada", "fast")]
    first, second = (rows["seconds"] for _, rows in outcomes.groupby("method", sort=False))
    narrow = ratio(first, second).ci95
    assert found["speed_ratio_high"] - found["speed_ratio_low"] > 3 * (narrow[1] - narrow[0])
    assert found["speed_ratio_low"] < 1 < found["speed_ratio_high"]


def test_few_batches_give_no_interval_of_time() -> None:
    found = paired(timed(9), [LLADA])
    assert found[["speed_ratio_low", "speed_ratio_high"]].isna().all(axis=None)
    line = against(found)[1].splitlines()[-1]
    assert line.rstrip(" |").endswith(f"{found.loc[0, 'speed_ratio']:.2f}×")


def test_times_are_those_of_one_machine() -> None:
    outcomes = timed(24)
    other = (outcomes["method"] == "fast") & (outcomes["batch"] >= 12)
    moved = outcomes.assign(machine=np.where(other, "slow", "a"))
    moved.loc[other, "seconds"] *= 100
    found, whole = compared(moved).loc[("llada", "fast")], summary(moved).set_index("method")
    first = compared(outcomes[outcomes["batch"] < 12]).loc[("llada", "fast")]
    assert found["speed_ratio"] == first["speed_ratio"]
    assert found["n"] == 480
    assert whole.loc["fast", ["n", "timed"]].tolist() == [480, 240]
    assert whole.loc["fast", "seconds"] == outcomes.query("method == 'fast' and batch < 12")["seconds"].mean()


def test_that_machine_is_the_one_that_most_decoders_have_run_on() -> None:
    """Not the one that decoded most: much of one decoder says nothing of the others."""
    more = pd.DataFrame(made([True] * 40, [1] * 40, "fast")).assign(machine="b").iloc[4:]
    table = summary(pd.concat([TABLE, more], ignore_index=True)).set_index("method")
    assert table["timed"].to_dict() == {"llada": 4, "fast": 4, "slow": 4}


def test_without_a_machine_in_common_there_are_no_times() -> None:
    apart = TABLE.assign(machine=TABLE["method"].replace({"llada": "a", "slow": "a", "fast": "b"}))
    table = summary(apart)
    shown = markdown(table).splitlines()[3].split("|")
    assert [cell.strip() for cell in shown[6:9]] == ["–", "–", "–"]
    assert list(front(table.set_index("method"), "tokens_per_second", True)) == [True, False, True]
    tests = paired(apart, [LLADA])
    assert tests.set_index("method").loc["fast", "speed_ratio":].iloc[:3].isna().all()  # type: ignore[misc]
    assert against(tests)[1].splitlines()[2].rstrip(" |").endswith("–")
    assert pareto(table)


def test_without_the_baseline_nothing_is_compared() -> None:
    nothing = paired(TABLE, [("depcap", "none")])
    assert len(nothing) == 0
    assert against(nothing) == []
    assert list(nothing) == list(paired(TABLE, [LLADA]))


def test_a_table_per_baseline_marks_what_differs() -> None:
    rows = made([True] * 12, [1] * 12, "llada") + made([False] * 12, [1] * 12, "bad")
    first, table, second, other = against(paired(pd.DataFrame(rows), [LLADA, ("bad", "none")]))
    assert (first, second) == ("Against `llada`, cache none:", "Against `bad`, cache none:")
    assert "| **-100.0** (-100.0 to " in " ".join(table.split())
    assert "| **+100.0** (+" in " ".join(other.split())


def test_several_tasks_are_told_together_too() -> None:
    other = TABLE.assign(task="u", right=False)
    found = pooled(pd.concat([TABLE, other], ignore_index=True))
    table = summary(found).set_index(["task", "method"])
    assert list(dict.fromkeys(table.index.get_level_values("task"))) == ["all tasks", "t", "u"]
    assert table.loc[("all tasks", "llada"), ["n", "accuracy"]].tolist() == [8, 0.375]
    tests = paired(found, [LLADA]).set_index(["task", "method"])
    assert tests.loc[("all tasks", "fast"), ["n", "wins", "losses"]].tolist() == [8, 0, 1]
    assert pooled(TABLE) is TABLE


def test_the_front_is_what_nothing_beats() -> None:
    assert list(front(summary(TABLE), "forwards")) == [True, True, False]
    assert list(front(summary(TABLE), "tokens_per_second", True)) == [True, True, False]


def test_equal_decoders_are_both_on_the_front() -> None:
    twins = pd.DataFrame(made([True], [2], "a") + made([True], [2], "b"))
    assert list(front(summary(twins), "forwards")) == [True, True]


def test_the_markdown_marks_the_front_of_either_cost() -> None:
    quick = pd.DataFrame(made([True, False, True, False], [3] * 4, "quick")).assign(seconds=0.01)
    table = summary(pd.concat([TABLE, quick], ignore_index=True))
    cells = [[cell.strip() for cell in line.split("|")] for line in markdown(table).splitlines()]
    place = {name: cells[0].index(name) for name in ("method", "forwards", "tokens/s")}
    shown = {row[place["method"]]: (row[place["forwards"]], row[place["tokens/s"]]) for row in cells[2:]}
    assert shown == {
        "**`llada`**": ("**8.0**", "**8**"), "**`fast`**": ("**2.0**", "30"),
        "**`quick`**": ("3.0", "**600**"), "`slow`": ("4.0", "15"),
    }  # fmt: skip


def test_the_markdown_counts_a_second_model_apart() -> None:
    helped = pd.DataFrame(made([True], [2], "helped")).assign(auxiliary=7, auxiliary_computed=1234)
    assert "**2.0 + 7.0** | 20 + 1,234 |" in " ".join(markdown(summary(helped)).split())


def test_tables_keep_text_as_it_is() -> None:
    table = pd.DataFrame({"a|b": ["256.0", None, "x|y"], "number": [1.23456, np.nan, 3.0]})
    lines = [" ".join(line.split()) for line in as_markdown(table).splitlines()]
    assert lines[2:] == ["| 256.0 | 1.23 |", "| – | – |", "| x\\|y | 3 |"]


def test_the_figure_has_a_point_per_decoder_and_a_front_in_every_panel() -> None:
    figure = pareto(summary(TABLE))
    roles = [trace.meta["role"] for trace in figure.data]
    assert roles.count("decoder") == 6
    assert roles.count("front") == 2
    assert [trace.name for trace in figure.data if trace.showlegend is not False] == [
        "cache none", "llada", "fast", "slow",
    ]  # fmt: skip


def test_of_points_that_are_close_the_most_accurate_is_named() -> None:
    right = {"best": 100, "near": 99, "far": 50}
    rows = [
        row
        for nfe, (method, n) in zip((9, 8, 2), right.items(), strict=True)
        for row in made([True] * n + [False] * (100 - n), [nfe] * 100, method)
    ]
    lines = [trace for trace in pareto(summary(pd.DataFrame(rows))).data if trace.meta["role"] == "front"]
    assert [{name.strip() for name in line.text if name} for line in lines] == [{"far", "best"}] * 2


def test_a_method_has_one_shape_open_with_other_parameters() -> None:
    rows = made([True], [3], "a") + made([True], [2], "a:k=1:x=b") + made([True], [1], "b", "dual")
    points = [trace for trace in pareto(summary(pd.DataFrame(rows))).data if trace.meta["role"] == "decoder"]
    assert [point.marker.symbol for point in points[:3]] == ["circle", "circle-open", "square"]
    assert len({point.marker.color for point in points}) == 2
    assert points[0].legendgroup == points[1].legendgroup == "a"


def test_methods_have_shapes_of_their_own_and_more_methods_have_shapes_too() -> None:
    rows = [row for i in range(len(SHAPES) + 1) for row in made([True], [i + 1], f"method {i}")]
    points = [trace for trace in pareto(summary(pd.DataFrame(rows))).data if trace.meta["role"] == "decoder"]
    assert {point.marker.symbol for point in points} == set(SHAPES)
    assert len(set(SHAPES)) == len(SHAPES) >= len(METHODS)


def test_names_in_the_figure_are_short() -> None:
    names = ("llada", "depcap:max_size=16:tau_low=0.98", "learn2pd:stop=eotp")
    assert [short(name) for name in names] == ["llada", "depcap 16/0.98", "learn2pd eotp"]


@pytest.mark.parametrize("drawn", [True, False])
def test_the_report_shows_the_figure_where_it_could_be_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: bool
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(report, "write_pictures", lambda figures: asked.extend(figures) or drawn)
    report.write(TABLE.assign(model="a/m"), [LLADA], tmp_path, {})
    assert asked == [tmp_path / "pareto-a_m.svg"]
    shown = "![accuracy against cost](pareto-a_m.svg)" if drawn else "accuracy against cost"
    assert f"[{shown}](pareto-a_m.html)" in (tmp_path / "summary.md").read_text()
    assert (tmp_path / "pareto-a_m.html").exists()


def test_pictures_are_as_high_as_their_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def draw(_: object, files: list[Path], **options: Any) -> None:
        asked.update(options)
        for file in files:
            file.write_text("<svg/>")

    monkeypatch.setattr(findings.pio, "write_images", draw)
    figure = pareto(summary(TABLE))
    assert findings.write_pictures({tmp_path / "a.svg": figure, tmp_path / "b.svg": go.Figure()})
    assert asked["height"] == [figure.layout.height, None]


def test_a_picture_that_cannot_be_drawn_leaves_the_one_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a figure that fails nothing is said but that there is no file."""
    old = tmp_path / "a.svg"
    old.write_text("<svg/>")
    monkeypatch.setattr(findings.pio, "write_images", lambda *_, **__: None)
    assert not findings.write_pictures({old: go.Figure()})
    assert old.read_text() == "<svg/>"


def test_a_picture_made_again_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plotly puts a number drawn at random into every id; the same digits as a coordinate stay."""
    made = iter(("314159", "c7252f"))

    def draw(_: object, files: list[Path], **_options: Any) -> None:
        for file in files:
            mark = next(made)
            file.write_text(
                f'<svg><g id="topdefs-{mark}"/><g id="clip{mark}xy"/><g class="trace scatter trace{mark}"/>'
                f'<path clip-path="url(#clip{mark}xy)" d="M0.314159,1"/></svg>'
            )

    monkeypatch.setattr(findings.pio, "write_images", draw)
    pictures = set()
    for _ in range(2):
        findings.write_pictures({tmp_path / "a.svg": go.Figure()})
        pictures.add((tmp_path / "a.svg").read_text())
    (picture,) = pictures
    assert "0.314159" in picture


# Statistics


def test_mcnemar_looks_at_discordant_problems_only() -> None:
    found = mcnemar([1, 1, 1, 1, 1, 1, 0, 1], [0, 0, 0, 0, 0, 0, 0, 1])
    assert (found.wins, found.losses, found.p) == (6, 0, pytest.approx(2 / 64))
    assert mcnemar([1, 0], [1, 0]).p == 1.0


def test_a_difference_has_newcombes_interval() -> None:
    """His example (1998, table II: 36, 12, 2, 0), and width where two decoders agree on every problem."""
    assert newcombe(36, 12, 2, 0) == pytest.approx((0.0569, 0.3404), abs=5e-5)
    low, high = newcombe(2, 12, 36, 0)
    assert newcombe(2, 36, 12, 0) == pytest.approx((-high, -low))
    assert newcombe(10, 0, 0, 0)[0] < 0 < newcombe(10, 0, 0, 0)[1]


def test_a_ratio_of_sums_has_an_interval_of_pairs() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(5, 10, 200)
    found = ratio(base * rng.uniform(1.8, 2.2, 200), base)
    assert found.ci95[0] < 2.0 < found.ci95[1]
    assert found.ci95[1] - found.ci95[0] < 0.1
    assert ratio([4, 8], [2, 4]).ci95 == (2.0, 2.0)


def test_a_ratios_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng, inside = np.random.default_rng(1), 0
    for seed in range(100):
        base = rng.gamma(4.0, size=60)
        found = ratio(base * 1.5 + rng.normal(0, 0.3, 60), base, seed)
        inside += found.ci95[0] <= 1.5 <= found.ci95[1]
    assert inside >= 86


def test_reports_are_json_without_surprises(text_model: depcap.Model, tmp_path: Path) -> None:
    found = cells([text_model], ["python"], specs("depcap"), ["none"], 8, "eos")
    run(found, 1, 1, tmp_path, lambda *_: None)
    header = json.loads((tmp_path / "outcomes" / found[0].file).read_text().splitlines()[0])
    assert header["method"] == "depcap"
    assert header["params"]["gamma"] == -16.0
