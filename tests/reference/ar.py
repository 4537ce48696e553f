"""A causal model by itself: the most probable next token, one after the other."""

from types import SimpleNamespace

from .pearl import said


def decode(network, prompt, gen_length):
    ids = list(prompt)
    for _ in range(gen_length):
        ids.append(int(said(network, ids).argmax()))
    ones, steps = [1] * gen_length, list(range(1, gen_length + 1))
    return SimpleNamespace(tokens=ids[len(prompt) :], nfe=gen_length, block_sizes=ones, unmask_step=steps)
