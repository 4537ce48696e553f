"""KLASS: fixed blocks, every token that is confident and whose distribution has stopped moving."""

import math
from types import SimpleNamespace

import numpy as np
from hypothesis import strategies as st

from .caches import forward
from .ranges import probabilities


def decode(network, prompt, gen_length, cache, block_size, threshold, kl_threshold, history):
    x = list(prompt) + [network.mask_id] * gen_length
    out = SimpleNamespace(nfe=0, block_sizes=[], unmask_step=[0] * gen_length)
    before = {}  # of the whole generation, whatever the block
    moves = {i: [] for i in range(len(prompt), len(x))}
    start = len(prompt)
    while start < len(x):
        end = min(start + block_size, len(x))
        out.block_sizes.append(end - start)
        step = 0
        while network.mask_id in x[start:end]:
            log_probs = forward(network, x, cache, start, end, step, read=start + 2 * block_size)
            out.nfe += 1
            now = {i: np.exp(log_probs[i]) for i in moves if log_probs[i] is not None}
            for i in now:
                moves[i].append(kl(now[i], before.get(i, np.zeros_like(now[i]))))
            before = now
            masked = [i for i in range(start, end) if x[i] == network.mask_id]
            confidence = {i: math.exp(log_probs[i].max()) for i in masked}
            still = [i for i in masked if all(move < kl_threshold for move in moves[i][-history:])]
            chosen = [i for i in still if confidence[i] > threshold and step >= history - 1]
            if not chosen:
                chosen = [max(masked, key=lambda i: (confidence[i], -i))]
            for i in chosen:
                x[i] = int(log_probs[i].argmax())
                out.unmask_step[i - len(prompt)] = out.nfe
            step += 1
        start = end
    out.tokens = x[len(prompt) :]
    return out


def params(gen_length):
    return st.fixed_dictionaries(
        {
            "block_size": st.integers(1, 12), "threshold": probabilities,
            "kl_threshold": st.floats(0.01, 5), "history": st.integers(1, 3),
        }
    )  # fmt: skip


def kl(now, before):
    return float((now * (np.log(now + 1e-12) - np.log(before + 1e-12))).sum())
