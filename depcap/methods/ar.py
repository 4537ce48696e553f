"""Left to right, one token per forward: a causal model's own way."""

from depcap.boundary import FixedBlock
from depcap.methods.base import WITHOUT_PREDICTION, Context, Params, Parts, Preset
from depcap.unmask import Quota


class ArParams(Params):
    """Left to right, one token per forward: how a causal model decodes.

    For causal models on the same loop, and the measure of what diffusion saves.

    Formula:

        x_i = argmax p(· | x_<i)                           at temperature T: drawn from softmax(z / T)

    Defaults: nothing to set.

    Differences:

    - None: greedy decoding has no paper of its own. Cache `causal` keeps what was read, which is exact.
    - Not with `eotp`: beyond the next token a causal model reads masks, of which it knows nothing.
    """

    def parts(self, _context: Context) -> Parts:
        """Blocks of one position."""
        return Parts(FixedBlock(1), Quota(1), {})


PRESET = Preset(
    ArParams,
    paper="",
    boundary="every position",
    tokens="the next",
    caveat="no paper: a causal model's own way, exact with its cache",
    caches=("none", "causal"),
    stops=WITHOUT_PREDICTION,
    causal=True,
)
