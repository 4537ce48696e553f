"""DAWN: fixed blocks; sure tokens, tokens induced by them, and an independent set by attention."""

import math
from types import SimpleNamespace

from hypothesis import strategies as st

from .caches import forward
from .ranges import probabilities


def decode(
    network, prompt, gen_length, cache, block_size, threshold, induced_threshold, low_threshold,
    sink_threshold, edge_threshold,
):  # fmt: skip
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
            sure_of = {i: math.exp(log_probs[i].max()) for i in range(start, end)}
            masked = [i for i in range(start, end) if x[i] == network.mask_id]
            anchors = [i for i in sure_of if i not in masked and sure_of[i] >= threshold]
            edges = dependencies(network, range(start, end), sink_threshold, edge_threshold)
            first = {i for i in masked if sure_of[i] >= threshold}
            second = {
                i for i in masked if sure_of[i] >= induced_threshold and any((i, u) in edges for u in anchors)
            }
            tied = {(i, j) for i, j in edges} | {(j, i) for i, j in edges}
            rest = [
                i for i in masked
                if sure_of[i] >= low_threshold and i not in first | second
                and not any((i, j) in tied for j in first & second)
            ]  # fmt: skip
            third = set()
            for i in sorted(rest, key=lambda i: (-sure_of[i], i)):
                if not any((i, j) in tied for j in third):
                    third.add(i)
            chosen = first | second | third or {min(masked, key=lambda i: (-log_probs[i].max(), i))}
            for i in chosen:
                x[i] = int(log_probs[i].argmax())
                out.unmask_step[i - len(prompt)] = out.nfe
        start = end
    out.tokens = x[len(prompt) :]
    return out


@st.composite
def params(draw, gen_length):
    low, threshold = sorted((draw(probabilities), draw(probabilities)))
    return {
        "block_size": draw(st.integers(1, 16)), "threshold": threshold, "low_threshold": low,
        "induced_threshold": draw(st.floats(0.0, threshold)), "sink_threshold": draw(st.floats(0.03, 0.5)),
        "edge_threshold": draw(st.floats(0.01, 0.4)),
    }  # fmt: skip


def dependencies(network, block, sink_threshold, edge_threshold):
    """Pairs (i, j) such that what predicts i attends to j, which is no sink."""
    rows = network.attended  # of the last forward and its last layers: position -> weights over positions
    received = {j: sum(row[j] for row in rows.values()) / len(rows) for j in block}
    return {
        (i, j) for i in block for j in block
        if i != j and received[j] <= sink_threshold
        and rows[max(i - network.shift, 0)][j] >= edge_threshold
    }  # fmt: skip
