"""What holds of the project as a whole."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import depcap

ROOT = Path(__file__).parents[1]
PACKAGES = ("depcap", "analysis", "app")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_page_can_be_built_from_the_root() -> None:
    done = python("import app; app.build_demo()")
    assert done.returncode == 0, done.stderr


def test_the_public_names_are_few_and_documented() -> None:
    assert len(depcap.__all__) <= 20
    assert len(set(depcap.__all__)) == len(depcap.__all__)
    for name in depcap.__all__:
        value = getattr(depcap, name)
        if not isinstance(value, dict):
            assert inspect.getdoc(value)


@pytest.mark.parametrize("name", [name for name in depcap.__all__ if isinstance(getattr(depcap, name), dict)])
def test_public_tables_are_documented_where_they_are_made(name: str) -> None:
    assert any(re.search(rf'^{name}\b.*?^(\}}|\))?\n?"""', path.read_text(), re.M | re.S) for path in SOURCES)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_say_what_they_are(path: Path) -> None:
    source = path.read_text()
    assert not source.strip() or ast.get_docstring(ast.parse(source))


def test_no_html_template_of_the_page_has_a_placeholder() -> None:
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "html_template":
                assert isinstance(node.value, ast.Constant), path
                assert not re.search(r"\{|\$", str(node.value.value)), path


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize(
    ("package", "never"),
    [
        ("depcap", {"gradio", "plotly", "analysis", "app"}),
        ("analysis", {"gradio", "app"}),
        ("app", {"torch"}),
    ],
)
def test_imports_point_one_way(package: str, never: set[str]) -> None:
    for path in (ROOT / package).rglob("*.py"):
        assert not imports(path) & never, path


def test_nothing_from_a_checkpoint_can_be_executed() -> None:
    for path in (ROOT / "depcap").rglob("*.py"):
        source = path.read_text()
        assert "trust_remote_code" not in source, path
        assert "torch.load(" not in source, path
        assert not imports(path) & {"pickle", "dill", "cloudpickle"}, path


def test_nothing_prints_but_the_edges() -> None:
    for path in (ROOT / "depcap").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "print", path


def test_the_structure_names_every_module_and_nothing_else() -> None:
    named = set(re.findall(r"^\| `([^`]+)`", (ROOT / "docs" / "structure.md").read_text(), re.M))
    folders = tuple(name for name in named if name.endswith("/"))
    modules = {str(path.relative_to(ROOT)) for path in (*SOURCES, *(ROOT / "scripts").glob("*.py"))}
    assert not {file for file in modules - named if not file.startswith(folders) and "/__" not in file}
    assert all((ROOT / name).exists() for name in named)
