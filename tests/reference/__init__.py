"""Slow, obvious, batch-1 decoders, written from the methods' descriptions; no code shared with depcap."""
