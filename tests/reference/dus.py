"""DUS: the positions of a block from coarse to fine."""

from functools import partial

from hypothesis import strategies as st

from . import grid

decode = partial(grid.decode, pattern="dilated")


def params(gen_length):
    return st.fixed_dictionaries({"block_size": st.sampled_from((1, 2, 4, 8, 16))})
