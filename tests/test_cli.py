"""The command line: one JSON object or one line of error, never a traceback."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from depcap import load, trace
from depcap.tasks import TASKS

KEYS = [
    "model", "method", "cache", "params", "gen_length", "prompt_ids", "tokens", "text", "nfe", "block_sizes",
    "unmask_step", "seconds", "tokens_per_second",
]  # fmt: skip
Run = tuple[int, str, str]


@pytest.fixture
def run(run_cli: Any) -> Any:
    return run_cli


@pytest.fixture
def decode(run: Any, text_folder: Path) -> Any:
    def call(*arguments: str) -> Run:
        return run("decode", "--model", str(text_folder), "--gen-length", "12", *arguments)

    return call


# What works


@pytest.mark.parametrize("cache", ["none", "prefix", "dual"])
@pytest.mark.parametrize("method", ["depcap", "fast-dllm", "llada"])
def test_json_is_one_object_with_the_promised_keys(decode: Any, method: str, cache: str) -> None:
    code, out, err = decode("--prompt", "hi", "--method", method, "--cache", cache, "--json")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    assert out.endswith("\n")
    made = json.loads(out)
    assert list(made) == KEYS
    assert (made["method"], made["cache"], made["gen_length"]) == (method, cache, 12)
    assert len(made["tokens"]) == len(made["unmask_step"])
    assert max(made["unmask_step"]) == made["nfe"]
    assert isinstance(made["text"], str)


def test_prompt_file_and_ids_are_the_same_prompt(decode: Any, text_folder: Path, tmp_path: Path) -> None:
    tokenizer = load(str(text_folder)).tokenizer
    assert tokenizer
    (tmp_path / "prompt.txt").write_text("Äpfel?", encoding="utf-8")
    ids = json.dumps(tokenizer.encode("Äpfel?"))
    ways = [("--prompt", "Äpfel?"), ("--prompt-file", str(tmp_path / "prompt.txt")), ("--prompt-ids", ids)]
    made = [json.loads(decode(*way, "--json")[1]) for way in ways]
    assert made[0]["prompt_ids"] == made[1]["prompt_ids"] == made[2]["prompt_ids"]
    assert made[0]["tokens"] == made[1]["tokens"] == made[2]["tokens"]


def test_set_changes_a_parameter_and_the_result_says_so(decode: Any) -> None:
    settings = ("--set", "min-size=2", "--set", "gamma=-4", "--set", "tau_low = 0.5")
    params = json.loads(decode("--prompt", "hi", "--json", *settings)[1])["params"]
    assert (params["min_size"], params["gamma"], params["tau_low"]) == (2, -4.0, 0.5)


@pytest.mark.parametrize("gamma", ["inf", "-inf"])
def test_infinite_parameters_are_still_json(decode: Any, gamma: str) -> None:
    def strictly(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    json.loads(decode("--prompt", "hi", "--json", "--set", f"gamma={gamma}")[1], parse_constant=strictly)


def test_stop_seed_and_temperature_reach_the_decode(decode: Any) -> None:
    options = ("--prompt", "hi", "--json", "--stop", "run_to_end", "--temperature", "1")
    tokens = [json.loads(decode(*options, "--seed", seed)[1])["tokens"] for seed in ("1", "1", "2")]
    assert len(tokens[0]) == 12
    assert tokens[0] == tokens[1] != tokens[2]


@pytest.mark.parametrize("level", ["decisions", "scores", "distributions"])
def test_the_trace_is_written(decode: Any, tmp_path: Path, level: str) -> None:
    path = tmp_path / "run.parquet"
    code, out, err = decode("--prompt", "hi", "--json", "--trace", str(path), "--record", level)
    assert (code, err) == (0, "")
    header = trace.load(path).header
    assert header.level == level
    assert header.tokens == json.loads(out)["tokens"]


def test_without_json_the_text_is_on_stdout(decode: Any) -> None:
    code, out, _ = decode("--prompt", "hi")
    assert code == 0
    assert "forwards" in out


def test_control_characters_do_not_reach_the_terminal(decode: Any) -> None:
    _, out, err = decode("--prompt", "a\x1b[2Jb\x07")
    assert "\x1b[2J" not in out + err
    assert "\x07" not in out + err


def test_methods_and_models_are_listed(run: Any) -> None:
    for command, name in (("methods", "fast-dllm"), ("models", "tiny-llada")):
        code, out, err = run(command)
        assert (code, err, name in out) == (0, "", True)
        code, out, err = run(command, "--json")
        assert (code, err, name in json.loads(out)) == (0, "", True)


@pytest.mark.parametrize("arguments", [("--help",), ("decode", "--help"), ("eval", "--help")])
def test_help_is_on_stdout(run: Any, arguments: tuple[str, ...]) -> None:
    code, out, err = run(*arguments)
    assert (code, err, "Usage" in out) == (0, "", True)


def test_eval_reports_as_json(run: Any, text_folder: Path) -> None:
    options = (
        "--model",
        str(text_folder),
        "--gen-length",
        "8",
        "--limit",
        "3",
        "--batch-size",
        "2",
        "--json",
    )
    for task in TASKS:
        code, out, err = run("eval", "--task", task, *options)
        assert (code, err) == (0, "")
        made = json.loads(out)
        assert (made["task"], made["n"], made["method"]) == (task, 3, "depcap")
        assert 0 <= made["ci95"][0] <= made["accuracy"] <= made["ci95"][1] <= 1


def test_the_likelihood_of_one_problem_has_no_interval(run: Any) -> None:
    options = ("--task", "python", "--metric", "nll", "--limit", "1", "--masks", "2")
    code, out, err = run("eval", *options, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["ci95"] is None
    assert run("eval", *options)[0] == 0


# What does not

BAD = {
    "no prompt": (),
    "two prompts": ("--prompt", "a", "--prompt-ids", "[1]"),
    "empty prompt": ("--prompt", ""),
    "blank prompt": ("--prompt", " \n "),
    "prompt of bytes": ("--prompt", "a\udcff"),
    "prompt with the mask": ("--prompt", "<|mask|>"),
    "no such file": ("--prompt-file", "/no/such/file"),
    "a folder as file": ("--prompt-file", "/"),
    "ids that are no list": ("--prompt-ids", "5"),
    "ids that are no JSON": ("--prompt-ids", "[1,"),
    "no ids": ("--prompt-ids", "[]"),
    "ids out of range": ("--prompt-ids", "[640]"),
    "ids that are no integers": ("--prompt-ids", "[1.5]"),
    "nested ids": ("--prompt-ids", "[[1]]"),
    "very deep ids": ("--prompt-ids", "[" * 100_000),
    "method": ("--prompt", "a", "--method", "x"),
    "cache": ("--prompt", "a", "--cache", "x"),
    "stop": ("--prompt", "a", "--stop", "x"),
    "device": ("--prompt", "a", "--device", "x"),
    "dtype": ("--prompt", "a", "--dtype", "x"),
    "gen_length zero": ("--prompt", "a", "--gen-length", "0"),
    "gen_length text": ("--prompt", "a", "--gen-length", "x"),
    "gen_length huge": ("--prompt", "a", "--gen-length", "99999999999999999999"),
    "temperature": ("--prompt", "a", "--temperature", "-1"),
    "temperature nan": ("--prompt", "a", "--temperature", "nan"),
    "seed text": ("--prompt", "a", "--seed", "x"),
    "seed huge": ("--prompt", "a", "--temperature", "1", "--seed", "99999999999999999999999"),
    "set without value": ("--prompt", "a", "--set", "min_size"),
    "set without key": ("--prompt", "a", "--set", "=3"),
    "set unknown": ("--prompt", "a", "--set", "x=1"),
    "set not a number": ("--prompt", "a", "--set", "min_size=x"),
    "set out of range": ("--prompt", "a", "--set", "tau_low=2"),
    "set ids that are none": ("--prompt", "a", "--method", "adablock", "--set", "delimiter_ids=x"),
    "set contradictory": ("--prompt", "a", "--set", "min_size=9", "--set", "max_size=8"),
    "set a setting that is no parameter": ("--prompt", "a", "--set", "gen_length=5"),
    "set the model": ("--prompt", "a", "--set", "model=x"),
    "set the recording": ("--prompt", "a", "--set", "record=scores"),
    "trace in no folder": ("--prompt", "a", "--trace", "/no/such/folder/x.parquet"),
    "trace level": ("--prompt", "a", "--trace", "/tmp/x.parquet", "--record", "x"),
    "level without a trace": ("--prompt", "a", "--record", "x"),
    "unknown option": ("--prompt", "a", "--nonsense"),
    "option without value": ("--prompt",),
    "stray argument": ("--prompt", "a", "b"),
}


def refused(result: Run) -> None:
    code, out, err = result
    assert code == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.endswith("\n")
    assert "Traceback" not in err


@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("bad", BAD)
def test_bad_input_is_one_line_on_stderr_and_exit_code_2(
    decode: Any, bad: str, as_json: tuple[str, ...]
) -> None:
    refused(decode(*as_json, *BAD[bad]))


@pytest.mark.parametrize("model", ["x", "/no/such/folder", "no/such-model", "/tmp", ""])
def test_an_unknown_model_is_one_line(run: Any, model: str) -> None:
    refused(run("decode", "--model", model, "--prompt", "a"))


@pytest.mark.parametrize(
    "arguments",
    [
        "nonsense", "--nonsense", "eval", "eval --task x", "eval --task python --limit 0", "methods extra",
        "eval --task python --metric x", "eval --task python --metric nll --masks 0",
        "eval --task python --limit 1001",
        "eval --task python --batch-size 0", "eval --task python --set batch_size=3", "models --nonsense",
        "eval --task python --set cache=x", "eval --task python --set seed=x", "eval --task python --limit x",
        "eval --task python --set gen_length=4",
    ],
    ids=str,
)  # fmt: skip
def test_other_commands_refuse_in_one_line_too(run: Any, text_folder: Path, arguments: str) -> None:
    command, *options = arguments.split()
    short = ["--model", str(text_folder), "--limit", "1"] if command == "eval" else []
    refused(run(command, *short, *options))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("eval --task python --metric nll --method llada", "--method is of decoding"),
        ("eval --task python --metric nll --set x=1", "--set is of decoding"),
        ("eval --task python --metric nll --gen-length 9", "--gen-length is of decoding"),
        ("eval --task python --metric nll --out x", "--out is of decoding"),
        ("eval --task python --masks 4", "--masks is for --metric nll"),
        ("decode --prompt a --record scores", "--record is of a trace"),
        ("decode --prompt a --revision main", "a revision is of a Hub id"),
    ],
    ids=str,
)
def test_what_would_change_nothing_is_refused(run: Any, text_folder: Path, arguments: str, said: str) -> None:
    command, *options = arguments.split()
    made = run(command, "--model", str(text_folder), *options)
    refused(made)
    assert said in made[2]


def test_where_a_trace_cannot_be_written_is_told_before_a_model_is_loaded(run: Any) -> None:
    made = run("decode", "--model", "no/such-model", "--prompt", "a", "--trace", "/no/such/folder/x.parquet")
    refused(made)
    assert "no such folder" in made[2]


def test_without_arguments_the_help_is_shown_as_it_is(run: Any) -> None:
    _, out, err = run()
    assert len((out + err).splitlines()) > 5


# As a process


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "depcap", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_the_module_is_the_command(text_folder: Path) -> None:
    done = process("decode", "--model", str(text_folder), "--prompt", "hi", "--gen-length", "8", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(json.loads(done.stdout)) == KEYS


def test_bad_input_ends_the_process_with_2() -> None:
    done = process("decode", "--prompt-ids", "[1")
    refused((done.returncode, done.stdout, done.stderr))


def test_a_closed_pipe_is_no_traceback() -> None:
    command = f"{sys.executable} -m depcap methods --json | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
