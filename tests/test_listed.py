"""Problems of your own: a file of prompts and answers is a task like those that ship."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import depcap
from depcap.evaluation import held_out
from depcap.tasks import find_task
from depcap.tasks.listed import read_problems


def write(path: Path, *problems: object) -> Path:
    """A file of them, one a line."""
    path.write_text("".join(json.dumps(problem) + "\n" for problem in problems), encoding="utf-8")
    return path


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Three problems; the second answer is met by nothing."""
    return write(
        tmp_path / "mine.jsonl",
        {"prompt": "What is 2+3?\n", "answer": 5},
        {"prompt": "Say no\n", "answer": "\u2260"},
        {"question": "What is 4*4?\n", "answer": "4*4=16\n#### 16", "source": "GSM8K's own keys"},
    )


# Reading


def test_a_file_is_a_task_named_for_it(mine: Path) -> None:
    task, problems = held_out(str(mine), 3)
    assert task.name == "mine"
    assert [problem.prompt for problem in problems] == ["What is 2+3?\n", "Say no\n", "What is 4*4?\n"]


def test_its_version_is_what_is_in_it(mine: Path, tmp_path: Path) -> None:
    again = tmp_path / "copy.jsonl"
    again.write_bytes(mine.read_bytes())
    first = find_task(str(mine)).version
    assert find_task(str(again)).version == first
    write(mine, {"prompt": "another", "answer": 1})
    assert find_task(str(mine)).version != first


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("{", "no JSON object"),
        ("[1]", "no JSON object"),
        ("[" * 100_000, "no JSON object"),
        ('{"answer": "1"}', "prompt"),
        ('{"prompt": "", "answer": "1"}', "prompt"),
        ('{"prompt": 5, "answer": "1"}', "prompt"),
        ('{"prompt": "a", "answer": ["1"]}', "answer"),
        ('{"prompt": "a", "answer": true}', "answer"),
        ('{"prompt": "a", "answer": NaN}', "answer"),
    ],
)
def test_what_is_no_problem_is_refused_with_its_line(tmp_path: Path, line: str, cause: str) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"prompt": "a", "answer": "1"}\n\n' + line + "\n", encoding="utf-8")
    with pytest.raises(depcap.DepcapError, match=rf"line 3: .*{cause}.*accepted") as error:
        read_problems(path)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.jsonl", b"\n \n"),
        ("bytes.jsonl", b"\xff\xfe"),
        ("missing.jsonl", None),
        ("python.jsonl", b'{"prompt": "a", "answer": 1}'),
        ("problems.txt", b'{"prompt": "a", "answer": 1}'),
    ],
)
def test_what_is_no_file_of_problems_is_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(depcap.DepcapError, match=name.split(".")[0]) as error:
        find_task(str(path))
    assert len(str(error.value).splitlines()) == 1


def test_no_more_problems_are_asked_for_than_there_are(mine: Path) -> None:
    with pytest.raises(depcap.DepcapError, match="limit 4 must be from 1 to 3"):
        held_out(str(mine), 4)


def test_a_problem_without_an_answer_can_be_decoded_but_not_scored(tmp_path: Path) -> None:
    path = str(write(tmp_path / "open.jsonl", {"prompt": "a", "answer": 1}, {"prompt": "Tell a story"}))
    assert len(list(held_out(path, 2, scored=False)[1])) == 2
    assert len(list(held_out(path, 1)[1])) == 1
    with pytest.raises(depcap.DepcapError, match="problem 2 has no answer"):
        held_out(path, 2)


# Scoring


@pytest.mark.parametrize(
    ("answer", "completion", "right"),
    [
        ("18", "so it is 18.", True),
        ("18", "18 and then 19", False),
        ("18", "#### 18\n\nQuestion: 3 and 5?", True),
        ("18", "The 18 ####", False),
        ("3+15=18\n#### 18", "18", True),
        ("#### 1,234", "1234.0", True),
        ("1234", "that is $1,234", True),
        ("8", "10-8", True),
        ("-8", "x = -8", True),
        ("2.50", "2.5", True),
        ("18", "x18", False),
        ("18", "", False),
        ("18", "eighteen", False),
        ("$5", "5", True),
        ("-5", "-$5", True),
        ("-5", "x = \u22125", True),
        ("#### .5", "0.50", True),
        ("0.5", "3 times that, so $.50", True),
        (0.00001, "0.00001", True),
        (1e16, "10,000,000,000,000,000", True),
        ("yes", "Let me see.\n yes \n", True),
        ("yes", "yes, it is", False),
        ("yes", "", False),
        ("(A) 5", "It is\n(A) 5", True),
        ("(A) 5", "5", False),
    ],
)
def test_a_number_is_met_by_the_number_and_a_text_by_the_last_line(
    tmp_path: Path, answer: str | float, completion: str, right: bool
) -> None:
    task = read_problems(write(tmp_path / "mine.jsonl", {"prompt": "a", "answer": answer}))
    assert task.score(task.examples[0], completion) == right


# In the commands


def test_eval_scores_them_and_keeps_what_came_of_them(run_cli: Any, mine: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    options = ("--task", str(mine), "--gen-length", "24", "--out", str(kept), "--json")
    code, out, err = run_cli("eval", *options, "--limit", "3")
    assert (code, err) == (0, "")
    made = json.loads(out)
    assert (made["task"], made["n"]) == ("mine", 3)
    assert len(kept.read_text().splitlines()) == 4
    write(mine, {"prompt": "another", "answer": 1})
    code, out, err = run_cli("eval", *options, "--limit", "1")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "version" in err


def test_compare_sets_decoders_side_by_side_on_them(
    run_cli: Any, text_folder: Path, mine: Path, tmp_path: Path
) -> None:
    options = (
        "--model",
        str(text_folder),
        "--gen-length",
        "8",
        "--methods",
        "llada,depcap",
        "--cache",
        "none",
    )
    out = tmp_path / "out"
    code, _, err = run_cli(
        "compare", "--task", f"arithmetic,{mine}", *options, "--limit", "2", "--out", str(out)
    )
    assert code == 0, err
    assert set(pd.read_parquet(out / "outcomes.parquet")["task"]) == {"arithmetic", "mine"}
    refused = run_cli("compare", "--task", f"arithmetic,{mine}", *options, "--limit", "9", "--out", str(out))
    assert (refused[0], len(refused[2].splitlines())) == (2, 1)


@pytest.mark.parametrize(
    "command", [("eval",), ("compare", "--methods", "llada"), ("analyze", "calibration")], ids=lambda c: c[0]
)
def test_a_prompt_that_is_too_long_is_told_before_anything_is_decoded(
    run_cli: Any, text_folder: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    path = str(write(tmp_path / "mine.jsonl", *({"prompt": "a " * n, "answer": 1} for n in (1, 5_000))))
    options = ("--task", path, "--model", str(text_folder), "--gen-length", "8", "--batch-size", "1")
    code, _, err = run_cli(*command, *options, "--limit", "2", "--out", str(out))
    assert (code, len(err.splitlines())) == (2, 1)
    assert "problem 2: prompt (" in err
    assert not list(out.rglob("*.parquet")) + list(out.rglob("outcomes/*"))


def test_two_files_of_one_name_cannot_be_told_apart(
    run_cli: Any, text_folder: Path, mine: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = write(tmp_path / "other" / "mine.jsonl", {"prompt": "a", "answer": 1})
    options = (
        "--model",
        str(text_folder),
        "--methods",
        "llada",
        "--limit",
        "1",
        "--out",
        str(tmp_path / "out"),
    )
    code, _, err = run_cli("compare", "--task", f"{mine},{other}", *options)
    assert (code, len(err.splitlines())) == (2, 1)
    assert "mine, mine" in err


def test_a_study_asks_of_them_what_it_asks_of_our_own(
    run_cli: Any, text_folder: Path, tmp_path: Path
) -> None:
    """A study needs no answers."""
    path, out = write(tmp_path / "open.jsonl", {"prompt": "Tell a story"}), tmp_path / "out"
    options = ("--model", str(text_folder), "--gen-length", "16", "--limit", "1", "--out", str(out))
    code, _, err = run_cli("analyze", "calibration", "--task", str(path), *options)
    assert code == 0, err
    assert set(pd.read_parquet(out / "calibration.parquet")["task"]) == {"open"}
    write(path, {"prompt": "Tell another story"})
    code, _, err = run_cli("analyze", "calibration", "--task", str(path), *options)
    assert (code, len(err.splitlines())) == (2, 1)
    assert "another prompt" in err
