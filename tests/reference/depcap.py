"""DepCap: blocks by last-block influence, tokens by a conflict graph."""

import math
from types import SimpleNamespace

from hypothesis import strategies as st

from .caches import forward
from .ranges import probabilities


def decode(network, prompt, gen_length, cache, min_size, max_size, lambda_u, top_k, tau_low, tau_high, gamma):
    x = list(prompt) + [network.mask_id] * gen_length
    out = SimpleNamespace(nfe=0, block_sizes=[], unmask_step=[0] * gen_length)
    base = None
    start = len(prompt)
    while start < len(x):
        log_probs, step = forward(network, x, cache, start, start, 0, read=start + 2 * max_size), 0
        window = range(start, min(start + 2 * max_size, len(x)))
        current = {i: top_k_cache(log_probs[i], top_k) for i in window}
        size = block_size(log_probs, start, len(x), base, current, min_size, max_size, lambda_u)
        base, end = current, start + size
        out.block_sizes.append(size)
        while True:
            out.nfe += 1
            masked = [i for i in range(start, end) if x[i] == network.mask_id]
            best = {i: int(log_probs[i].argmax()) for i in masked}
            for i in reveal({i: log_probs[i] for i in masked}, best, tau_low, tau_high, gamma):
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
    low, high = sorted((draw(probabilities), draw(probabilities)))
    least = draw(st.integers(1, 8))
    return {
        "min_size": least, "max_size": draw(st.integers(least, 16)), "lambda_u": draw(st.floats(0, 3)),
        "top_k": draw(st.sampled_from((1, 5, 40, 64))), "tau_low": low, "tau_high": high,
        "gamma": draw(st.floats(-30, 0)),
    }  # fmt: skip


def top_k_cache(log_probs, k):
    """The K largest log-probabilities by id, and the log-probability given to every other id."""
    order = sorted(range(len(log_probs)), key=lambda v: -log_probs[v])
    mass = min(sum(math.exp(log_probs[v]) for v in order[:k]), 1 - 1e-12)
    floor = math.log1p(-mass) - math.log(max(len(log_probs) - k, 1))
    return {v: log_probs[v] for v in order[:k]}, floor


def influence_at(current, base):
    known, floor = base
    return sum(math.exp(p) * (p - known.get(v, floor)) for v, p in current[0].items())


def entropy_at(log_probs):
    return -sum(math.exp(p) * p for p in log_probs)


def block_size(log_probs, start, end, base, current, min_size, max_size, lambda_u):
    left = end - start
    if base is None:
        return min(min_size, left)
    window = range(start, start + min(max_size, left))
    influence = [influence_at(current[i], base[i]) for i in window]
    entropy = [entropy_at(log_probs[i]) for i in window]
    run = leading_run(score(influence, entropy, lambda_u))
    return left if left < min_size else min(max(run, min_size), max_size, left)


def score(influence, entropy, lambda_u):
    moved, unsure = normalise(smooth(influence)), normalise(smooth(entropy))
    return [a - lambda_u * b for a, b in zip(moved, unsure, strict=True)]


def smooth(curve):
    padded = [0.0, *curve, 0.0]
    return [(padded[j] + padded[j + 1] + padded[j + 2]) / 3 for j in range(len(curve))]


def normalise(curve):
    ordered, last = sorted(curve), len(curve) - 1
    median, low, high = (ordered[math.floor(share * last)] for share in (0.5, 0.25, 0.75))
    return [(value - median) / max(abs(high - low), 1e-15) for value in curve]


def leading_run(scores):
    for j, value in enumerate(scores):
        if not value >= 0:
            return j
    return len(scores)


def reveal(log_probs, best, tau_low, tau_high, gamma):
    """The slots to reveal, in no particular order."""
    confidence = {i: math.exp(log_probs[i][best[i]]) for i in log_probs}
    candidates = [i for i in log_probs if confidence[i] >= tau_low]

    def conflict(i, j):
        return log_probs[i][best[j]] + log_probs[j][best[i]] > gamma

    chosen = [i for i in candidates if confidence[i] >= tau_high]
    rest = [i for i in candidates if i not in chosen and not any(conflict(i, j) for j in chosen)]
    while rest:
        pick = max(rest, key=lambda i: (confidence[i], -i))
        chosen.append(pick)
        rest = [i for i in rest if i != pick and not conflict(i, pick)]
    return set(chosen) | {max(log_probs, key=lambda i: (confidence[i], -i))}
