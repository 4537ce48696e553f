"""What a comparison's times hang on besides the decoders."""

import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from depcap.journal import Journal

CPUS = Path("/proc/cpuinfo")
"""Where Linux names its processors."""
FILE = "machines.jsonl"


@dataclass(frozen=True, slots=True)
class Machine:
    """Processor (with its vector instructions) and GPU, if that decodes; threads; versions."""

    name: str
    threads: int
    versions: str

    def __str__(self) -> str:
        """All of it."""
        return f"{self.name}; threads: {self.threads}; {self.versions}"


def this_machine(device: torch.device) -> Machine:
    """The one that this process runs on."""
    names = [_gpu(device)] if device.type == "cuda" else []
    processor = f"{_cpu()} ({torch.backends.cpu.get_cpu_capability()})"
    versions = f"depcap {version('depcap')}, torch {torch.__version__}"
    return Machine(", ".join([*names, processor]), torch.get_num_threads(), versions)


def note_machine(machine: Machine, out: Path) -> None:
    """Keep in a folder of results that this machine has made some of them."""
    journal = Journal(Machine, out / FILE, {})
    if machine not in journal.entries:
        journal.add([machine])


def machines(out: Path) -> list[Machine]:
    """Those that have made the results of a folder."""
    return Journal(Machine, out / FILE).entries if (out / FILE).exists() else []


def _gpu(device: torch.device) -> str:
    return torch.cuda.get_device_name(device)


def _cpu() -> str:
    """As the system calls it; its architecture where it does not say."""
    lines = CPUS.read_text().splitlines() if CPUS.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
