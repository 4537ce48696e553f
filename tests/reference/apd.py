"""APD: everything in sight is drafted; the run on which a mixture with a causal model agrees is kept."""

import math
from types import SimpleNamespace

import numpy as np

from .pearl import said


def decode(
    network, judge, prompt, gen_length, width, weight, max_lookahead, mode, temperature, top_p, draw
):  # fmt: skip
    """`width` of the trailing cache, None without; `draw(n, m)` gives n rows of m numbers in [0, 1)."""
    ids, last, accepted = list(prompt), len(prompt) + gen_length, 0
    out = SimpleNamespace(nfe=0, block_sizes=[], unmask_step=[])
    while len(ids) < last:
        right = min(len(ids) + max_lookahead, last)
        left = max(len(ids) - width - accepted + 1, 0) if width and out.nfe else 0
        x = ids + [network.mask_id] * (right - len(ids))
        drafted = range(len(ids), right)
        log_probs = network.some(x, range(left, right), range(right), drafted)[len(ids) :]
        out.nfe += 1
        if temperature > 0:
            noise = [
                [-math.log(-math.log(u)) for u in row] for row in draw(len(log_probs), len(log_probs[0]))
            ]
        else:
            noise = [[0.0] * len(log_probs[0]) for _ in log_probs]
        scale = temperature if mode == "official" else 1.0
        draft = [
            int(np.argmax(warm(p, temperature, top_p) + scale * np.array(z)))
            for p, z in zip(log_probs, noise, strict=True)
        ]
        accepted = 1
        while accepted < len(draft):
            p, q = log_probs[accepted], said(judge, ids + draft[:accepted])
            mixture = weight * p + (1 - weight) * q
            if mode == "paper":
                mixture = warm(mixture, temperature, top_p) + np.array(noise[accepted])
            if int(mixture.argmax()) != draft[accepted]:
                break
            accepted += 1
        ids += draft[:accepted]
        out.block_sizes.append(accepted)
        out.unmask_step += [out.nfe] * accepted
    out.tokens = ids[len(prompt) :]
    return out


def warm(logits, temperature, top_p):
    """Tempered logits, but for those beyond the smallest set of mass above top_p."""
    if temperature == 0:
        return np.array(logits)
    z = np.array(logits) / temperature
    p = np.exp(z - z.max())
    p /= p.sum()
    mass = 0.0
    for token in sorted(range(len(p)), key=lambda v: -p[v]):
        if mass > top_p:
            z[token] = -1e4
        mass += p[token]
    return z
