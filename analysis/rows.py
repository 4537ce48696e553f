"""What a study has measured: entries of its journal, and the table that holds the same."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from depcap.errors import DepcapError
from depcap.journal import refuse_other

Row = dict[str, Any]
NAMED = ("decode", "prompt", "task", "settings")
"""The table's columns that are not of a row but of its decode."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The rows of one decode, with digests of its prompt and of what was decided, and how it was decoded.

    `settings` is `depcap.request.Settings` as a dictionary that JSON can hold.
    """

    decode: str
    task: str
    prompt: str
    digest: str
    settings: dict[str, Any]
    rows: list[Row]


def table(entries: Iterable[Measured], header: Row) -> pd.DataFrame:
    """Rows of all decodes, named for the decode; with its prompt's digest, task, and settings as JSON.

    Its `attrs`, which its Parquet file keeps, say what the work is, and hold the decodes' digests.
    """
    entries = list(entries)
    rows = pd.DataFrame(
        {
            "decode": entry.decode, "prompt": entry.prompt, "task": entry.task,
            "settings": json.dumps(entry.settings), **row,
        }
        for entry in entries
        for row in entry.rows
    )  # fmt: skip
    digests = {entry.decode: entry.digest for entry in entries}
    rows.attrs = {"work": header, "digests": digests, "columns": list(rows)}
    return rows


def read(path: Path, header: Row) -> list[Measured]:
    """The entries that a table's file holds, but for decodes without rows; none where there is no file.

    A file of other work is refused. Columns that the table got later, in conclusion, are left out.
    """
    if not path.exists():
        return []
    try:
        rows = pd.read_parquet(path)
    except (OSError, pa.ArrowException):
        raise DepcapError(f"{path} is no table of a study: give another folder") from None
    refuse_other(path, rows.attrs.get("work", {}), header)
    if rows.empty:
        return []
    digests: dict[str, str] = rows.attrs["digests"]
    own = [name for name in rows.attrs["columns"] if name not in NAMED]
    return [
        Measured(
            decode, first["task"], first["prompt"], digests[decode], json.loads(first["settings"]),
            [{name: _plain(row[name]) for name in own} for row in group.to_dict("records")],
        )
        for decode, group in rows.groupby("decode", sort=False)
        for first in [group.iloc[0]]
    ]  # fmt: skip


def _plain(value: Any) -> Any:
    """A cell as JSON has it; an empty one as in a table of rows that did not all have it."""
    if value is None:
        return np.nan
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
