"""LLaDA: fixed blocks, a fixed number of tokens per step, the most confident first, or any."""

import math
from copy import copy
from types import SimpleNamespace

import numpy as np
from hypothesis import strategies as st

from .caches import forward


def decode(
    network, prompt, gen_length, cache, block_size, steps=None, guidance=0.0, order="confidence",
    temperature=0.0, draw=None,
):  # fmt: skip
    """`draw.tokens(n, m)` gives n rows of m numbers in [0, 1), `draw.positions(n)` n of them."""
    unconditional = copy(network)
    unconditional.kept = {}
    x = list(prompt) + [network.mask_id] * gen_length
    out = SimpleNamespace(nfe=0, block_sizes=[], unmask_step=[0] * gen_length)
    blocks = math.ceil(gen_length / block_size)
    one_each = steps is None or steps == gen_length
    start = len(prompt)
    while start < len(x):
        end = min(start + block_size, len(x))
        out.block_sizes.append(end - start)
        schedule = num_transfer(end - start, block_size if one_each else steps // blocks)
        for step, count in enumerate(schedule):
            masked = [i for i in range(start, end) if x[i] == network.mask_id]
            if not masked:
                break
            log_probs = forward(network, x, cache, start, end, step)
            if guidance != 0:
                hidden = [network.mask_id] * len(prompt) + x[len(prompt) :]
                without = forward(unconditional, x, cache, start, end, step, shown=hidden)
                log_probs = guide(log_probs, without, guidance)
            out.nfe += 1
            scores = {i: log_probs[i] for i in masked}
            if temperature > 0:
                noise = gumbel(draw.tokens(end - start, len(scores[masked[0]])))
                scores = {i: log_probs[i] + temperature * noise[i - start] for i in masked}
            best = {i: int(scores[i].argmax()) for i in masked}
            confidence = {i: log_probs[i][best[i]] for i in masked}
            if order == "random":
                confidence = dict(enumerate(draw.positions(end - start), start))
            sure = sorted(masked, key=lambda i: (-confidence[i], i))
            for i in sure[:count]:
                x[i] = best[i]
                out.unmask_step[i - len(prompt)] = out.nfe
        start = end
    out.tokens = x[len(prompt) :]
    return out


def params(gen_length):
    def with_steps(block_size):
        blocks = math.ceil(gen_length / block_size)
        equal = st.integers(1, gen_length // blocks).map(lambda per_block: per_block * blocks)
        return st.fixed_dictionaries(
            {
                "block_size": st.just(block_size), "steps": st.none() | st.just(gen_length) | equal,
                "guidance": st.sampled_from((0.0, 0.7)),
            }
        )  # fmt: skip

    return st.integers(1, 16).flatmap(with_steps)


def gumbel(uniform):
    return -np.log(-np.log(np.array(uniform)))


def num_transfer(masks, steps):
    return [masks // steps + (1 if i < masks % steps else 0) for i in range(steps)]


def guide(conditional, unconditional, guidance):
    out = [None] * len(conditional)
    for i in range(len(out)):
        if conditional[i] is not None:
            z = unconditional[i] + (guidance + 1) * (conditional[i] - unconditional[i])
            out[i] = z - (z.max() + math.log(np.exp(z - z.max()).sum()))
    return out
