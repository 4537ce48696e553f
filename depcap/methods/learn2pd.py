"""Learn2PD: a small trained network says which proposals are final."""

from dataclasses import dataclass

import torch
from pydantic import Field

from depcap.boundary import FixedBlock
from depcap.errors import DepcapError
from depcap.filter import Filter
from depcap.methods.base import REREADING_CACHES, Context, Params, Parts, Preset, Probability, Size
from depcap.reasons import code
from depcap.types import Block, Proposal, Selection
from depcap.unmask import Explanation, Ordinary, Selected, best, explained


@dataclass(frozen=True, slots=True)
class Learned(Ordinary):
    """What the filter takes for final with probability > `threshold`, and the most confident position.

    The filter sees the confidences of all positions of the block, decided ones too: there it is the
    probability of what the network would say now. With `threshold` 1: one token per step.
    """

    filter: Filter
    threshold: float = 0.96

    def select(self, proposal: Proposal, block: Block, _state: None) -> Selected:
        """Accepted positions, and the most confident one."""
        at = proposal.window
        confidence = proposal.log_probs.gather(2, proposal.tokens[..., None])[..., 0].exp()
        inside = at.valid & (at.positions < block.end[:, None])
        scores = self.filter(torch.where(inside, confidence, 0.0)).sigmoid()
        accepted = proposal.eligible & (scores > self.threshold)
        first = best(proposal.confidence, proposal.eligible, torch.ones_like(block.start))
        return Selection(accepted | first, evidence={"accepted": accepted}), None

    def explain(self, proposal: Proposal, selection: Selection) -> Explanation:
        """Taken for final, the most confident, or neither."""
        codes, cause, rounds = explained(selection, "committed_quota", "not_accepted")
        return codes.where(~selection.evidence["accepted"], code("committed_accepted")), cause, rounds


class Learn2pdParams(Params):
    """Learn2PD (arXiv 2509.25188): a trained filter tells from confidences what is final.

    A small network is trained per model to tell from the confidences of a block's positions which proposals
    are what slow decoding would end with. `--stop eotp` adds the paper's end-of-text prediction; that rule
    goes with any other method too.

    Formula:

        f(u) = W₂ relu(W₁ u + b₁) + b₂                     u: the confidences of 32 positions
        U    = {i masked: σ(f(u)_i) > θ} ∪ {argmax c}

    u has decided positions too: there it is the probability of what the model would say now. Blocks of other
    sizes are taken 32 positions at a time, short ones padded with 0. `threshold` is θ. With θ = 1 this is
    llada at one token per step.

    Defaults: θ = 0.96 and blocks of 32, as in every shipped evaluation.

    Differences:

    - The official code unmasks, besides what the filter accepts, the n most confident of a schedule; n is 1
      here, as it is there with as many steps as positions.
    - Their filters are not to be had. Ours are trained on the project's tasks by `scripts/train_filter.py`,
      which says what it does otherwise, and are refused for any model but the one they were trained for.
    - Calls of the filter are not counted as forwards of a second model: with 2,112 parameters, per block and
      step, they cost less than a thousandth of one position's way through the smallest bundled model.
    - Confidences are computed as everywhere here; there in bfloat16 without a cache, in float64 with one.
    - Not with cache `dkv`: the filter looks at decided positions, which that cache does not compute.
    """

    block_size: Size = Field(32, description="positions per block; the filter looks at 32 together")
    threshold: Probability = Field(0.96, description="least probability of being final, by the filter")

    def parts(self, context: Context) -> Parts:
        """Fixed blocks, and the filter in the model's folder."""
        found = context.resources.filter()
        if found is None:
            raise DepcapError(
                "method learn2pd: the model has no filter (filter.safetensors in its folder;"
                " scripts/train_filter.py trains one)"
            )
        learned = Learned(found, self.threshold)
        helpers = {"filter": found.fingerprint}
        return Parts(FixedBlock(self.block_size), learned, self.model_dump(), helpers=helpers)


PRESET = Preset(
    Learn2pdParams,
    paper="arXiv 2509.25188",
    boundary="fixed size",
    tokens="what a trained filter takes for final, and the most confident",
    headline="22.58× with EoTP (GSM8K, 1,024 tokens), 57.51× with a dual cache besides",
    caveat="end-of-text prediction is --stop eotp; the published filters are not to be had, ours are trained"
    " on the project's tasks; calls of the filter are not counted",
    caches=REREADING_CACHES,
    trained="a filter of 2,112 parameters per model",
)
