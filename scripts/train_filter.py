"""Train the filter of method learn2pd for a model, on what the model itself does with training problems.

    python -m scripts.train_filter tiny-llada          # writes filter.safetensors into its folder

The file names the hash of the model's weights: new weights need a new filter, and the old one is refused.

1. Decode each problem one token per step: what comes out, and end tokens after its first, is the reference.
2. Decode it again, unmasking in every step all positions that already propose the reference's token, and
   record the block's confidences and which proposals agree with the reference (Extremely Greedy Parallel).
   Where none does, the block is filled from the reference.
3. Fit the filter to the records (binary cross-entropy, AdamW), but for those of a tenth of the problems; on
   these say how far what decoding would accept is right.

What is published (arXiv 2509.25188 and its code) differs in this:

- Prompts are FLAN's; here they are the training problems of the project's tasks.
- The steps of all problems are shuffled and split 80/10/10, so that steps of one problem are on all sides;
  here whole problems are held back, a tenth, and there is no third part, since nothing is chosen by it.
- A block is filled from the reference once all its proposals are those of the step before; here at once where
  no masked position agrees, which is one forward and one record sooner.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Annotated, Any, NamedTuple

import torch
import typer
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

import depcap
from depcap.boundary import FixedBlock
from depcap.decoder import Method, canvas_for, steps
from depcap.filter import WIDTH, Filter, random_filter, save_filter
from depcap.methods.learn2pd import Learn2pdParams
from depcap.models.loading import Model
from depcap.proposer import Greedy
from depcap.stopping import StopAtEos
from depcap.tasks import TASKS
from depcap.tasks.base import LEVELS
from depcap.types import Block, Canvas, Proposal, Selection, Window
from depcap.unmask import Explanation, Ordinary, Quota, Selected, explained

GEN_LENGTH, BATCH = 256, 20


@dataclass(frozen=True, eq=False)
class Following:
    """Proposes as `Greedy` does; where nothing of a block agrees with the reference, the reference itself."""

    reference: Tensor  # [B L]

    def init(self, canvas: Canvas) -> None:
        """No run state."""
        return None

    def propose(self, log_probs: Tensor, at: Window, eligible: Tensor, _state: Any) -> tuple[Proposal, None]:
        """The argmax, or in rows that are stuck the reference."""
        made, _ = Greedy().propose(log_probs, at, eligible, None)
        wanted = self.reference.gather(1, at.positions)
        stuck = ~(eligible & (made.tokens == wanted)).any(dim=1)
        tokens = torch.where(stuck[:, None], wanted, made.tokens)
        return Proposal(at, tokens, made.confidence, log_probs, eligible), None


@dataclass(frozen=True, eq=False)
class Agreeing(Ordinary):
    """Unmasks every position that proposes the reference's token."""

    reference: Tensor  # [B L]

    def select(self, proposal: Proposal, _block: Block, _state: None) -> Selected:
        """All that agree."""
        wanted = self.reference.gather(1, proposal.window.positions)
        return Selection(proposal.eligible & (proposal.tokens == wanted)), None

    def explain(self, _proposal: Proposal, selection: Selection) -> Explanation:
        """As of a filter that is never wrong."""
        return explained(selection, "committed_accepted", "not_accepted")


class Records(NamedTuple):
    """Steps of blocks: what the filter sees, what it should say, where it is asked, and whose step it is."""

    confidences: Tensor  # [n 32]
    agrees: Tensor  # [n 32]
    masked: Tensor  # [n 32]
    problem: Tensor  # [n]

    def where(self, chosen: Tensor) -> "Records":
        """The chosen [n] steps."""
        return Records(*(part[chosen] for part in self))


def records(model: Model, prompts: list[list[int]]) -> Iterator[Records]:
    """Every step of these prompts' blocks; problems are numbered by their place."""
    canvas = canvas_for(prompts, GEN_LENGTH, model.denoiser, model.denoiser.device)
    *_, last = steps(model.denoiser, canvas, Method(FixedBlock(WIDTH), Quota(WIDTH), stop=StopAtEos()))
    found = last.canvas.ids
    reference = found.where(found != canvas.mask_id, model.denoiser.end_ids[0])
    fast = Method(FixedBlock(WIDTH), Agreeing(reference), proposer=Following(reference), stop=StopAtEos())
    for step in steps(model.denoiser, canvas, fast):
        masked, at = step.proposal.eligible, step.proposal.window
        best = step.proposal.log_probs.max(dim=2)
        agrees = best.indices == reference.gather(1, at.positions)
        place = torch.arange(len(masked), device=masked.device)
        yield Records(best.values.exp(), agrees, masked, place).where(masked.any(dim=1))


def collect(model: Model, problems: int, seed: int) -> Records:
    """Records of training problems of both tasks and all levels in turn."""
    rng = Random(f"filter/{seed}")
    kinds = [(task, level) for level in LEVELS for task in TASKS.values()]
    drawn = [task.draw(rng, "train", level)[0] for task, level in islice(cycle(kinds), problems)]
    assert model.tokenizer is not None
    ids = [model.tokenizer.encode(prompt) for prompt in drawn]
    found = []
    for first in tqdm(range(0, problems, BATCH), unit="batch"):
        for part in records(model, ids[first : first + BATCH]):
            found.append(part._replace(problem=first + part.problem))
    return Records(*map(torch.cat, zip(*found, strict=True)))


def split(found: Records, seed: int) -> tuple[Records, Records]:
    """What to train on, and all steps of a tenth of the problems, which are held back."""
    problems = found.problem.unique()
    order = torch.randperm(len(problems), generator=torch.Generator().manual_seed(seed))
    held = torch.isin(found.problem, problems[order[: len(problems) // 10]])
    return found.where(~held), found.where(held)


def fit(found: Records, iterations: int, seed: int) -> Filter:
    """The filter that tells best which proposals agree."""
    made = random_filter(seed)
    weights = {name: weight.requires_grad_() for name, weight in made.weights.items()}
    optimiser = torch.optim.AdamW(weights.values(), lr=0.003)
    labels = found.agrees.float()
    for _ in tqdm(range(iterations), unit="iteration"):
        loss = functional.binary_cross_entropy_with_logits(Filter(weights)(found.confidences), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return Filter({name: weight.detach() for name, weight in weights.items()})


def accepted(made: Filter, held: Records, threshold: float) -> tuple[float, float]:
    """Precision and false-positive rate of what decoding would accept: masked, and above the threshold.

    NaN where nothing is accepted, or nothing is wrong.
    """
    taken = held.masked & (made(held.confidences).sigmoid() > threshold)
    wrong = held.masked & ~held.agrees
    precision = (taken & held.agrees).sum() / taken.sum()
    return float(precision), float((taken & wrong).sum() / wrong.sum())


def main(
    name: str,
    problems: Annotated[int, typer.Option(help="training problems to decode")] = 400,
    iterations: Annotated[int, typer.Option(help="full-batch steps of AdamW")] = 40_000,
    folder: Annotated[Path | None, typer.Option(help="default: the model's own")] = None,
    seed: int = 0,
) -> None:
    """Record, fit, write."""
    model = depcap.load(name, device="cpu")
    folder = folder or model.folder
    folder.mkdir(parents=True, exist_ok=True)
    kept, held = split(collect(model, problems, seed), seed)
    made = fit(kept, iterations, seed)
    save_filter(made, folder, model.weights)
    threshold = Learn2pdParams.model_fields["threshold"].default
    precision, false = accepted(made, held, threshold)
    print(
        f"{len(kept.problem):,} steps; of {len(held.problem):,} held back, accepted at {threshold}:"
        f" precision {precision:.1%}, false positives {false:.1%}"
    )


if __name__ == "__main__":
    typer.run(main)
