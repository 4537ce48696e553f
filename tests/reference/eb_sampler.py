"""EB-Sampler: as many of the surest positions as an entropy budget allows."""

from types import SimpleNamespace

import numpy as np
from hypothesis import strategies as st

from .caches import forward


def decode(network, prompt, gen_length, cache, block_size, budget, measure):
    x = list(prompt) + [network.mask_id] * gen_length
    out = SimpleNamespace(nfe=0, block_sizes=[], unmask_step=[0] * gen_length)
    start = len(prompt)
    while start < len(x):
        end = min(start + block_size, len(x))
        out.block_sizes.append(end - start)
        step = 0
        while network.mask_id in x[start:end]:
            log_probs = forward(network, x, cache, start, end, step)
            out.nfe, step = out.nfe + 1, step + 1
            masked = [i for i in range(start, end) if x[i] == network.mask_id]
            order = sorted(masked, key=lambda i: (-sureness(log_probs[i], measure), i))
            count = within_budget([entropy(log_probs[i]) for i in order], budget)
            for i in order[:count]:
                x[i] = int(log_probs[i].argmax())
                out.unmask_step[i - len(prompt)] = out.nfe
        start = end
    out.tokens = x[len(prompt) :]
    return out


def params(gen_length):
    return st.fixed_dictionaries(
        {
            "block_size": st.integers(1, 16), "budget": st.floats(0, 4),
            "measure": st.sampled_from(("confidence", "margin", "entropy")),
        }
    )  # fmt: skip


def sureness(log_probs, measure):
    if measure == "entropy":
        return -entropy(log_probs)
    second, first = sorted(np.exp(log_probs))[-2:]
    return {"confidence": first, "margin": first - second}[measure]


def entropy(log_probs):
    return -float((np.exp(log_probs) * log_probs).sum())


def within_budget(entropies, budget):
    """The length of the longest prefix whose sum without its largest member is at most budget, at least 1."""
    count = 1
    for n in range(2, len(entropies) + 1):
        if sum(entropies[:n]) - max(entropies[:n]) <= budget:
            count = n
    return count
