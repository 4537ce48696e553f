"""Checkerboard: every other position of a block, then the rest."""

from functools import partial

from hypothesis import strategies as st

from . import grid

decode = partial(grid.decode, pattern="checkerboard")


def params(gen_length):
    return st.fixed_dictionaries({"block_size": st.integers(1, 16)})
