"""Cache policies by name, as a user writes them: `dual`, `dkv:refresh=4`."""

from dataclasses import asdict, fields
from typing import Any

from depcap.cache import (
    CausalCache,
    DelayedCache,
    DropoutCache,
    DualCache,
    NoCache,
    PrefixCache,
    StreamingCache,
    TrailingCache,
    VicinityCache,
)
from depcap.choices import checked, choose, joined, split
from depcap.protocols import CachePolicy

CACHES: dict[str, CachePolicy] = {
    "none": NoCache(),
    "prefix": PrefixCache(),
    "dual": DualCache(),
    "vicinity": VicinityCache(),
    "dkv": DelayedCache(),
    "dpad": DropoutCache(),
    "streaming": StreamingCache(),
    "trailing": TrailingCache(),
    "causal": CausalCache(),
}
"""Cache policies by name."""


def cache_policy(text: str, names: tuple[str, ...] = tuple(CACHES)) -> tuple[str, CachePolicy]:
    """A cache as a user writes it, `dkv` or `dkv:refresh=4`, and the shortest way to write it.

    DepcapError names what is wrong and what is accepted; `names` are those that can be had.
    """
    name, pairs = split(text, "cache")
    default: Any = choose({name: CACHES[name] for name in names}, name, "cache")
    known = {field.name: field.default for field in fields(default)}
    policy = checked(f"cache {name}", type(default), pairs, known)
    own = {key: value for key, value in asdict(policy).items() if value != known[key]}
    return joined(name, own), policy
