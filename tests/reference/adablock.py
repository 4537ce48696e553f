"""AdaBlock: a block ends with the surest delimiter of the next quarter; inside it, Fast-dLLM's threshold."""

import math
from types import SimpleNamespace

from hypothesis import strategies as st

from .caches import forward
from .ranges import PROMPT_VOCAB, probabilities


def decode(network, prompt, gen_length, cache, block_size, threshold, delimiter_threshold, delimiter_ids):
    x = list(prompt) + [network.mask_id] * gen_length
    out = SimpleNamespace(nfe=0, block_sizes=[], unmask_step=[0] * gen_length)
    start = len(prompt)
    while start < len(x):
        ahead = start + max(block_size, gen_length // 4)
        log_probs, step = forward(network, x, cache, start, start, 0, read=ahead), 0
        end = start + size(log_probs[start:], gen_length, block_size, delimiter_threshold, delimiter_ids)
        out.block_sizes.append(end - start)
        while True:
            out.nfe += 1
            masked = [i for i in range(start, end) if x[i] == network.mask_id]
            surest = max(masked, key=lambda i: (log_probs[i].max(), -i))
            for i in masked:
                if i == surest or math.exp(log_probs[i].max()) >= threshold:
                    x[i] = int(log_probs[i].argmax())
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
    delimiters = st.lists(st.integers(0, PROMPT_VOCAB - 1), min_size=1, max_size=12, unique=True)
    return {
        "block_size": draw(st.integers(1, 16)), "threshold": draw(probabilities),
        "delimiter_threshold": draw(st.floats(0, 1.1)), "delimiter_ids": draw(delimiters),
    }  # fmt: skip


def size(ahead, gen_length, block_size, delimiter_threshold, delimiter_ids):
    window = min(int(0.25 * gen_length), len(ahead))
    best, where = -1.0, None
    for offset in range(window):
        if int(ahead[offset].argmax()) in delimiter_ids and math.exp(ahead[offset].max()) > best:
            best, where = math.exp(ahead[offset].max()), offset
    if where is not None and best >= delimiter_threshold:
        return where + 1
    return min(block_size, len(ahead))
