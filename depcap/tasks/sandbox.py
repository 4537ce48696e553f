"""Run a program somebody else wrote: allow-listed syntax, then a limited subprocess.

The syntax check is the fence: it admits a small language without imports, private names, or attributes beyond
a few methods. The subprocess bounds what a program that passes can cost: time, memory (except on macOS, which
takes no such limit), files, processes (except for root), with an empty environment and few builtins. It would
not hold back a program that got past the check.
"""

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from depcap.errors import DepcapError

SECONDS, PATIENCE = 2, 60
"""Of computing; and on the clock, which a busy machine needs and no program can spend otherwise."""
MEMORY_BYTES = 256 * 2**20
MAX_SOURCE = 4_000
MAX_OUTPUT = 100_000

BUILTINS = frozenset(
    [
        "abs",
        "all",
        "any",
        "bool",
        "dict",
        "enumerate",
        "float",
        "int",
        "isinstance",
        "len",
        "list",
        "max",
        "min",
        "range",
        "reversed",
        "round",
        "set",
        "sorted",
        "str",
        "sum",
        "tuple",
        "zip",
    ]
)
METHODS = frozenset(
    [
        "append",
        "add",
        "count",
        "endswith",
        "extend",
        "get",
        "index",
        "insert",
        "isalpha",
        "isdigit",
        "isspace",
        "isupper",
        "islower",
        "items",
        "join",
        "keys",
        "lower",
        "pop",
        "remove",
        "replace",
        "reverse",
        "sort",
        "split",
        "startswith",
        "strip",
        "upper",
        "values",
    ]
)
NODES = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.For,
    ast.While, ast.If, ast.IfExp, ast.Break, ast.Continue, ast.Pass, ast.Expr, ast.Compare, ast.BoolOp,
    ast.BinOp, ast.UnaryOp, ast.Call, ast.keyword, ast.Attribute, ast.Subscript, ast.Slice, ast.List,
    ast.Tuple, ast.Dict, ast.Set, ast.Constant, ast.Name, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp, ast.comprehension, ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip

UNABLE = 3
"""The exit code of a sandbox that could not limit itself, before any program has run."""
RUNNER = """
import sys
seconds, memory, unable = map(int, sys.argv[1:])
try:
    import json, resource
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    if sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
except Exception as error:
    sys.stderr.write(f"{type(error).__name__}: {error}")
    sys.exit(unable)
job = json.load(sys.stdin)
known = __builtins__ if isinstance(__builtins__, dict) else vars(__builtins__)
space = {"__builtins__": {name: known[name] for name in job["builtins"]}}
exec(compile(job["source"], "<program>", "exec"), space)
function = space[job["function"]]
try:
    values = [function(*eval(arguments)) for arguments in job["arguments"]]
    text = repr(values)[: job["max_output"]]
except BaseException as error:
    sys.stderr.write(f"{type(error).__name__}: {str(error)[:200]!r}"[:300])
    sys.exit(1)
sys.stdout.write(json.dumps(text))
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a program returned for each tuple of arguments, or why there is nothing."""

    values: tuple[Any, ...]
    error: str | None = None


def check_program(source: str) -> str:
    """The name of the one function in `source`; ValueError in one line if it leaves the small language."""
    if len(source) > MAX_SOURCE:
        raise ValueError(f"the program is longer than {MAX_SOURCE} characters")
    try:
        tree = ast.parse(source)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"the program does not parse: {type(error).__name__}") from None
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1 or len(tree.body) != 1:
        raise ValueError("the program must be exactly one function")
    for node in ast.walk(tree):
        _check_node(node)
    return functions[0].name


def _check_node(node: ast.AST) -> None:
    if not isinstance(node, NODES):
        raise ValueError(f"{type(node).__name__} is not allowed")
    if isinstance(node, ast.Attribute) and node.attr not in METHODS:
        raise ValueError(f"the attribute {node.attr!r} is not allowed")
    if isinstance(node, ast.Name) and node.id.startswith("_"):
        raise ValueError(f"the name {node.id!r} is not allowed")
    if isinstance(node, ast.FunctionDef) and (node.decorator_list or node.name.startswith("_")):
        raise ValueError("decorators and private names are not allowed")


def run_program(source: str, arguments: list[tuple[Any, ...]]) -> Outcome:
    """Call the function that `source` defines on each tuple of arguments, in a limited subprocess.

    Never raises for a bad program: the reason is in `error`. Values are plain Python literals. DepcapError
    where this machine can hold no program in limits, which is no program's fault.
    """
    try:
        function = check_program(source)
    except ValueError as error:
        return Outcome((), str(error))
    job = {
        "source": source,
        "function": function,
        "arguments": [repr(args) for args in arguments],
        "builtins": sorted(BUILTINS),
        "max_output": MAX_OUTPUT,
    }
    command = [sys.executable, "-I", "-S", "-c", RUNNER, *map(str, (SECONDS, MEMORY_BYTES, UNABLE))]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={},
            cwd="/",
        )
    except subprocess.TimeoutExpired:
        raise DepcapError(
            f"a program of {SECONDS} seconds did not end in {PATIENCE}: too much else runs"
        ) from None
    if done.returncode == UNABLE:
        raise DepcapError(f"programs cannot be run in limits on this machine: {done.stderr.strip()}")
    if done.returncode != 0:
        return Outcome((), (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:200])
    try:
        return Outcome(tuple(ast.literal_eval(json.loads(done.stdout))))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return Outcome((), "the program returned something that is not plain data")
