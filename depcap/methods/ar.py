"""Left to right, one token per forward: a causal model's own way."""

from depcap.boundary import FixedBlock
from depcap.methods.base import Context, Params, Parts, Preset
from depcap.unmask import Quota


class ArParams(Params):
    """Left to right, one token per forward: how a causal model decodes."""

    def parts(self, _context: Context) -> Parts:
        """Blocks of one position."""
        return Parts(FixedBlock(1), Quota(1), {})


PRESET = Preset(
    ArParams, paper="", boundary="every position", tokens="the next", caches=("none", "causal"), causal=True
)
