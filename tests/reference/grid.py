"""Grids: the positions of a block in a fixed order, every other one or coarse to fine; no confidence."""

from types import SimpleNamespace

from .caches import forward


def decode(network, prompt, gen_length, cache, block_size, pattern):
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
            levels = {i: level(i - start, block_size, pattern) for i in masked}
            for i in masked:
                if levels[i] == min(levels.values()):
                    x[i] = int(log_probs[i].argmax())
                    out.unmask_step[i - len(prompt)] = out.nfe
        start = end
    out.tokens = x[len(prompt) :]
    return out


def level(offset, block_size, pattern):
    if pattern == "checkerboard":
        return offset % 2
    if offset in (0, block_size // 2):
        return 1
    k = 2
    while offset % (block_size // 2**k) != 0:
        k += 1
    return k
