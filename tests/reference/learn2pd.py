"""Learn2PD: fixed blocks; a two-layer filter over 32 confidences says which proposals are final."""

import math
from types import SimpleNamespace

from hypothesis import strategies as st

from .caches import forward
from .ranges import probabilities


def decode(network, prompt, gen_length, cache, block_size, threshold, end_id=None):
    """`network.filter` are the filter's weights. With `end_id` a predicted end cuts the sequence (EoTP)."""
    x = list(prompt) + [network.mask_id] * gen_length
    out = SimpleNamespace(nfe=0, block_sizes=[], unmask_step=[0] * gen_length)
    start = len(prompt)
    while start < len(x):
        end = min(start + block_size, len(x))
        out.block_sizes.append(end - start)
        step = 0
        while network.mask_id in x[start:end]:
            end = min(end, len(x))
            asked = range(start, len(x) if end_id is not None else end)
            log_probs = forward(network, x, cache, start, end, step, asked=asked)
            out.nfe, step = out.nfe + 1, step + 1
            sure = [math.exp(log_probs[i].max()) for i in range(start, end)]
            final = []
            for first in range(0, len(sure), 32):
                final += accepts(sure[first : first + 32], network.filter)
            masked = [i for i in range(start, end) if x[i] == network.mask_id]
            surest = max(masked, key=lambda i: (log_probs[i].max(), -i))
            cut = predicted_end(network, x, log_probs, start, final, threshold, end_id)
            for i in masked:
                if i == surest or final[i - start] > threshold:
                    x[i] = int(log_probs[i].argmax())
                    out.unmask_step[i - len(prompt)] = out.nfe
            x = x[:cut]
        start = end
    out.tokens = x[len(prompt) :]
    out.unmask_step = out.unmask_step[: len(out.tokens)]
    return out


def params(gen_length):
    return st.fixed_dictionaries({"block_size": st.integers(1, 16), "threshold": probabilities})


def predicted_end(network, x, log_probs, start, final, threshold, end_id):
    """One past the leftmost end token that is accepted, else past the surest of all that is computed."""
    seen = [i for i in range(start, len(x)) if x[i] == network.mask_id and log_probs[i] is not None]
    ends = [i for i in seen if int(log_probs[i].argmax()) == end_id]
    accepted = [i for i in ends if i - start < len(final) and final[i - start] > threshold]
    if accepted:
        return min(accepted) + 1
    return max(ends, key=lambda i: (log_probs[i].max(), -i)) + 1 if ends else len(x)


def accepts(confidences, weights):
    """The filter's probability for each position; fewer than 32 are padded with zeros."""
    u = confidences + [0.0] * (32 - len(confidences))
    hidden = [
        max(0.0, bias + sum(w * c for w, c in zip(row, u, strict=True)))
        for row, bias in zip(weights["w1"], weights["b1"], strict=True)
    ]
    scores = [
        bias + sum(w * h for w, h in zip(row, hidden, strict=True))
        for row, bias in zip(weights["w2"], weights["b2"], strict=True)
    ]
    return [1 / (1 + math.exp(-score)) for score in scores[: len(confidences)]]
