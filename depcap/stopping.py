"""When a row is finished."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from depcap.protocols import StopRule
from depcap.types import Canvas, Proposal, Selection

EVERYWHERE = 1 << 20
"""A lookahead beyond any canvas."""


@dataclass(frozen=True, slots=True)
class RunToEnd:
    """Every position is decoded, as the reference implementations do."""

    lookahead: int = 0

    def __call__(
        self, canvas: Canvas, _end_ids: tuple[int, ...], _proposal: Proposal, _selection: Selection
    ) -> Int[Tensor, "B"]:
        """The row's end as it is."""
        return canvas.end


@dataclass(frozen=True, slots=True)
class StopAtEos:
    """A row ends after its first end token once everything before that token is decided.

    Nothing before the end token can change any more, so the response is that of `run_to_end`, whatever the
    method and the cache.
    """

    lookahead: int = 0

    def __call__(
        self, canvas: Canvas, end_ids: tuple[int, ...], _proposal: Proposal, _selection: Selection
    ) -> Int[Tensor, "B"]:
        """One past the first end token of the generation region where no mask precedes it."""
        length = canvas.ids.shape[1]
        place = torch.arange(length, device=canvas.ids.device)
        ids = torch.tensor(end_ids, device=canvas.ids.device)
        generated = (place >= canvas.prompt_length[:, None]) & (place < canvas.end[:, None])
        first_end = first_true(torch.isin(canvas.ids, ids) & generated)
        first_mask = first_true(canvas.masked())
        return torch.where(first_end < first_mask, first_end + 1, canvas.end)


@dataclass(frozen=True, slots=True)
class EndOfTextPrediction:
    """A row is cut right after a predicted end token (EoTP of Learn2PD, arXiv 2509.25188).

    What is cut off is not seen any more, so that this rule can change the response.

    Formula:

        end = 1 + min {i: the filter accepts i in this step, x_i is an end token}
        else  1 + argmax {c_i: i was masked when the step began, x_i is an end token}

    The second position may be anywhere in the row and its confidence however small. Either may still be
    masked and is decided later, perhaps to something else.

    Defaults: nothing to set.

    Differences:

    - Positions that are unmasked in this very step count for the second line: not clear from the paper, but
      so in the official code.
    - The official code takes one id for the end (not LLaDA's `<|eot_id|>`), here every id that ends a
      response counts. Its code for Dream looks at the block alone.
    - With a cache that does not compute the suffix, "anywhere" is what it computes. Where that has holes
      (`dpad`, `streaming`), looking at a position costs Dream one more, which predicts it.
    - Of a method that masks again (`wino`) a row is cut only once its block is full.
    """

    lookahead: int = EVERYWHERE

    def __call__(
        self, canvas: Canvas, end_ids: tuple[int, ...], proposal: Proposal, selection: Selection
    ) -> Int[Tensor, "B"]:
        """One past the predicted end; the row's end where none is predicted."""
        at = proposal.window
        says_end = torch.isin(proposal.tokens, torch.tensor(end_ids, device=canvas.ids.device))
        masked = at.valid & (canvas.masked().gather(1, at.positions) | selection.unmask)
        confidence = proposal.log_probs.gather(2, proposal.tokens[..., None])[..., 0]
        candidates = says_end & masked
        surest = torch.where(candidates, confidence, -torch.inf).argmax(dim=1)
        accepted = says_end & selection.evidence.get("accepted", torch.zeros_like(says_end))
        place = torch.where(accepted.any(dim=1), accepted.int().argmax(dim=1), surest)
        found = at.positions.gather(1, place[:, None])[:, 0] + 1
        return torch.where(candidates.any(dim=1), found, canvas.end)


def first_true(flags: Tensor) -> Int[Tensor, "B"]:
    """Index of the first True of each row; the row's width when there is none."""
    return torch.where(flags.any(dim=1), flags.int().argmax(dim=1), flags.shape[1])


STOPS: dict[str, StopRule] = {"eos": StopAtEos(), "run_to_end": RunToEnd(), "eotp": EndOfTextPrediction()}
"""Stop rules by name."""
