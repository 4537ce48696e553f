"""Decode with diffusion language models, and see how they decide.

import depcap
model = depcap.load("tiny-llada")
result = depcap.generate(model, "Tom has 3 apples. Tom buys 4 more. How many apples does Tom have now?")[0]
"""

from depcap import trace
from depcap.decoder import Method, steps
from depcap.errors import DepcapError
from depcap.generation import generate, stream
from depcap.methods import METHODS, make_method
from depcap.models.loading import CARDS, Model, load
from depcap.result import Result
from depcap.trace import Trace
from depcap.types import Step

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
