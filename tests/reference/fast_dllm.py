"""Fast-dLLM: fixed blocks, every token that passes a threshold or a bound by rank, at least one."""

from types import SimpleNamespace

from hypothesis import strategies as st

from .caches import forward
from .ranges import probabilities


def decode(network, prompt, gen_length, cache, block_size, threshold=None, factor=None):
    if threshold is None and factor is None:
        threshold = 0.9
    x = list(prompt) + [network.mask_id] * gen_length
    out = SimpleNamespace(nfe=0, block_sizes=[], unmask_step=[0] * gen_length)
    start = len(prompt)
    while start < len(x):
        end = min(start + block_size, len(x))
        out.block_sizes.append(end - start)
        log_probs, step = forward(network, x, cache, start, end, 0), 0
        while True:
            out.nfe += 1
            masked = [i for i in range(start, end) if x[i] == network.mask_id]
            best = {i: int(log_probs[i].argmax()) for i in masked}
            confidence = {i: 2.718281828459045 ** log_probs[i][best[i]] for i in masked}
            ranked = sorted(masked, key=lambda i: (-confidence[i], i))
            if threshold is not None:
                chosen = [ranked[0]] + [i for i in ranked[1:] if confidence[i] >= threshold]
            else:
                chosen = ranked[: factor_count([confidence[i] for i in ranked], factor)]
            for i in chosen:
                x[i] = best[i]
                out.unmask_step[i - len(prompt)] = out.nfe
            if network.mask_id not in x[start:end]:
                break
            step += 1
            log_probs = forward(network, x, cache, start, end, step)
        start = end
    out.tokens = x[len(prompt) :]
    return out


@st.composite
def params(draw, gen_length):
    threshold, factor = (
        probabilities.map(lambda t: {"threshold": t}),
        st.floats(0.05, 3).map(lambda f: {"factor": f}),
    )
    return draw(threshold | factor) | {"block_size": draw(st.integers(1, 16))}


def factor_count(confidences, factor):
    """How many of the sorted confidences are revealed; a failure at the last rank is overlooked."""
    for n in range(2, len(confidences)):
        if confidences[n - 1] < 1 - factor / (n + 1):
            return n - 1
    return len(confidences)
