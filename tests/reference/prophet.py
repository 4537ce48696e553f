"""Prophet: one token per step, until the answer is so clear that everything left is filled at once."""

from types import SimpleNamespace

from .llada import forward


def decode(network, prompt, gen_length, cache, block_size, answer_start, answer_length, gaps):
    x = list(prompt) + [network.mask_id] * gen_length
    out = SimpleNamespace(nfe=0, block_sizes=[gen_length], unmask_step=[0] * gen_length)
    start, end = len(prompt), len(x)
    while network.mask_id in x[start:]:
        progress = out.nfe / gen_length
        log_probs = forward(network, x, cache, start, end, out.nfe == 0)
        out.nfe += 1
        masked = [i for i in range(start, end) if x[i] == network.mask_id]
        answer = masked
        if answer_start is not None:
            answer = range(start + answer_start, min(start + answer_start + answer_length, end))
        needed = gaps[0] if progress < 0.33 else gaps[1] if progress < 0.67 else gaps[2]
        if answer and sum(gap(log_probs[i]) for i in answer) / len(answer) >= needed:
            chosen = masked
        else:
            first = (masked[0] - start) // block_size
            inside = [i for i in masked if (i - start) // block_size == first]
            chosen = [max(inside, key=lambda i: (log_probs[i].max(), -i))]
        for i in chosen:
            x[i] = int(log_probs[i].argmax())
            out.unmask_step[i - start] = out.nfe
    out.tokens = x[start:]
    return out


def gap(log_probs):
    second, first = sorted(log_probs)[-2:]
    return first - second
