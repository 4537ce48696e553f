"""LLaDA: fixed blocks, a fixed number of tokens per step, the most confident first."""

import math
from copy import copy
from types import SimpleNamespace

import numpy as np


def decode(network, prompt, gen_length, cache, block_size, steps=None, guidance=0.0):
    unconditional = copy(network)  # every full forward gives it a cache of its own
    x = list(prompt) + [network.mask_id] * gen_length
    out = SimpleNamespace(nfe=0, block_sizes=[], unmask_step=[0] * gen_length)
    blocks = math.ceil(gen_length / block_size)
    start = len(prompt)
    while start < len(x):
        end = min(start + block_size, len(x))
        out.block_sizes.append(end - start)
        schedule = num_transfer(end - start, block_size if steps is None else steps // blocks)
        for step, count in enumerate(schedule):
            masked = [i for i in range(start, end) if x[i] == network.mask_id]
            if not masked:
                break
            log_probs = forward(network, x, cache, start, end, step == 0)
            if guidance != 0:
                hidden = [network.mask_id] * len(prompt) + x[len(prompt) :]
                without = forward(unconditional, hidden, cache, start, end, step == 0)
                log_probs = guide(log_probs, without, guidance)
            out.nfe += 1
            best = {i: int(log_probs[i].argmax()) for i in masked}
            sure = sorted(masked, key=lambda i: (-log_probs[i][best[i]], i))
            for i in sure[:count]:
                x[i] = best[i]
                out.unmask_step[i - len(prompt)] = out.nfe
        start = end
    out.tokens = x[len(prompt) :]
    return out


def num_transfer(masks, steps):
    return [masks // steps + (1 if i < masks % steps else 0) for i in range(steps)]


def forward(network, x, cache, start, end, opening):
    if opening or cache == "none":
        return network.full(x)
    return network.partial(x, start, len(x) if cache == "prefix" else end)


def guide(conditional, unconditional, guidance):
    out = [None] * len(conditional)
    for i in range(len(out)):
        if conditional[i] is not None:
            z = unconditional[i] + (guidance + 1) * (conditional[i] - unconditional[i])
            out[i] = z - (z.max() + math.log(np.exp(z - z.max()).sum()))
    return out
