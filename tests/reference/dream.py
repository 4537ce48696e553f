"""Dream: no blocks; how many tokens a step reveals follows a linear schedule, which ones a measure."""

from types import SimpleNamespace

import numpy as np
import torch
from hypothesis import strategies as st

from .caches import forward
from .llada import gumbel


def decode(
    network, prompt, gen_length, cache, steps, eps, alg, alg_temp=0.0, top_p=1.0, top_k=None,
    temperature=0.0, draw=None,
):  # fmt: skip
    """`draw.tokens(n, m)` gives n rows of m numbers in [0, 1), `draw.positions(n)` n of them."""
    x, first = list(prompt) + [network.mask_id] * gen_length, len(prompt)
    out = SimpleNamespace(nfe=0, block_sizes=[gen_length], unmask_step=[0] * gen_length)
    t = torch.linspace(1, eps, steps + 1, dtype=torch.float32).numpy()
    for step in range(steps):
        masked = [i for i in range(first, len(x)) if x[i] == network.mask_id]
        if not masked:
            break
        log_probs = forward(network, x, cache, first, len(x), step)
        out.nfe += 1
        share = np.float32(1) - t[step + 1] / t[step] if step < steps - 1 else np.float32(1)
        kept = {i: filtered(log_probs[i], temperature, top_p, top_k) for i in masked}
        scores = kept
        if temperature > 0:
            noise = gumbel(draw.tokens(gen_length, len(log_probs[first])))
            scores = {i: kept[i] + noise[i - first] for i in masked}
        best = {i: int(scores[i].argmax()) for i in masked}
        if alg == "origin":
            dice = draw.positions(gen_length)
            chosen = [i for i in masked if dice[i - first] < float(share)]
        else:
            sure = {i: sureness(np.exp(kept[i]), best[i], alg) for i in masked}
            if alg_temp > 0:
                luck = gumbel(draw.positions(gen_length))
                sure = {i: sure[i] / alg_temp + luck[i - first] for i in masked}
            count = len(masked) if step == steps - 1 else int(np.float32(len(masked)) * share)
            chosen = sorted(masked, key=lambda i: (-sure[i], i))[:count]
        for i in chosen:
            x[i] = best[i]
            out.unmask_step[i - first] = out.nfe
    out.tokens = x[first:]
    return out


def params(gen_length):
    return st.fixed_dictionaries(
        {
            "steps": st.integers(1, gen_length), "eps": st.sampled_from((1e-3, 0.1)),
            "alg": st.sampled_from(("maskgit_plus", "topk_margin", "entropy")),
        }
    )  # fmt: skip


def filtered(log_probs, temperature, top_p, top_k):
    """Tempered log-probabilities of the smallest set of mass above top_p, and of the top_k best of it."""
    z = np.array(log_probs) / (temperature or 1.0)
    order, mass = sorted(range(len(z)), key=lambda v: -z[v]), 0.0
    probs = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    for rank, token in enumerate(order):
        if (top_p < 1 and mass > top_p) or (top_k is not None and rank >= top_k):
            z[token] = -1e4
        mass += probs[token]
    return z - z.max() - np.log(np.exp(z - z.max()).sum())


def sureness(probs, token, alg):
    second, first = sorted(probs)[-2:]
    if alg == "maskgit_plus":
        return probs[token]
    if alg == "topk_margin":
        return first - second
    return (probs * np.log(probs + 1e-10)).sum()
