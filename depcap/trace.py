"""The record of one decoded row: a header and one table row per step, as a Parquet file.

From a trace alone every canvas can be rebuilt. Files are written whole or not at all, and nothing in them is
ever executed.
"""

import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from depcap.errors import DepcapError

SCHEMA_VERSION = "1.3"
METADATA_KEY = b"depcap"
LEVELS = ("decisions", "scores", "distributions")
"""How much is recorded: commits and blocks; also reasons, conflicts and curves; also alternatives."""

_INTS, _FLOATS = pa.list_(pa.int32()), pa.list_(pa.float32())
_EDGE = pa.struct([("i", pa.int32()), ("j", pa.int32()), ("d", pa.float32())])
SCHEMA = pa.schema(
    [
        ("step", pa.int32()),  # of this row, from 1; one forward each, but for drafts of several
        ("seconds", pa.float64()),  # since the start of the decode
        ("computed", pa.int32()),  # positions run through the network
        ("block", pa.int32()),  # ordinal, from 0
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("opened", pa.bool_()),
        ("committed", _INTS),  # positions unmasked in this step
        ("committed_tokens", _INTS),
        ("remasked", _INTS),  # positions masked again in this step, after the commit
        # levels `scores` and `distributions`, over the masked positions of the block before the commit
        # (of all that is read, where a method may unmask past the block):
        ("positions", _INTS),
        ("tokens", _INTS),  # proposed
        ("confidence", _FLOATS),
        ("reason", pa.list_(pa.string())),
        ("cause", _INTS),  # the position that blocked it, or -1
        ("round", _INTS),  # of the greedy selection, from 1, or -1
        ("candidates", _INTS),  # positions in the conflict graph
        ("edges", pa.list_(_EDGE)),  # conflicts, i < j
        # where a block opened:
        ("wanted", pa.int32()),  # length before the clamp; null without a score
        ("clamp", pa.string()),
        ("influence", _FLOATS),  # nats, over start, start + 1, ...
        ("entropy", _FLOATS),
        ("influence_smooth", _FLOATS),
        ("entropy_smooth", _FLOATS),
        ("influence_norm", _FLOATS),
        ("entropy_norm", _FLOATS),
        ("score", _FLOATS),
        # level `distributions`: alternatives at each of `positions`, best first:
        ("top_ids", pa.list_(_INTS)),
        ("top_log_probs", pa.list_(_FLOATS)),
    ]
)
CURVES = (
    "influence", "entropy", "influence_smooth", "entropy_smooth", "influence_norm", "entropy_norm", "score",
)  # fmt: skip


class Header(BaseModel):
    """What a reader needs to understand a trace and to run it again.

    `helpers` are the hashes of weights that decoded beside the model's, by role (`filter`, `verifier`).
    """

    model_config = ConfigDict(extra="ignore", frozen=True, ser_json_inf_nan="constants")

    schema_version: str
    level: str
    model: str
    weights: str
    tokenizer: str | None
    method: str
    cache: str
    stop: str
    params: dict[str, float | int | str | list[int] | list[float] | None]
    helpers: dict[str, str] = {}
    gen_length: int
    seed: int
    temperature: float
    device: str
    dtype: str
    versions: dict[str, str]
    prompt_ids: list[int]
    mask_id: int
    end_ids: list[int]
    pieces: dict[int, str]
    tokens: list[int]
    text: str | None
    nfe: int
    block_sizes: list[int]
    unmask_step: list[int]
    seconds: float
    tokens_per_second: float

    @property
    def response_length(self) -> int:
        """Tokens before the first end token; all where there is none."""
        return response_length(self.tokens, self.end_ids)


def response_length(tokens: Sequence[int], end_ids: Sequence[int]) -> int:
    """Tokens before the first end token; all where there is none."""
    return next((place for place, token in enumerate(tokens) if token in end_ids), len(tokens))


@dataclass(frozen=True)
class Trace:
    """A header and a table with one row per step, columns as in `SCHEMA`."""

    header: Header
    steps: pa.Table

    def __eq__(self, other: object) -> bool:
        """Equal headers and equal tables."""
        if not isinstance(other, Trace):
            return NotImplemented
        return self.header == other.header and self.steps.equals(other.steps)

    __hash__ = None  # type: ignore[assignment]

    def rows(self) -> list[dict[str, Any]]:
        """The steps as dictionaries."""
        return list(self.steps.to_pylist())


def json_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """A method's parameters as JSON can hold them: infinities by name ("inf"), which `--set` reads."""

    def named(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [named(item) for item in value]
        return str(value) if value in (math.inf, -math.inf) else value

    return {key: named(value) for key, value in params.items()}


def save(trace: Trace, path: str | Path) -> None:
    """Write a trace: to a temporary file beside `path`, synchronised, then renamed over it."""
    path = Path(path)
    metadata = {METADATA_KEY: trace.header.model_dump_json().encode()}
    table = trace.steps.replace_schema_metadata(metadata)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise DepcapError(f"cannot write {path}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            pq.write_table(table, file, compression="zstd", write_page_checksum=True)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise DepcapError(f"cannot write {path}: {error.strerror}") from None
        raise


def _umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def load(path: str | Path) -> Trace:
    """Read a trace; DepcapError when the file is no trace, is damaged, or is of a newer major schema."""
    path = Path(path)
    try:
        table = pq.read_table(path, page_checksum_verification=True)
    except FileNotFoundError:
        raise DepcapError(f"{path} does not exist") from None
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise DepcapError(f"{path} is not a trace, or is damaged: {reason}") from None
    raw = (table.schema.metadata or {}).get(METADATA_KEY)
    if raw is None:
        raise DepcapError(f"{path} is a Parquet file but not a trace: it has no depcap header")
    header = _header(raw, path)
    table = _upgraded(table.replace_schema_metadata(None))
    if table.schema != SCHEMA:
        raise DepcapError(f"{path}: the columns are not those of schema {SCHEMA_VERSION}")
    return Trace(header, table)


def _upgraded(table: pa.Table) -> pa.Table:
    """Schemas before 1.3 had no method that masks again."""
    if "remasked" in table.schema.names:
        return table
    field = SCHEMA.field("remasked")
    place = min(SCHEMA.get_field_index(field.name), table.num_columns)
    return table.add_column(place, field, pa.array([[]] * len(table), _INTS))


def _header(raw: bytes, path: Path) -> Header:
    try:
        version = str(json.loads(raw)["schema_version"])
        major = int(version.split(".")[0])
    except (ValueError, KeyError, TypeError):
        raise DepcapError(f"{path}: the trace's header cannot be read") from None
    if major > int(SCHEMA_VERSION.split(".")[0]):
        raise DepcapError(f"{path} has trace schema {version}; this version reads up to {SCHEMA_VERSION}")
    try:
        return Header.model_validate_json(raw)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"]))
        raise DepcapError(f"{path}: the trace's header is damaged at {field!r}") from None
