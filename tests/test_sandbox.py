"""Programs that mean harm end with an error, soon, and never in this process."""

import resource
import threading
import tracemalloc
from pathlib import Path

import pytest

from depcap.errors import DepcapError
from depcap.tasks import sandbox
from depcap.tasks.sandbox import Outcome, check_program, run_program


def computed() -> float:
    """Seconds that programs have computed for; on the clock a busy machine takes longer."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def run(body: str, *arguments: tuple[object, ...], head: str = "def f(x=0):") -> Outcome:
    source = head + "\n" + "\n".join(f"    {line}" for line in body.split("\n"))
    return run_program(source, list(arguments) or [(0,)])


def test_a_good_program_gives_its_values() -> None:
    assert run("return [x, x * 2, str(x), {x: (x,)}]", (1,), (2,)).values == (
        [1, 2, "1", {1: (1,)}], [2, 4, "2", {2: (2,)}],
    )  # fmt: skip


def test_arguments_are_fresh_for_every_call() -> None:
    assert run("x.append(1)\nreturn len(x)", ([],), ([5],)).values == (1, 2)


def test_the_language_of_the_references_is_enough() -> None:
    body = (
        "out = []\nfor i, y in enumerate(sorted(x)):\n    if y > 0 and y % 2 == 0:\n        out.append(y)\n"
        "return sum(out) if out else None"
    )
    assert run(body, ([3, 2, 4],)).values == (6,)


FORBIDDEN = {
    "import": "import os",
    "import from": "from os import system",
    "dunder import": "return __import__('os')",
    "open": "return open('/etc/passwd')",
    "eval": "return eval('1')",
    "exec": "exec('1')",
    "compile": "return compile('1', '', 'eval')",
    "getattr": "return getattr(x, 'real')",
    "setattr": "setattr(f, 'x', 1)",
    "vars": "return vars()",
    "globals": "return globals()",
    "type": "return type(x)",
    "input": "return input()",
    "print": "print(x)",
    "breakpoint": "breakpoint()",
    "exit": "exit()",
    "memoryview": "return memoryview(b'1')",
    "class of a value": "return x.__class__",
    "subclasses": "return ().__class__.__bases__[0].__subclasses__()",
    "builtins by name": "return __builtins__",
    "private name": "_a = 1\nreturn _a",
    "frame": "return (y for y in x).gi_frame",
    "code": "return f.__code__",
    "format": "return '{0.__class__}'.format(x)",
    "format map": "return '{x.__class__}'.format_map({'x': x})",
    "f-string": "return f'{x!r:>{10**9}}'",
    "lambda": "return (lambda: 1)()",
    "walrus": "return (y := 1)",
    "try": "try:\n    pass\nexcept:\n    pass",
    "raise": "raise x",
    "with": "with x: pass",
    "class": "class A: pass",
    "global": "global y\ny = 1",
    "nonlocal": "nonlocal y",
    "yield": "yield x",
    "await": "await x",
    "delete": "del x",
    "assert": "assert x",
    "star": "return [*x]",
    "encode": "return 'a'.encode()",
    "translate": "return 'a'.translate({})",
    "decorator inside": "@f\ndef g(): pass\nreturn g",
    "match": "match x:\n    case 1: pass",
}  # fmt: skip


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_is_not_in_the_small_language_is_refused(name: str) -> None:
    outcome = run(FORBIDDEN[name])
    assert outcome.error
    assert outcome.values == ()


@pytest.mark.parametrize(
    "name", [name for name in FORBIDDEN if FORBIDDEN[name].count("(") and name != "star"]
)
def test_the_subprocess_withstands_the_same_attempts_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the syntax check, no attempt gets at more than plain data of its own."""
    monkeypatch.setattr(sandbox, "_check_node", lambda _node: None)
    outcome = run(FORBIDDEN[name])
    assert outcome.error or outcome.values[0] in (None, 0, 1, "a", b"a", "<class 'int'>")


@pytest.mark.parametrize(
    "source",
    [
        "", "x = 1", "def f(): pass\ndef g(): pass", "import os\ndef f(): pass", "def _f(): pass",
        "async def f(): pass", "@x\ndef f(): pass", "def f(): pass\nf()", "def f(:", "\x00",
        "def f(): '\ud800'",
        "def f():\n\treturn 1\n        return 2", "class f: pass", "f = lambda: 1", "def f[T](): pass",
    ],
)  # fmt: skip
def test_anything_but_one_function_is_refused(source: str) -> None:
    outcome = run_program(source, [()])
    assert outcome.error
    assert len(outcome.error.splitlines()) == 1


HARMFUL = {
    "infinite loop": "while True:\n    pass",
    "a loop in C": "return sum(range(10**15))",
    "the largest in C": "return max(range(10**12))",
    "memory": "return [0] * 10**10",
    "memory by doubling": "s = 'a'\nwhile True:\n    s = s + s",
    "memory by a list": "out = []\nwhile True:\n    out.append(out)",
    "memory by join": "return ('a' * 10**8).join(['b'] * 100)",
    "memory by replace": "return ('a' * 10**5).replace('a', 'b' * 10**5)",
    "recursion": "return f(x)",
    "deep nesting": "out = []\nfor i in range(10**6):\n    out = [out]\nreturn out",
    "big exponent": "return 10**10**8",
    "exponent of a variable": "return (x + 10) ** (x + 10) ** 8",
    "big shift": "return 1 << 10**12",
    "big shift in reach": "return str(1 << 10**9)",
    "digits": "return int('9' * 10**6)",
    "str.format by percent": "return '%1000000000d' % 1",
    "percent repeated": "return '%*d' % (10**10, 1)",
    "sorting": "out = [0] * 10**7\nwhile True:\n    out.sort()",
    "comparing itself": "out = []\nout.append(out)\nother = []\nother.append(other)\nreturn out == other",
    "hash of a deep tuple": "out = ()\nfor i in range(10**6):\n    out = (out,)\nreturn {out: 1}",
    "a huge key error": "return {}['a' * 10**7]",
    "a lone surrogate in an error": "return {}['\\ud800']",
    "a default argument": "def g(y=10**10**8):\n    return y\nreturn g()",
    "nested loops": "for a in range(10**6):\n    for b in range(10**6):\n        x = x + 1\nreturn x",
    "zip without end": "return list(zip(range(10**12), range(10**12)))",
    "a comprehension": "return [y for y in range(10**12)]",
}


@pytest.mark.parametrize("name", HARMFUL)
def test_harm_ends_with_an_error_soon(name: str) -> None:
    began = computed()
    outcome = run(HARMFUL[name])
    assert outcome.error
    assert outcome.values == ()
    assert len(outcome.error.splitlines()) == 1
    assert len(outcome.error) <= 300
    assert computed() - began < sandbox.SECONDS + 2


OUTPUTS = {
    "huge text": "return 'a' * 10**7",
    "huge list": "return list(range(10**6))",
    "a generator": "return (y for y in [1])",
    "a function": "return f",
    "a range": "return range(3)",
    "a class": "return int",
    "infinity": "return 1e999",
    "nested deeply": "out = []\nfor i in range(500):\n    out = [out]\nreturn out",
    "a huge number": "return 2 ** 20000",
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_values_that_are_not_small_plain_data_are_an_error(name: str) -> None:
    outcome = run(OUTPUTS[name])
    assert outcome.error
    assert outcome.values == ()


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    return " + "(" * 1900 + "x" + ")" * 1900, "def f(x):\n    return " + "-" * 3900 + "x",
        "def f(x):\n    return " + "not " * 900 + "x", "def f(x):\n    return " + "x+" * 1900 + "x",
        "def f(x):\n    return x" + ".a" * 1900, "def f(x):\n    return x" + "[0]" * 1200,
        "def f(x):\n    return x" + "()" * 1900, "def f(x):\n    return " + "x if x else " * 300 + "x",
        "def f(x):\n    return " + "9" * 3900, "def f(x):\n    return '" + "\\N{DIGIT ONE}" * 200 + "'",
        "def f(x):\n" + "".join(" " * i + "if x:\n" for i in range(1, 80)) + " " * 80 + "x",
        "def f(" + "x" * 3900 + "):\n    return 1", "def f(x):\n    return " + "[" * 1900,
        "def f(x):\n    " + "x = " * 900 + "x", "def f(x):\n    return x" + " < x" * 900,
        "def f(x): return 1" + "\n" * 5000,
    ],
    ids=range(16),
)  # fmt: skip
def test_odd_sources_do_not_hurt_this_process(source: str) -> None:
    began = computed()
    outcome = run_program(source, [(1,)])
    assert isinstance(outcome, Outcome)
    assert computed() - began < sandbox.SECONDS + 2


def test_nothing_is_written_and_no_environment_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second fence alone: a program that gets past the syntax check."""
    monkeypatch.setattr(sandbox, "check_program", lambda _source: "f")
    monkeypatch.setattr(sandbox, "BUILTINS", sandbox.BUILTINS | {"__import__", "open"})
    target = tmp_path / "file"
    assert run(f"open({str(target)!r}, 'w').write('x')").error
    assert not target.exists()
    assert run("import socket\nsocket.socket()").error
    monkeypatch.setenv("DEPCAP_SECRET", "x")
    seen = run("import posix\nreturn posix.environ.get(b'DEPCAP_SECRET')")
    assert seen.values == (None,)


def test_huge_errors_do_not_fill_our_memory() -> None:
    tracemalloc.start()
    try:
        assert run("return {}['\\x00' * (2 * 10**7)]").error
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


def test_programs_can_be_run_from_several_threads() -> None:
    results: list[Outcome] = []
    threads = [threading.Thread(target=lambda: results.append(run("return x", (7,)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.values for result in results] == [(7,)] * 3


def test_checking_finds_the_functions_name() -> None:
    assert check_program("def solve(x):\n    return x") == "solve"


def test_a_machine_without_limits_is_no_fault_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """A score of 0 would be a claim about the model."""
    broken = sandbox.RUNNER.replace("resource.RLIMIT_CPU, (seconds", "resource.RLIMIT_CPU, (-9", 1)
    monkeypatch.setattr(sandbox, "RUNNER", broken)
    with pytest.raises(DepcapError, match="cannot be run in limits on this machine: ValueError") as error:
        run("return 1")
    assert len(str(error.value).splitlines()) == 1


def test_a_machine_too_busy_to_run_a_program_is_none_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "PATIENCE", 0.001)
    with pytest.raises(DepcapError, match="too much else runs"):
        run("return 1")
