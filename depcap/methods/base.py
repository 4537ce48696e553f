"""What a decoding method is made of: checked parameters, and the policies that they make."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from depcap.caches import CACHES
from depcap.errors import DepcapError
from depcap.filter import Filter
from depcap.protocols import BoundaryPolicy, Proposer, UnmaskPolicy
from depcap.speculative import Speculation
from depcap.stopping import STOPS
from depcap.verifier import Verifier

DIFFUSION_CACHES = tuple(name for name in CACHES if name not in ("trailing", "causal"))
REREADING_CACHES = tuple(name for name in DIFFUSION_CACHES if name != "dkv")
"""For methods that look again at what is decided in the block: `dkv` does not compute it."""
Size = Annotated[int, Field(ge=1, le=4096)]
Probability = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=True)]


WITHOUT_PREDICTION = tuple(name for name in STOPS if name != "eotp")
"""For methods to which a predicted end is not what it is to the decoders that the rule was made for."""


def listed(value: object) -> object:
    """Numbers as a command line gives them: `198,271`."""
    return value.strip("[] ").split(",") if isinstance(value, str) else value


Ids = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(listed)]


class Resources(Protocol):
    """What a method may need of the model it decodes."""

    def end_ids(self) -> tuple[int, ...]:
        """Ids of tokens that end a response."""

    def newlines(self) -> tuple[int, ...]:
        """Ids of tokens whose text ends in a newline."""

    def filter(self) -> Filter | None:
        """The filter that was trained for the model, if there is one."""

    def verifier(self, name: str | None) -> Verifier | None:
        """A causal model over the same tokens; without a name, the one that is known for the model."""


class NoResources:
    """A method by itself, without a model."""

    def end_ids(self) -> tuple[int, ...]:
        """None are known."""
        return ()

    def newlines(self) -> tuple[int, ...]:
        """None are known."""
        return ()

    def filter(self) -> None:
        """None is known."""

    def verifier(self, _name: str | None) -> None:
        """None is known."""


NO_RESOURCES = NoResources()


@dataclass(frozen=True, slots=True)
class Context:
    """What a method's policies may hang on besides its parameters."""

    gen_length: int
    temperature: float = 0.0
    seed: int = 0
    resources: Resources = NO_RESOURCES

    def verifier(self, method: str, name: str | None) -> Verifier:
        """The named verifier, or the one that is known for the model; one line if there is none."""
        found = self.resources.verifier(name)
        if found is None:
            raise DepcapError(f"method {method}: no causal model is known for this model: give verifier")
        return found


@dataclass(frozen=True, slots=True)
class Parts:
    """The policies that one method's parameters make, and those parameters with every default filled in.

    `proposer` is for methods with a way of their own to draw tokens; `guidance` is the scale of
    classifier-free guidance; `helpers` are the hashes of weights that decode beside the model's, by role.
    """

    boundary: BoundaryPolicy
    unmask: UnmaskPolicy
    params: dict[str, Any]
    proposer: Proposer | None = None
    guidance: float = 0.0
    helpers: Mapping[str, str] = field(default_factory=dict)


class Params(BaseModel):
    """Parameters of a method: unknown names and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=True)

    def parts(self, context: Context) -> "Parts | Speculation":
        """The policies that these parameters make, or a speculative decoder."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Preset:
    """A named method: its parameters, where it is from, and what it goes with.

    `boundary` and `tokens` say what decides where a block ends and what is unmasked together; `headline` is
    the paper's own figure; `caveat` is where we had to guess, or where the published setting is another;
    `causal`: for causal models, for diffusion models, or (None) for both; `trained` and `auxiliary` name a
    part that is learnt and a second model. `caches` and `stops` are those it can be used with.
    """

    params: type[Params]
    paper: str
    boundary: str
    tokens: str
    headline: str = ""
    caveat: str = ""
    trained: str = ""
    auxiliary: str = ""
    caches: tuple[str, ...] = DIFFUSION_CACHES
    stops: tuple[str, ...] = tuple(STOPS)
    causal: bool | None = False

    @property
    def summary(self) -> str:
        """What it does, in one line: the first paragraph of its parameters' docstring."""
        return (inspect.getdoc(self.params) or "").split("\n\n")[0].replace("\n", " ")
