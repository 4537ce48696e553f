"""What a comparison's times hang on besides the decoders."""

import platform
from importlib.metadata import version
from pathlib import Path

import torch

CPUS = Path("/proc/cpuinfo")
"""Where Linux names its processors."""


def machine(device: torch.device) -> dict[str, object]:
    """The processor's name (and the GPU's, if that decodes), threads, and versions."""
    names = [_gpu(device)] if device.type == "cuda" else []
    return {
        "machine": ", ".join([*names, _cpu()]), "threads": torch.get_num_threads(),
        "versions": f"depcap {version('depcap')}, torch {torch.__version__}",
    }  # fmt: skip


def _gpu(device: torch.device) -> str:
    return torch.cuda.get_device_name(device)


def _cpu() -> str:
    """As the system calls it; its architecture where it does not say."""
    lines = CPUS.read_text().splitlines() if CPUS.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
