"""Models for every test, hypothesis profiles, one thread, no network."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from tiny import CONFIGS, sharp_filter, write_checkpoint, write_text_checkpoint

import depcap
from depcap import cli
from depcap.filter import save_filter
from depcap.models.checkpoint import weights_hash

torch.set_num_threads(1)
settings.register_profile("ci", max_examples=50, derandomize=True, deadline=None)
settings.register_profile("dev", max_examples=200, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def run_cli(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: exit code, stdout, stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["depcap", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return call


GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def golden() -> dict[str, depcap.Model]:
    """The parity checkpoints, by family, in float32."""
    folders = {"llada": "llada-a", "dream": "dream-a"}
    return {family: depcap.load(str(GOLDEN / name), "cpu", "float32") for family, name in folders.items()}


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, depcap.Model]:
    """Tiny random diffusion models (vocabulary 40) with random filters, by family, in float64."""
    root = tmp_path_factory.mktemp("small")
    folders = {kind.lower(): write_checkpoint(root / kind, CONFIGS[kind]()) for kind in ("llada", "Dream")}
    for folder in folders.values():
        save_filter(sharp_filter(), folder, weights_hash(folder))
    return {family: depcap.load(str(folder), "cpu", "float64") for family, folder in folders.items()}


@pytest.fixture(scope="session")
def causal(tmp_path_factory: pytest.TempPathFactory) -> depcap.Model:
    """A tiny random causal model, in float64."""
    folder = write_checkpoint(tmp_path_factory.mktemp("causal") / "llama", CONFIGS["llama"]())
    return depcap.load(str(folder), "cpu", "float64")


@pytest.fixture(scope="session")
def llada(small: dict[str, depcap.Model]) -> depcap.Model:
    return small["llada"]


@pytest.fixture(scope="session")
def text_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random LLaDA checkpoint with the bundled tokenizer."""
    return write_text_checkpoint(tmp_path_factory.mktemp("text") / "tiny")


@pytest.fixture(scope="session")
def text_model(text_folder: Path) -> depcap.Model:
    return depcap.load(str(text_folder), "cpu", "float32")
