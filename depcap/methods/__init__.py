"""Decoding methods: one file each, and the registry."""

from depcap.methods.registry import METHODS, NamedMethod, make_method

__all__ = ["METHODS", "NamedMethod", "make_method"]
