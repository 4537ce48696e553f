"""A decode that has been asked for and checked, ready to run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from depcap.errors import DepcapError
from depcap.methods import METHODS, NamedMethod, make_method
from depcap.models.loading import Model
from depcap.trace import LEVELS, json_params

Prompts = str | list[str] | list[list[int]]
MAX_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Settings:
    """How to decode, before it is checked; `params` are the method's own, the others keep their defaults."""

    method: str = "depcap"
    cache: str = "none"
    gen_length: int = 256
    stop: str = "eos"
    seed: int = 0
    temperature: float = 0.0
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """A checked decode: token ids, settings, and the method they make."""

    model: Model
    prompts: list[list[int]]
    settings: Settings
    method: NamedMethod


def check(model: Model, prompts: Prompts, settings: Settings, record: str | None = None) -> Request:
    """Everything that can be wrong with a decode, found before anything runs."""
    if record is not None and record not in LEVELS:
        raise DepcapError(f"unknown recording level {record!r} (known: {', '.join(LEVELS)})")
    named = named_method(model, settings)
    listed = [prompts] if isinstance(prompts, str) else prompts
    if not isinstance(listed, list | tuple) or not all(isinstance(p, str | list | tuple) for p in listed):
        raise DepcapError("prompts are one string, a list of strings, or a list of lists of token ids")
    if not listed:
        raise DepcapError("no prompt was given")
    if settings.seed + len(listed) > MAX_SEED:
        raise DepcapError(f"seed {settings.seed} is too large (at most {MAX_SEED - len(listed)})")
    ids = [prompt_ids(model, prompt, settings.gen_length) for prompt in listed]
    return Request(model, ids, settings, named)


def named_method(model: Model, settings: Settings) -> NamedMethod:
    """The method that the settings make for this model, or one line on what is wrong with them."""
    _check_numbers(settings)
    named = make_method(
        settings.method, settings.gen_length, settings.cache, settings.stop, settings.temperature,
        settings.seed, settings.params, model,
    )  # fmt: skip
    _check_kind(model, settings.method)
    return named


def identity(model: Model, settings: Settings) -> dict[str, Any]:
    """Everything that a decode hangs on besides its prompt, under the names in a trace's header."""
    named = named_method(model, settings)
    helped = {"helpers": dict(named.helpers)} if named.helpers else {}
    return helped | {
        "weights": model.weights, "dtype": str(model.dtype).removeprefix("torch."), "method": named.name,
        "params": json_params(named.params), "cache": named.cache, "stop": named.stop,
        "gen_length": settings.gen_length, "temperature": settings.temperature, "seed": settings.seed,
    }  # fmt: skip


def _check_kind(model: Model, method: str) -> None:
    """A causal model is decoded by causal methods, a diffusion model by the others."""
    causal = model.denoiser.causal
    if METHODS[method].causal not in (causal, None):
        fitting = ", ".join(name for name, preset in METHODS.items() if preset.causal in (causal, None))
        kind = "a causal model" if causal else "a diffusion model"
        raise DepcapError(f"{model.name} is {kind}: not for method {method!r} (accepted: {fitting})")


def _check_numbers(settings: Settings) -> None:
    """The annotations are only a wish to a caller in Python."""
    if not _is_int(settings.gen_length) or settings.gen_length < 1:
        raise DepcapError(f"gen_length {settings.gen_length!r} must be a whole number of at least 1")
    if not _is_int(settings.seed) or settings.seed < 0:
        raise DepcapError(f"seed {settings.seed!r} must be a whole number of at least 0")
    if not isinstance(settings.temperature, int | float) or not 0 <= settings.temperature <= 10:
        raise DepcapError(f"temperature {settings.temperature!r} must be a number from 0 to 10")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def prompt_ids(model: Model, prompt: str | list[int], gen_length: int) -> list[int]:
    """A prompt's token ids, or one line on why the model cannot go on from it for so long."""
    ids = _encode(model, prompt) if isinstance(prompt, str) else list(prompt)
    if not ids:
        raise DepcapError("the prompt is empty")
    vocab = model.denoiser.vocab_size
    outside = [i for i in ids if not _is_int(i) or not 0 <= i < vocab]
    if outside:
        raise DepcapError(f"the prompt has id {outside[0]!r}, outside the vocabulary (0 to {vocab - 1})")
    if model.denoiser.mask_id in ids:
        raise DepcapError(f"the prompt contains the mask token (id {model.denoiser.mask_id})")
    if len(ids) + gen_length > model.max_positions:
        raise DepcapError(
            f"prompt ({len(ids)} tokens) and gen_length ({gen_length}) exceed the model's"
            f" {model.max_positions} positions"
        )
    return ids


def _encode(model: Model, prompt: str) -> list[int]:
    if not prompt.strip():
        raise DepcapError("the prompt is empty")
    if model.tokenizer is None:
        raise DepcapError(f"{model.name} has no tokenizer: give the prompt as token ids")
    try:
        prompt.encode()
    except UnicodeEncodeError:
        raise DepcapError("the prompt is not valid text (it has half of a surrogate pair)") from None
    return model.tokenizer.encode(prompt)
