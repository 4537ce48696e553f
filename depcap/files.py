"""Files that are there whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path


def replace(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file beside `path`, then put it in its place.

    Processes that replace the same file do not disturb each other: the last one's stays.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    write(temporary)
    os.replace(temporary, path)


def replace_text(path: Path, text: str) -> None:
    """The same for text."""
    replace(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
