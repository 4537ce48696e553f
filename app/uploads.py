"""A trace that a visitor uploads, checked before anything is made of it."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import depcap
from app import session
from depcap import DepcapError
from depcap.models.loading import Model
from depcap.trace import SCHEMA

MAX_BYTES, MAX_STEPS, ROWS_AT_A_TIME = 32_000_000, 2_048, 32
MAX_VALUES = MAX_BYTES // 4
"""Of all columns together."""
TEXTS = {"clamp": "clamp", "reason": "reason.list.element"}
"""Columns of texts, and where Parquet has them."""


def uploaded(file: str, model: Model) -> depcap.Trace:
    """The trace, if it is a sound one of this model and within the page's limits."""
    _check_size(file)
    try:
        trace = depcap.trace.load(file)
    except DepcapError as error:  # without the place where the page keeps it
        raise DepcapError(str(error).replace(file, "this file")) from None
    if trace.header.weights != model.weights:
        raise DepcapError(f"this trace was not decoded with {model.name}")
    _check_header(trace.header, model)
    _check_steps(trace)
    return trace


def _check_size(file: str) -> None:
    """A small file can unfold to a large one: a value or a text that is said once and meant many times.

    What it says of itself is asked first, for one row alone may be too large to be read; then it is read a
    few rows at a time, every text once.
    """
    too_large = DepcapError(
        f"this trace is too large (at most {MAX_STEPS:,} steps and {MAX_BYTES // 10**6} MB)"
    )
    size = 0
    try:
        with pq.ParquetFile(file) as parquet:
            said, schema = parquet.metadata, parquet.schema_arrow
        if _said_size(said) > 1:
            raise too_large
        if any(field not in SCHEMA for field in schema):
            raise DepcapError("this file is no trace: its columns are others")
        texts = [path for name, path in TEXTS.items() if name in schema.names]
        with pq.ParquetFile(file, read_dictionary=texts) as parquet:
            for batch in parquet.iter_batches(ROWS_AT_A_TIME):
                size += batch.nbytes + _unfolded_texts(batch)
                if size > MAX_BYTES:
                    raise too_large
    except (OSError, pa.ArrowException):
        raise DepcapError("this file is no trace: it is no Parquet file") from None


def _said_size(said: pq.FileMetaData) -> float:
    """What a file says it holds, as a share of what is allowed."""
    groups = [said.row_group(number) for number in range(said.num_row_groups)]
    values = sum(group.column(place).num_values for group in groups for place in range(group.num_columns))
    unfolded = sum(group.total_byte_size for group in groups)
    return max(said.num_rows / MAX_STEPS, values / MAX_VALUES, unfolded / MAX_BYTES)


def _unfolded_texts(batch: pa.RecordBatch) -> int:
    """Bytes of all texts, each as often as it is meant, if all were as long as the longest."""
    found = [batch.column(name) for name in TEXTS if name in batch.schema.names]
    texts = [column.flatten() if pa.types.is_list(column.type) else column for column in found]
    return sum(len(column) * (pc.max(pc.binary_length(column.dictionary)).as_py() or 0) for column in texts)


NEEDED = (
    "step", "seconds", "computed", "block", "start", "end", "opened",
    "committed", "committed_tokens", "remasked",
)  # fmt: skip
"""Columns that every step has a value in."""
EVEN = ("positions", "tokens", "confidence", "reason", "cause", "round", "top_ids", "top_log_probs")
"""Columns that have as much to say as there are positions, or nothing."""


def _check_header(header: depcap.trace.Header, model: Model) -> None:
    denoiser = model.denoiser
    sound = (
        1 <= len(header.prompt_ids) <= session.MAX_PROMPT_TOKENS
        and 1 <= header.gen_length <= session.MAX_GEN_LENGTH
        and len(header.tokens) <= header.gen_length
        and header.mask_id == denoiser.mask_id
        and all(0 <= token < denoiser.vocab_size for token in [*header.prompt_ids, *header.tokens])
    )
    if not sound:
        raise DepcapError(
            "this trace is damaged, or too long for this page: its header does not fit the model"
        )


def _check_steps(trace: depcap.Trace) -> None:
    """Positions must lie in the response, and blocks too, one behind the other; no token is unknown."""
    first, last = len(trace.header.prompt_ids), len(trace.header.prompt_ids) + trace.header.gen_length
    vocabulary = set(trace.header.pieces)
    opened = first - 1
    for row in trace.rows():
        if any(row[name] is None for name in NEEDED):
            raise DepcapError("this trace is damaged: a step does not say what it did")
        places = [*row["committed"], *row["remasked"], *(row["positions"] or [])]
        sound = (
            max(first, opened) <= row["start"] < row["end"] <= last
            and not (row["opened"] and row["start"] == opened)
            and all(value is not None for value in places)
            and all(first <= place < last for place in places)
            and len(row["committed"]) == len(row["committed_tokens"])
            and len({len(row[name]) for name in EVEN if row[name] is not None}) <= 1
            and vocabulary.issuperset([*row["committed_tokens"], *(row["tokens"] or [])])
        )
        if not sound:
            raise DepcapError(f"this trace is damaged: step {row['step']} does not fit its header")
        opened = row["start"] if row["opened"] else opened
