"""WINO: reveal widely in a block; then look at older tokens from a mask in their place, and revoke."""

import math
from types import SimpleNamespace

from hypothesis import strategies as st

from .caches import forward
from .ranges import probabilities


def decode(network, prompt, gen_length, cache, block_size, threshold, keep_threshold):
    x = list(prompt) + [network.mask_id] * gen_length
    out = SimpleNamespace(nfe=0, block_sizes=[], unmask_step=[0] * gen_length)
    start = len(prompt)
    while start < len(x):
        end = min(start + block_size, len(x))
        out.block_sizes.append(end - start)
        accepted, step = 30, 0
        while network.mask_id in x[start:end]:
            log_probs = forward(network, x, cache, start, end, step)
            shadows = network.shadows(x, range(start, end))
            out.nfe, step = out.nfe + 1, step + 1
            masked = [i for i in range(start, end) if x[i] == network.mask_id]
            decided = [i for i in range(start, end) if x[i] != network.mask_id]
            ranked = sorted(masked, key=lambda i: (-log_probs[i].max(), i))
            cap = min(max(int(0.7 * len(masked)), 5), 20)
            chosen = [i for i in ranked if math.exp(log_probs[i].max()) > threshold][:cap] or ranked[:1]
            doubtful = [i for i in decided if math.exp(shadows[i][x[i]]) < keep_threshold]
            if len(chosen) <= 1:
                doubtful = []
            doubtful = sorted(doubtful, key=lambda i: (shadows[i][x[i]], i))
            if len(doubtful) >= accepted:
                doubtful = doubtful[: accepted - 1]
            for i in chosen:
                x[i] = int(log_probs[i].argmax())
                out.unmask_step[i - len(prompt)] = out.nfe
            for i in doubtful:
                x[i] = network.mask_id
            accepted = len(chosen)
        start = end
    out.tokens = x[len(prompt) :]
    return out


def params(gen_length):
    return st.fixed_dictionaries(
        {"block_size": st.integers(1, 24), "threshold": probabilities, "keep_threshold": probabilities}
    )
