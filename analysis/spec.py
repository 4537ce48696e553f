"""Methods with parameters of their own, as a user names them for a comparison."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from depcap.choices import choose, split
from depcap.errors import DepcapError
from depcap.methods import METHODS

SHORTEST = "in blocks of 8, as most of DepCap's are with the thresholds that suit the bundled models"
START = f"{SHORTEST}; the page starts so"
VARIANTS = {
    "depcap:tau_low=0.98:tau_high=0.995": "stricter thresholds",
    "depcap:max_size=16": "shorter blocks",
    "depcap:max_size=16:tau_low=0.98:tau_high=0.995": "both, as the page starts",
    "depcap:min_size=8:max_size=8:tau_low=0.98:tau_high=0.995": "that with blocks of 8 alone",
    "depcap:min_size=19:max_size=19": "blocks of its mean length there with the defaults",
    "adablock:block_size=16:threshold=0.98": "shorter blocks and a stricter threshold, as the page starts",
    "adablock:delimiter_threshold=0.5": "as published for Dream",
    "fast-dllm:threshold=0.95": "a stricter threshold",
    "fast-dllm:block_size=16:threshold=0.98": "stricter still, in shorter blocks",
    "fast-dllm:block_size=16:threshold=0.995": "as strict as the upper threshold of DepCap there",
    "fast-dllm:block_size=8:threshold=0.98": START,
    "fast-dllm:block_size=8:threshold=0.995": SHORTEST,
    "fast-dllm:factor=1.0": "a bound that rises with the rank instead of the threshold",
    "localleap:threshold=0.95:relaxed_threshold=0.85": "stricter thresholds",
    "localleap:block_size=16:threshold=0.98:relaxed_threshold=0.95": "stricter still, in shorter blocks",
    "localleap:block_size=8:threshold=0.98:relaxed_threshold=0.95": START,
    "klass:threshold=0.6:kl_threshold=0.015": "as published for GSM8K",
    "klass:block_size=16:threshold=0.98": "shorter blocks and a stricter threshold",
    "klass:block_size=8:threshold=0.98": START,
    "dawn:block_size=16:threshold=0.98:induced_threshold=0.95:low_threshold=0.97": "stricter thresholds in"
    " shorter blocks",
    "dawn:block_size=8:threshold=0.98:induced_threshold=0.95:low_threshold=0.97": START,
    "eb-sampler:block_size=16": "shorter blocks, as the page starts",
    "eb-sampler:block_size=16:budget=0.1": "shorter blocks and a larger budget",
    "wino:threshold=0.6": "as published for GSM8K",
    "wino:block_size=16:threshold=0.9": "shorter blocks and a stricter threshold",
    "wino:block_size=8:threshold=0.9": START,
    "learn2pd:stop=eotp": "with its end-of-text prediction, as published",
    "learn2pd:threshold=0.99": "a stricter threshold",
    "apd:temperature=0.2": "at the paper's temperature, as its code has it",
    "apd:mode=paper:temperature=0.2": "at the paper's temperature, as the paper has it",
    "dus:block_size=8": "shorter blocks, as the page starts",
    "llada:block_size=8": "shorter blocks: the most accurate one-token decoder for the bundled models;"
    " the page starts so",
    "llada:block_size=8:steps=128": "that at two tokens per step",
    "llada:stop=eotp": "with learn2pd's end-of-text prediction alone",
    "llada:order=random": "positions in random order",
    "llada:guidance=0.5": "with classifier-free guidance",
    "dream:alg=maskgit_plus": "the most confident positions",
    "dream:alg=topk_margin": "positions of the largest margin",
    "dream:alg=origin": "positions in random order",
}
"""What is compared besides every method with its defaults, and what is different about it.

One setting of a method says little: the papers tuned theirs for models of 8 billion parameters. Beside the
published ones are those that suit the bundled models, for DepCap and for the methods it is compared with.
"""
GROUPS: dict[str, Iterable[str]] = {"all": METHODS, "variants": VARIANTS}
OWN: dict[str, Callable[[str], Any]] = {"stop": str, "temperature": float, "seed": int}
"""Settings that a method can have of its own, beside its parameters, and how they are read."""
BETWEEN = re.compile(r",(?![^\[\]]*\])")
"""The commas that are not within brackets."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A method with other parameters than the default, as a user writes it: `fast-dllm:threshold=0.3`.

    `own` are settings for this method alone. An `optional` one is left out where the model lacks what it
    needs.
    """

    label: str
    method: str
    params: dict[str, str]
    own: dict[str, Any] = field(default_factory=dict)
    optional: bool = False


def spec(text: str) -> Spec:
    """A method's name, or its name and what is its own: `name:key=value:key=value`."""
    method, params = split(text, "method")
    choose(METHODS, method, "method")
    try:
        own = {key: read(params.pop(key)) for key, read in OWN.items() if key in params}
    except ValueError:
        raise DepcapError(f"method {text!r}: temperature and seed are numbers") from None
    return Spec(text, method, params, own)


def specs(text: str) -> list[Spec]:
    """Methods separated by commas, each once; `all` is every method there is, `variants` are `VARIANTS`.

    A list is written in brackets: `adablock:delimiter_ids=[198,271]`.
    """
    found: dict[str, Spec] = {}
    for part in map(str.strip, BETWEEN.split(text)):
        if part in GROUPS:
            found |= {label: replace(spec(label), optional=True) for label in GROUPS[part]}
        else:
            found[part] = spec(part)
    return list(found.values())
