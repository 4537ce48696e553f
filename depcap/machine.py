"""What times hang on besides the decoder."""

import platform
from functools import cache
from pathlib import Path

import torch

from depcap.recorder import versions

CPUS = Path("/proc/cpuinfo")
"""Where Linux names its processors."""


def this_machine(device: torch.device) -> str:
    """The one that this process runs on.

    Processor (with its vector instructions) and GPU, if that decodes; threads; versions.
    """
    names = [torch.cuda.get_device_name(device)] if device.type == "cuda" else []
    processor = f"{_cpu()} ({torch.backends.cpu.get_cpu_capability()})"
    libraries = f"depcap {versions()['depcap']}, torch {torch.__version__}"
    return f"{', '.join([*names, processor])}; threads: {torch.get_num_threads()}; {libraries}"


@cache
def _cpu() -> str:
    """As the system calls it; its architecture where it does not say."""
    lines = CPUS.read_text().splitlines() if CPUS.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
