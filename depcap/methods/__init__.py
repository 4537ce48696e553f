"""Decoding methods: one file each, and the registry."""

from depcap.methods.registry import METHODS, NamedMethod, choose, make_method

__all__ = ["METHODS", "NamedMethod", "choose", "make_method"]
