"""What a step computes and what it sees, cache by cache, as lists of positions.

A cache is a name, or a name with its sizes: ("vicinity", reach), ("dkv", refresh), ("streaming", width),
("dpad", width, density, spread).
"""

import math

import torch


def forward(network, x, cache, start, end, step, read=None, shown=None, asked=None):
    """Log-probabilities where the step computes and the method looks, None elsewhere.

    A block opens in its step 0. `read` is how far the method looks if not to the block's end, `shown` what
    the network sees if not x, `asked` the positions it looks at if not those from the block's start on.
    """
    far = end if read is None else min(read, len(x))
    computed, visible = view(network, x, cache, start, end, step, far)
    network.before = list(x)
    asked = range(start, far) if asked is None else asked
    return network.some(x if shown is None else shown, computed, visible, asked)


def view(network, x, cache, start, end, step, far):
    """Positions to compute, and positions to see."""
    name, *sizes = (cache,) if isinstance(cache, str) else cache
    everything = list(range(len(x)))
    if name in ("streaming", "dpad"):
        stays = near(len(x), far, *sizes) if name == "streaming" else drawn(start, far, *sizes)
        visible = [i for i in everything if i < far or stays(i)]
        return [i for i in visible if step == 0 or i >= start], visible
    if step == 0 or name == "none":
        return everything, everything
    if name == "dkv":
        (refresh,) = sizes
        undecided = [i for i in everything if network.mask_id in (x[i], network.before[i])]
        return everything if step % refresh == 0 else undecided, everything
    reach = sizes[0] if name == "vicinity" else 0
    last = len(x) if name == "prefix" else end + reach
    return [i for i in everything if start - reach <= i < last], everything


def near(length, far, width):
    """Streaming-dLLM: the next positions and the last."""
    return lambda i: i < far + width or i == length - 1


def drawn(start, far, width, density, spread):
    """DPad: the nearer the likelier, by numbers that hang on the block's start."""
    dice = torch.rand(width, generator=torch.Generator().manual_seed(start)).tolist()

    def stays(i):
        d = i - far
        bell = math.exp(-((spread * d / (width - 1)) ** 2) / 2) / math.sqrt(2 * math.pi)
        return d < width and dice[d] < density * bell

    return stays
