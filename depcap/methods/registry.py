"""Decoding methods by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from depcap.caches import cache_policy
from depcap.choices import checked, choose
from depcap.decoder import Method
from depcap.errors import DepcapError
from depcap.methods import (
    adablock,
    apd,
    ar,
    dawn,
    depcap_,
    dream,
    eb_sampler,
    fast_dllm,
    grid,
    klass,
    learn2pd,
    llada,
    localleap,
    pearl,
    prophet,
    wino,
)  # fmt: skip
from depcap.methods.base import NO_RESOURCES, Context, Preset, Resources
from depcap.proposer import proposer
from depcap.speculative import Speculation
from depcap.stopping import STOPS

METHODS: dict[str, Preset] = {
    "depcap": depcap_.PRESET,
    "adablock": adablock.PRESET,
    "fast-dllm": fast_dllm.PRESET,
    "localleap": localleap.PRESET,
    "learn2pd": learn2pd.PRESET,
    "eb-sampler": eb_sampler.PRESET,
    "klass": klass.PRESET,
    "prophet": prophet.PRESET,
    "dawn": dawn.PRESET,
    "wino": wino.PRESET,
    "apd": apd.PRESET,
    "pearl": pearl.PRESET,
    "dus": grid.DUS,
    "checkerboard": grid.CHECKERBOARD,
    "llada": llada.PRESET,
    "dream": dream.PRESET,
    "ar": ar.PRESET,
}
"""Every method that exists, by name."""


@dataclass(frozen=True, slots=True)
class NamedMethod:
    """A Method with what a reader needs to make it again: its name, cache, stop rule, every parameter.

    `helpers` are the hashes of weights that decode beside the model's: a filter's, a verifier's.
    """

    name: str
    cache: str
    stop: str
    params: dict[str, Any]
    method: Method | Speculation
    helpers: Mapping[str, str] = field(default_factory=dict)


def make_method(
    name: str,
    gen_length: int,
    cache: str = "none",
    stop: str = "run_to_end",
    temperature: float = 0.0,
    seed: int = 0,
    params: Mapping[str, Any] | None = None,
    resources: Resources = NO_RESOURCES,
) -> NamedMethod:
    """The named method with these parameters; DepcapError names what is wrong and what is accepted.

    `resources` is the model that is to be decoded, for methods that need something of it.
    """
    preset = choose(METHODS, name, "method")
    cache, keeping = cache_policy(cache, preset.caches)
    stop_rule = choose(STOPS, stop, "stop")
    if stop not in preset.stops:
        raise DepcapError(
            f"method {name} does not go with stop {stop!r} (accepted: {', '.join(preset.stops)})"
        )
    chosen = checked(f"method {name}", preset.params, params or {}, preset.params.model_fields)
    parts = chosen.parts(Context(gen_length, temperature, seed, resources))
    if isinstance(parts, Speculation):
        judge = parts.verifier
        resolved = chosen.model_dump() | {"verifier": judge.name}
        speculation = replace(parts, stop=stop_rule)
        return NamedMethod(name, cache, stop, resolved, speculation, {"verifier": judge.weights})
    draw = parts.proposer or proposer(temperature, seed)
    method = Method(parts.boundary, parts.unmask, keeping, stop_rule, draw, parts.guidance)
    return NamedMethod(name, cache, stop, parts.params, method, parts.helpers)
