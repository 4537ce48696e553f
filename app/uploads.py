"""A trace that a visitor uploads, checked before anything is made of it."""

import pyarrow as pa
import pyarrow.parquet as pq

import depcap
from app import session
from depcap import DepcapError
from depcap.models.loading import Model

MAX_BYTES, MAX_STEPS, ROWS_AT_A_TIME = 32_000_000, 2_048, 32


def uploaded(file: str, model: Model) -> depcap.Trace:
    """The trace, if it is a sound one of this model and within the page's limits."""
    _check_size(file)
    trace = depcap.trace.load(file)
    if trace.header.weights != model.weights:
        raise DepcapError(f"this trace was not decoded with {model.name}")
    _check_header(trace.header, model)
    _check_steps(trace)
    return trace


def _check_size(file: str) -> None:
    """Read a few rows at a time: a small file can unfold to a large one, whatever it says of itself."""
    steps = size = 0
    try:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(ROWS_AT_A_TIME):
                steps, size = steps + batch.num_rows, size + batch.nbytes
                if steps > MAX_STEPS or size > MAX_BYTES:
                    limits = f"{MAX_STEPS:,} steps and {MAX_BYTES // 10**6} MB"
                    raise DepcapError(f"this trace is too large (at most {limits})")
    except (OSError, pa.ArrowException):
        raise DepcapError("this file is not a trace: it is no Parquet file") from None


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
    """Positions must lie in the response, blocks too, and there are no more tokens than positions."""
    first, last = len(trace.header.prompt_ids), len(trace.header.prompt_ids) + trace.header.gen_length
    vocabulary = set(trace.header.pieces)
    for row in trace.rows():
        places = [*row["committed"], *row["remasked"], *(row["positions"] or [])]
        sound = (
            first <= row["start"] <= row["end"] <= last
            and all(first <= place < last for place in places)
            and len(row["committed"]) == len(row["committed_tokens"])
            and vocabulary.issuperset([*row["committed_tokens"], *(row["tokens"] or [])])
        )
        if not sound:
            raise DepcapError(f"this trace is damaged: step {row['step']} does not fit its header")
