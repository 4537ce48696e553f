"""Decoding methods by name: parameters with their ranges in one place, and the Method they make."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from depcap.boundary import DelimiterBlock, FixedBlock, InfluenceBlock
from depcap.cache import CACHES
from depcap.decoder import Method
from depcap.errors import DepcapError
from depcap.proposer import proposer
from depcap.stopping import STOPS
from depcap.unmask import ConflictFree, Factor, Quota, Threshold

Size = Annotated[int, Field(ge=1, le=4096)]
Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _listed(value: object) -> object:
    """Ids as a command line gives them: `198,271`."""
    return value.strip("[] ").split(",") if isinstance(value, str) else value


Ids = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_listed)]


class Params(BaseModel):
    """Parameters of a method: unknown names and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=True)


class ArParams(Params):
    """Left to right, one token per forward: how a causal model decodes."""


class LladaParams(Params):
    """LLaDA (arXiv 2502.09992): fixed blocks, a fixed number of tokens per step."""

    block_size: Size = Field(32, description="positions per block")
    steps: Size | None = Field(
        None, description="denoising steps in all; default: gen_length, one token each"
    )


class FastDllmParams(Params):
    """Fast-dLLM (arXiv 2505.22618): fixed blocks, every confident position at once."""

    block_size: Size = Field(32, description="positions per block")
    threshold: Probability | None = Field(
        None, description="least confidence (default 0.9); or give factor instead"
    )
    factor: Positive | None = Field(None, description="bound that rises with the rank, usually 1.0")

    @model_validator(mode="after")
    def _one_rule(self) -> "FastDllmParams":
        if self.threshold is not None and self.factor is not None:
            raise ValueError("give threshold or factor, not both")
        return self


class AdablockParams(Params):
    """AdaBlock-dLLM (arXiv 2509.26432): blocks end at a sure delimiter, every confident position at once."""

    block_size: Size = Field(32, description="positions per block where no delimiter is sure")
    threshold: Probability = Field(0.9, description="least confidence to be unmasked")
    delimiter_threshold: Annotated[float, Field(ge=0, allow_inf_nan=True)] = Field(
        0.3, description="least confidence of a delimiter; the paper takes 0.5 for Dream"
    )
    delimiter_ids: Ids | None = Field(
        None, description="tokens that end a block; default: those whose text ends in a newline"
    )


class DepcapParams(Params):
    """DepCap (arXiv 2604.15750): blocks by last-block influence, tokens by conflict graph."""

    min_size: Size = Field(8, description="smallest block; also the first block")
    max_size: Size = Field(128, description="largest block, and the window the score looks at")
    lambda_u: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        1.2, description="weight of uncertainty against influence: larger means shorter blocks"
    )
    top_k: Size = Field(64, description="tokens kept per position to measure influence")
    tau_low: Probability = Field(0.8, description="least confidence to be unmasked with others")
    tau_high: Probability = Field(0.95, description="confidence from which conflicts are ignored")
    gamma: Annotated[float, Field(allow_inf_nan=True)] = Field(
        -16.0, description="conflict threshold on D: larger means fewer conflicts"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "DepcapParams":
        if self.min_size > self.max_size:
            raise ValueError(f"min_size {self.min_size} must be at most max_size {self.max_size}")
        if self.tau_low > self.tau_high:
            raise ValueError(f"tau_low {self.tau_low} must be at most tau_high {self.tau_high}")
        if math.isnan(self.gamma):
            raise ValueError("gamma must be a number")
        return self


@dataclass(frozen=True, slots=True)
class Context:
    """What a method's policies may hang on besides its parameters. `newlines`: ids that end in a newline."""

    gen_length: int
    newlines: Callable[[], tuple[int, ...]]


def _adablock(params: AdablockParams, context: Context) -> tuple[Any, Any, dict[str, Any]]:
    delimiters = params.delimiter_ids if params.delimiter_ids is not None else context.newlines()
    if not delimiters:
        raise DepcapError("method adablock: no tokenizer to find newlines with: give delimiter_ids")
    window = context.gen_length // 4
    boundary = DelimiterBlock(params.block_size, delimiters, params.delimiter_threshold, window)
    resolved = params.model_dump() | {"delimiter_ids": list(delimiters)}
    return boundary, Threshold(params.threshold), resolved


def _ar(_params: ArParams, _context: Context) -> tuple[Any, Any, dict[str, Any]]:
    return FixedBlock(1), Quota(1), {}


def _llada(params: LladaParams, context: Context) -> tuple[Any, Any, dict[str, Any]]:
    gen_length = context.gen_length
    blocks = math.ceil(gen_length / params.block_size)
    steps = params.steps or gen_length
    per_block = params.block_size if params.steps is None else steps // blocks
    if params.steps is not None and (steps % blocks or not blocks <= steps <= gen_length):
        raise DepcapError(
            f"method llada: steps {steps} must be a multiple of the {blocks} blocks (gen_length {gen_length}"
            f" / block_size {params.block_size}), from {blocks} to {gen_length}"
        )
    resolved = {"block_size": params.block_size, "steps": steps}
    return FixedBlock(params.block_size), Quota(per_block), resolved


def _fast_dllm(params: FastDllmParams, _context: Context) -> tuple[Any, Any, dict[str, Any]]:
    boundary = FixedBlock(params.block_size)
    if params.factor is not None:
        return boundary, Factor(params.factor), {"block_size": params.block_size, "factor": params.factor}
    threshold = 0.9 if params.threshold is None else params.threshold
    return boundary, Threshold(threshold), {"block_size": params.block_size, "threshold": threshold}


def _depcap(params: DepcapParams, _context: Context) -> tuple[Any, Any, dict[str, Any]]:
    boundary = InfluenceBlock(params.min_size, params.max_size, params.lambda_u, params.top_k)
    return boundary, ConflictFree(params.tau_low, params.tau_high, params.gamma), params.model_dump()


@dataclass(frozen=True, slots=True)
class Preset:
    """A named method: its parameters, where it is from, how its policies are made, and what it goes with."""

    params: type[Params]
    paper: str
    build: Callable[[Any, Context], tuple[Any, Any, dict[str, Any]]]
    caches: tuple[str, ...] = ("none", "prefix", "dual")
    causal: bool = False

    @property
    def summary(self) -> str:
        """What it does, in one line."""
        return inspect.getdoc(self.params) or ""


METHODS: dict[str, Preset] = {
    "depcap": Preset(DepcapParams, "arXiv 2604.15750", _depcap),
    "adablock": Preset(AdablockParams, "arXiv 2509.26432", _adablock),
    "fast-dllm": Preset(FastDllmParams, "arXiv 2505.22618", _fast_dllm),
    "llada": Preset(LladaParams, "arXiv 2502.09992", _llada),
    "ar": Preset(ArParams, "", _ar, ("none", "causal"), causal=True),
}
"""Every method that exists, by name."""


@dataclass(frozen=True, slots=True)
class NamedMethod:
    """A Method with what a reader needs to make it again: its name, cache, stop rule, every parameter."""

    name: str
    cache: str
    stop: str
    params: dict[str, Any]
    method: Method


def make_method(
    name: str,
    gen_length: int,
    cache: str = "none",
    stop: str = "run_to_end",
    temperature: float = 0.0,
    seed: int = 0,
    params: Mapping[str, Any] | None = None,
    newlines: Callable[[], tuple[int, ...]] = tuple,
) -> NamedMethod:
    """The named method with these parameters; DepcapError names what is wrong and what is accepted.

    `newlines` gives the ids of tokens whose text ends in a newline, for methods that look for them.
    """
    preset = choose(METHODS, name, "method")
    cache_policy = choose({name: CACHES[name] for name in preset.caches}, cache, "cache")
    stop_rule = choose(STOPS, stop, "stop")
    try:
        checked = preset.params(**(params or {}))
    except ValidationError as error:
        raise DepcapError(_first_problem(name, preset, error)) from None
    boundary, unmask, resolved = preset.build(checked, Context(gen_length, newlines))
    method = Method(boundary, unmask, cache_policy, stop_rule, proposer(temperature, seed))
    return NamedMethod(name, cache, stop, resolved, method)


def choose(table: Mapping[str, Any], name: str, kind: str) -> Any:
    """The entry of a table by name; DepcapError lists what exists."""
    if name not in table:
        raise DepcapError(f"unknown {kind} {name!r} (known: {', '.join(table)})")
    return table[name]


def _first_problem(name: str, preset: Preset, error: ValidationError) -> str:
    problem = error.errors()[0]
    accepted = ", ".join(preset.params.model_fields)
    if problem["type"] == "extra_forbidden":
        return f"method {name}: unknown parameter {problem['loc'][0]!r} (accepted: {accepted})"
    if not problem["loc"]:
        return f"method {name}: {problem['ctx']['error']}"
    return f"method {name}: {problem['loc'][0]} = {problem['input']!r}: {problem['msg'].lower()}"
