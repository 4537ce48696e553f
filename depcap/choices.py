"""What a user chooses by name: an entry of a table, and what is its own, `name:key=value:key=value`."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from depcap.errors import DepcapError

T = TypeVar("T")
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def choose(table: Mapping[str, T], name: str, kind: str) -> T:
    """The entry of a table by name; DepcapError lists what exists."""
    if name not in table:
        raise DepcapError(f"unknown {kind} {name!r} (known: {', '.join(table)})")
    return table[name]


def split(text: str, kind: str) -> tuple[str, dict[str, str]]:
    """`name:key=value` as a name and its pairs."""
    name, *pairs = text.split(":")
    if not all("=" in pair for pair in pairs):
        raise DepcapError(f"{kind} {text!r}: parameters are written name:key=value:key=value")
    return name, dict(pair.split("=", 1) for pair in pairs)


def joined(name: str, pairs: Mapping[str, object]) -> str:
    """The text that `split` reads."""
    return ":".join([name, *(f"{key}={value}" for key, value in pairs.items())])


def checked(kind: str, made: type[T], params: Mapping[str, Any], accepted: Collection[str]) -> T:
    """What pydantic makes of the parameters, or one line on the first thing wrong with them."""
    try:
        return made(**params)
    except ValidationError as error:
        problem = error.errors()[0]
    if problem["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        names = f"accepted: {', '.join(accepted)}" if accepted else "it has none"
        raise DepcapError(f"{kind}: unknown parameter {str(problem['loc'][0])!r} ({names})")
    if not problem["loc"]:
        raise DepcapError(f"{kind}: {problem['ctx']['error']}")
    raise DepcapError(f"{kind}: {problem['loc'][0]} = {problem['input']!r}: {problem['msg'].lower()}")
