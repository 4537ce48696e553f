"""Dream: no blocks; how many tokens a step reveals follows a linear schedule, which ones a measure."""

from types import SimpleNamespace

import numpy as np
import torch

from .llada import forward


def decode(network, prompt, gen_length, cache, steps, eps, alg):
    x = list(prompt) + [network.mask_id] * gen_length
    out = SimpleNamespace(nfe=0, block_sizes=[gen_length], unmask_step=[0] * gen_length)
    t = torch.linspace(1, eps, steps + 1, dtype=torch.float32).numpy()
    for step in range(steps):
        masked = [i for i in range(len(prompt), len(x)) if x[i] == network.mask_id]
        if not masked:
            break
        log_probs = forward(network, x, cache, len(prompt), len(x), step == 0)
        out.nfe += 1
        count = len(masked)
        if step < steps - 1:
            count = int(np.float32(len(masked)) * (np.float32(1) - t[step + 1] / t[step]))
        sure = sorted(masked, key=lambda i: (-sureness(np.exp(log_probs[i]), alg), i))
        for i in sure[:count]:
            x[i] = int(log_probs[i].argmax())
            out.unmask_step[i - len(prompt)] = out.nfe
    out.tokens = x[len(prompt) :]
    return out


def sureness(probs, alg):
    second, first = sorted(probs)[-2:]
    if alg == "maskgit_plus":
        return first
    if alg == "topk_margin":
        return first - second
    return (probs * np.log(probs + 1e-10)).sum()
