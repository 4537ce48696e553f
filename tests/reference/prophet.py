"""Prophet: one token per step, until the answer is so clear that everything left is filled at once."""

from types import SimpleNamespace

from hypothesis import strategies as st

from .caches import forward


def decode(network, prompt, gen_length, cache, block_size, answer_start, answer_length, gaps):
    x = list(prompt) + [network.mask_id] * gen_length
    out = SimpleNamespace(nfe=0, block_sizes=[], unmask_step=[0] * gen_length)
    first = start = len(prompt)
    while start < len(x):
        end, step = min(start + block_size, len(x)), 0
        while network.mask_id in x[start:end]:
            log_probs = forward(network, x, cache, start, end, step, asked=range(first, len(x)))
            out.nfe, step = out.nfe + 1, step + 1
            progress = out.nfe / gen_length
            seen = [i for i in range(first, len(x)) if log_probs[i] is not None]
            answer = masked = [i for i in seen if x[i] == network.mask_id]
            if answer_start is None:
                ends = [i for i in masked if int(log_probs[i].argmax()) == network.end_id]
                answer = [i for i in masked if i < min(ends, default=len(x))] or masked
            else:
                answer = [i for i in seen if answer_start <= i - first < answer_start + answer_length]
            needed = gaps[0] if progress < 0.33 else gaps[1] if progress < 0.67 else gaps[2]
            if answer and sum(gap(log_probs[i]) for i in answer) / len(answer) >= needed:
                chosen = masked
            else:
                chosen = [max((i for i in masked if i < end), key=lambda i: (log_probs[i].max(), -i))]
            for i in chosen:
                x[i] = int(log_probs[i].argmax())
                out.unmask_step[i - first] = out.nfe
            end = max(end, *(i + 1 for i in chosen))
        out.block_sizes.append(end - start)
        start = end
    out.tokens = x[first:]
    return out


def params(gen_length):
    gap = st.floats(0.1, 4)
    return st.fixed_dictionaries(
        {
            "block_size": st.integers(1, 16), "answer_start": st.none() | st.integers(0, gen_length - 1),
            "answer_length": st.integers(1, 6), "gaps": st.tuples(gap, gap, gap),
        }
    )  # fmt: skip


def gap(log_probs):
    second, first = sorted(log_probs)[-2:]
    return first - second
