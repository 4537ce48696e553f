"""LocalLeap: the threshold is relaxed within a radius of the positions that pass it."""

import math
from types import SimpleNamespace

from hypothesis import strategies as st

from .caches import forward
from .ranges import probabilities


def decode(network, prompt, gen_length, cache, block_size, threshold, relaxed_threshold, radius):
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
            confidence = {i: math.exp(log_probs[i].max()) for i in masked}
            anchors = [i for i in masked if confidence[i] >= threshold]
            near = [i for i in masked if any(abs(i - j) <= radius for j in anchors)]
            chosen = {max(masked, key=lambda i: (confidence[i], -i))}
            chosen.update(anchors)
            chosen.update(i for i in near if confidence[i] >= relaxed_threshold)
            for i in chosen:
                x[i] = int(log_probs[i].argmax())
                out.unmask_step[i - len(prompt)] = out.nfe
        start = end
    out.tokens = x[len(prompt) :]
    return out


@st.composite
def params(draw, gen_length):
    relaxed, threshold = sorted((draw(probabilities), draw(probabilities)))
    return {
        "block_size": draw(st.integers(1, 16)), "threshold": threshold, "relaxed_threshold": relaxed,
        "radius": draw(st.integers(0, 5)),
    }  # fmt: skip
