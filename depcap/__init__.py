"""Decode with diffusion language models, and see how they decide.

    import depcap
    model = depcap.load("tiny-llada")
    problem = "Tom has 3 apples. Tom buys 4 new apples. How many apples does Tom have now?"
    result = depcap.generate(model, problem)[0]

Names are imported when first used, so that reading a trace does not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from depcap import trace
from depcap.errors import DepcapError
from depcap.trace import Trace

if TYPE_CHECKING:
    from depcap.decoder import Method, steps
    from depcap.generation import generate, stream
    from depcap.methods import METHODS, make_method
    from depcap.models.loading import CARDS, Model, load
    from depcap.result import Result
    from depcap.types import Step

_HOME = {
    "CARDS": "models.loading", "METHODS": "methods", "Method": "decoder", "Model": "models.loading",
    "Result": "result", "Step": "types", "generate": "generation", "load": "models.loading",
    "make_method": "methods", "steps": "decoder", "stream": "generation",
}  # fmt: skip

__all__ = [
    "CARDS",
    "METHODS",
    "DepcapError",
    "Method",
    "Model",
    "Result",
    "Step",
    "Trace",
    "generate",
    "load",
    "make_method",
    "steps",
    "stream",
    "trace",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'depcap' has no attribute {name!r}")
    return getattr(import_module(f"depcap.{_HOME[name]}"), name)
