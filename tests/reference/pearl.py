"""PEARL, greedily: a window is drafted while what is on trust is checked, and the first of the window."""

from types import SimpleNamespace


def decode(drafter, verifier, prompt, gen_length, window, draft_steps, causal):
    text, end, pending = list(prompt), len(prompt) + gen_length, []
    out = SimpleNamespace(nfe=0, rounds=0, block_sizes=[], unmask_step=[])
    while len(text) < end:
        room = min(window, end - len(text) - len(pending))
        if causal:
            drafts = continued(drafter, text + pending, room)
            out.nfe += room
        else:
            drafts, forwards = filled(drafter, text + pending, room, end, draft_steps)
            out.nfe += forwards
        out.rounds += 1
        checked, rest, new = pending + drafts[:1], drafts[1:], []
        for token in checked:
            new.append(int(said(verifier, text + new).argmax()))
            if new[-1] != token:
                rest = []
                break
        text, pending = text + new, rest
        out.block_sizes.append(len(new))
        out.unmask_step += [out.rounds] * len(new)
    out.tokens = text[len(prompt) :]
    return out


def filled(drafter, ids, room, end, steps):
    """The next `room` tokens of a diffusion model in at most `steps` forwards, the surest first."""
    x, forwards = ids + [drafter.mask_id] * (end - len(ids)), 0
    for step in range(steps):
        masked = [i for i in range(len(ids), len(ids) + room) if x[i] == drafter.mask_id]
        if not masked:
            break
        log_probs = drafter.full(x)
        forwards += 1
        count = -(-len(masked) // (steps - step))
        for i in sorted(masked, key=lambda i: (-log_probs[i].max(), i))[:count]:
            x[i] = int(log_probs[i].argmax())
    return x[len(ids) : len(ids) + room], forwards


def continued(drafter, ids, room):
    """The next `room` tokens of a causal model, one after the other."""
    for _ in range(room):
        ids = [*ids, int(said(drafter, ids).argmax())]
    return ids[len(ids) - room :]


def said(network, ids):
    """A causal model's log-probabilities for the token after `ids`: every position sees what is before it."""
    x = [*ids, network.mask_id]
    for position in range(1, len(x)):
        log_probs = network.some(x, [position], range(position))[position]
    return log_probs
