"""A decode that has been asked for and checked, ready to run."""

from dataclasses import dataclass
from typing import Any

from depcap.errors import DepcapError
from depcap.methods import NamedMethod, make_method
from depcap.models.loading import Model
from depcap.trace import LEVELS

Prompt = str | list[int]


@dataclass(frozen=True, slots=True)
class Request:
    """A checked decode: what goes in, ready to run."""

    model: Model
    prompts: list[list[int]]
    method: NamedMethod
    gen_length: int
    seed: int
    temperature: float


def check(
    model: Model,
    prompts: str | list[str] | list[list[int]],
    method: str,
    cache: str,
    gen_length: int,
    stop: str,
    record: str | None,
    seed: int,
    temperature: float,
    params: dict[str, Any],
) -> Request:
    """Everything that can be wrong with a request, found before anything runs."""
    if gen_length <= 0:
        raise DepcapError(f"gen_length {gen_length} must be at least 1")
    if record is not None and record not in LEVELS:
        raise DepcapError(f"unknown recording level {record!r} (known: {', '.join(LEVELS)})")
    named = make_method(method, gen_length, cache, stop, temperature, seed, params)
    listed: list[Prompt] = [prompts] if isinstance(prompts, str) else list(prompts)
    if not listed:
        raise DepcapError("no prompt was given")
    ids = [_prompt_ids(model, prompt, gen_length) for prompt in listed]
    return Request(model, ids, named, gen_length, seed, temperature)


def _prompt_ids(model: Model, prompt: Prompt, gen_length: int) -> list[int]:
    if isinstance(prompt, str):
        if not prompt.strip():
            raise DepcapError("the prompt is empty")
        if model.tokenizer is None:
            raise DepcapError(f"{model.name} has no tokenizer: give the prompt as token ids")
        ids = model.tokenizer.encode(prompt)
    else:
        ids = list(prompt)
    if not ids:
        raise DepcapError("the prompt is empty")
    vocab = model.denoiser.vocab_size
    outside = [i for i in ids if not isinstance(i, int) or isinstance(i, bool) or not 0 <= i < vocab]
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
