"""Slow, obvious, batch-1 decoders, written from the methods' descriptions; no code shared with depcap.

A file per method, named for it: `decode`, and `params`, a strategy for the method's parameters at a
generation length. `REFERENCES` has the module of every file with both, by the method's name.
"""

from importlib import import_module
from pkgutil import iter_modules

MODULES = {found.name: import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)}
REFERENCES = {name.replace("_", "-"): module for name, module in MODULES.items() if hasattr(module, "params")}
