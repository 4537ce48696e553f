"""Ranges that the parameters of several methods have, for random cases."""

from hypothesis import strategies as st

PROMPT_VOCAB = 33
"""Ids below the small models' end and mask ids."""
probabilities = st.floats(0.05, 0.95)
