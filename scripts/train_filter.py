"""Train the filter of method learn2pd for a model, on what the model itself does with training problems.

    python -m scripts.train_filter tiny-llada          # writes filter.safetensors into its folder

1. Decode each problem one token per step: what comes out is the reference.
2. Decode it again, unmasking in every step all positions that already propose the reference's token, and
   record the block's confidences and which proposals agree with the reference (Extremely Greedy Parallel).
   Where none does, the block is filled from the reference.
3. Fit the filter to the records (binary cross-entropy, AdamW, a tenth held back to report on).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated, Any

import torch
import typer
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

import depcap
from depcap.boundary import FixedBlock
from depcap.decoder import Method, canvas_for, steps
from depcap.filter import WIDTH, Filter, random_filter, save_filter
from depcap.methods import make_method
from depcap.models.loading import Model
from depcap.proposer import Greedy
from depcap.tasks import TASKS
from depcap.types import Block, Canvas, Proposal, Selection, Window
from depcap.unmask import Ordinary, Quota, Selected

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


def records(model: Model, prompts: list[list[int]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Confidences [n 32] and agreement [n 32] of every step of these prompts' blocks."""
    slow = make_method("llada", GEN_LENGTH).method
    canvas = canvas_for(prompts, GEN_LENGTH, model.denoiser, model.denoiser.device)
    *_, last = steps(model.denoiser, canvas, Method(slow.boundary, Quota(WIDTH), stop=slow.stop))
    reference = last.canvas.ids
    fast = Method(FixedBlock(WIDTH), Agreeing(reference), proposer=Following(reference))
    for step in steps(model.denoiser, canvas, fast):
        rows = step.proposal.eligible.any(dim=1)
        at = step.proposal.window
        best = step.proposal.log_probs.max(dim=2)
        agrees = best.indices == reference.gather(1, at.positions)
        yield best.values.exp()[rows], agrees[rows]


def collect(model: Model, problems: int, seed: int) -> tuple[Tensor, Tensor]:
    """Records of training problems of both tasks in turn."""
    rng, tasks = Random(f"filter/{seed}"), list(TASKS.values())
    drawn = [tasks[number % len(tasks)].sample(rng, "train").prompt for number in range(problems)]
    assert model.tokenizer is not None
    ids = [model.tokenizer.encode(prompt) for prompt in drawn]
    found = []
    for first in tqdm(range(0, problems, BATCH), unit="batch"):
        found += list(records(model, ids[first : first + BATCH]))
    return torch.cat([u for u, _ in found]), torch.cat([agrees for _, agrees in found])


def fit(confidences: Tensor, agrees: Tensor, iterations: int, seed: int) -> tuple[Filter, float]:
    """The filter, and its accuracy on the tenth that was held back."""
    order = torch.randperm(len(confidences), generator=torch.Generator().manual_seed(seed))
    held, kept = order[: len(order) // 10], order[len(order) // 10 :]
    made = random_filter(seed)
    weights = {name: weight.requires_grad_() for name, weight in made.weights.items()}
    optimiser = torch.optim.AdamW(weights.values(), lr=0.003)
    labels = agrees.float()
    for _ in tqdm(range(iterations), unit="iteration"):
        loss = functional.binary_cross_entropy_with_logits(Filter(weights)(confidences[kept]), labels[kept])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    final = Filter({name: weight.detach() for name, weight in weights.items()})
    right = (final(confidences[held]) > 0) == agrees[held]
    return final, float(right.float().mean())


def main(
    name: str,
    problems: Annotated[int, typer.Option(help="training problems to decode")] = 400,
    iterations: Annotated[int, typer.Option(help="full-batch steps of AdamW")] = 5_000,
    folder: Annotated[Path | None, typer.Option(help="default: the model's own")] = None,
    seed: int = 0,
) -> None:
    """Record, fit, write."""
    model = depcap.load(name, device="cpu")
    confidences, agrees = collect(model, problems, seed)
    made, accuracy = fit(confidences, agrees, iterations, seed)
    save_filter(made, folder or model.folder)
    print(f"{len(confidences):,} records, {accuracy:.1%} of held-back proposals told right")


if __name__ == "__main__":
    typer.run(main)
