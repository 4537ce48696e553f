"""What long work has found so far, kept in a file so that stopped work goes on."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from depcap.errors import DepcapError
from depcap.files import replace_text

Entry = TypeVar("Entry")


class Journal(Generic[Entry]):
    """Entries in the order in which they were found: in memory, and with a path in a file of JSON lines.

    `kind` is the entries' dataclass. The file's first line says what the work is; a journal of anything else
    is refused, not mixed in; without a header it is read as it is. A line that was cut off when the work was
    stopped is dropped.
    """

    def __init__(
        self, kind: type[Entry], path: Path | None = None, header: dict[str, Any] | None = None
    ) -> None:
        self.kind, self.path, self.entries = kind, path, list[Entry]()
        if path is None:
            return
        if path.exists():
            self._read(path, header or {})
        elif header is not None:
            _write(path, json.dumps(header) + "\n")

    def add(self, entries: Iterable[Entry]) -> None:
        """Keep what was found next."""
        new = list(entries)
        self.entries += new
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(entry)) + "\n" for entry in new)  # type: ignore[call-overload]

    def _read(self, path: Path, header: dict[str, Any]) -> None:
        try:
            first, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            found = dict(json.loads(first))
            whole = [line for line in lines if line.endswith("\n")]
            self.entries = [self.kind(**json.loads(line)) for line in whole]
        except (OSError, ValueError, TypeError):
            raise DepcapError(f"{path} is no journal of {self.kind.__name__}s: give another file") from None
        refuse_other(path, found, header)
        if len(whole) < len(lines):
            _write(path, first + "".join(whole))


def refuse_other(path: Path, found: Mapping[str, Any], header: Mapping[str, Any]) -> None:
    """DepcapError unless the work that a file says it is of is the one that is asked for."""
    for key, value in json.loads(json.dumps(header)).items():
        if found.get(key) != value:
            other = f"{key} {found.get(key)!r}, not {value!r}"
            raise DepcapError(
                f"{path} is of another run ({other}): ask for what it is of, or write elsewhere"
            )


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, text)
    except OSError as error:
        raise DepcapError(f"cannot write {path}: {error.strerror}") from None
