"""Train the bundled models: first next-token prediction, then masked diffusion from its weights.

    python -m scripts.train ar        --out runs/ar      --steps 1300
    python -m scripts.train shifted   --out runs/shifted --init runs/ar/last.pt --steps 2600
    python -m scripts.fold_shift runs/shifted/last.pt runs/folded.pt
    python -m scripts.train diffusion --out runs/llada   --init runs/folded.pt --steps 400

Every run writes `last.pt` (weights, optimiser, step) atomically and continues from it when started again.
A step's data depends on the seed and the step alone, so a continued run sees what an unbroken one would.
Masked diffusion from scratch does not learn these tasks in hours. From causal weights it takes minutes, if a
position goes on predicting the next one (Dream); LLaDA's alignment is then folded in, not learnt.
"""

import math
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from random import Random
from typing import Annotated

import torch
import typer
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from depcap.models.checkpoint import FAMILIES, our_key, read_tensors
from depcap.models.transformer import Attend, Transformer, TransformerConfig, attend_causally, attend_fully
from depcap.tasks import TASKS
from depcap.tasks.arithmetic import drill

TOKENIZER = Path(__file__).parents[1] / "depcap" / "bundled" / "tokenizer.json"
END_ID, MASK_ID = 0, 1
CONFIG = TransformerConfig(
    vocab_size=600, hidden_size=256, intermediate_size=672, num_layers=6, num_heads=4, num_kv_heads=4,
    max_positions=512, rope_theta=10_000.0, rms_norm_eps=1e-5,
)  # fmt: skip
DEEPER = replace(CONFIG, num_layers=7, intermediate_size=528)
"""One layer more, as many parameters: the first looks one position back (see `fold_shift`)."""
BUCKETS = (64, 96, 128, 192, 320)
TOKENS_PER_STEP = 6_400
DRILL_SHARE = 0.15
DECODING_SHARE = 0.8
"""Rows masked as block-wise decoding sees them; the others uniformly."""
PADDING_WEIGHT = 0.05
FRONTIER, FRONTIER_WEIGHT = 3, 3.0


class Objective(str, Enum):
    """What the network learns to predict."""

    AR = "ar"
    DIFFUSION = "diffusion"
    SHIFTED = "shifted"


@dataclass(frozen=True)
class Recipe:
    """Settings of one objective.

    Steps take the `views` in turn. Every position of a causal step has the loss of a position whose right
    side is still hidden; masked diffusion has it at a few positions a row, so causal steps between them keep
    teaching the calculations.
    `stretch` is how often a row goes to the smallest bucket it fits, to the next, and so on: a network that
    has seen no long tail of padding does not know what to do with a long generation region.
    `kept` are the parameters, by how their names start, that stay as they are.
    """

    learning_rate: float
    warmup: int
    stretch: tuple[float, ...]
    views: tuple["View", ...]
    config: TransformerConfig = CONFIG
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Rows of one length: clean ids, where the response starts, where its first end token stands."""

    ids: Tensor  # [B L]
    start: Tensor  # [B]
    end: Tensor  # [B]


def batches(objective: Objective, seed: int, first_step: int) -> Iterator[Batch]:
    """One batch per step: rows are drawn until some length's bucket is full; a step's draw is its own."""
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    step = first_step
    while True:
        yield _batch(tokenizer, Random(f"{seed}/{step}"), RECIPES[objective].stretch)
        step += 1


def _batch(tokenizer: Tokenizer, rng: Random, stretch: tuple[float, ...]) -> Batch:
    rows: dict[int, list[tuple[list[int], list[int]]]] = {length: [] for length in BUCKETS}
    while True:
        prompt, response = _problem(rng)
        head, tail = tokenizer.encode(prompt).ids, tokenizer.encode(response).ids
        fits = [length for length in BUCKETS if len(head) + len(tail) < length]
        further = rng.choices(range(len(stretch)), stretch)[0]
        length = fits[min(further, len(fits) - 1)]
        rows[length].append((head, tail))
        if len(rows[length]) * length >= TOKENS_PER_STEP:
            return _pack(rows[length], length)


def _problem(rng: Random) -> tuple[str, str]:
    if rng.random() < DRILL_SHARE:
        return drill(rng)
    task = TASKS["arithmetic" if rng.random() < 0.6 else "python"]
    example = task.sample(rng, "train")
    return example.prompt, example.reference


def _pack(rows: list[tuple[list[int], list[int]]], length: int) -> Batch:
    ids = [head + tail + [END_ID] * (length - len(head) - len(tail)) for head, tail in rows]
    start = [len(head) for head, _ in rows]
    end = [len(head) + len(tail) for head, tail in rows]
    return Batch(torch.tensor(ids), torch.tensor(start), torch.tensor(end))


def ar_targets(batch: Batch, _noise: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, targets and weights [B L] of next-token prediction, over the response and its end token."""
    ids = batch.ids
    targets = torch.roll(ids, -1, dims=1)
    place = torch.arange(ids.shape[1]) + 1
    inside = (place >= batch.start[:, None]) & (place <= batch.end[:, None])
    prompt = (place < batch.start[:, None]) * 0.1
    return ids, targets, inside + prompt


def diffusion_targets(batch: Batch, noise: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, targets and weights [B L] of masked diffusion: most rows as decoding sees them, some uniform.

    The decoding view shows a prefix of the response, hides everything from a random cut on, reveals a random
    share of the window after the cut, and counts the loss in that window only, most of all in the first
    positions, where a calculation is either done or not. Without it the network learns
    to copy a result from the line after it, which a left-to-right decoder does not have.
    """
    rows, length = batch.ids.shape
    place = torch.arange(length)
    response = place >= batch.start[:, None]
    share = (torch.rand(1, generator=noise) + torch.arange(rows) / rows) % 1.0
    share = (0.04 + 0.96 * share)[torch.randperm(rows, generator=noise)]
    dice = torch.rand(rows, length, generator=noise)
    uniform = response & (dice < share[:, None])

    reach = torch.where(
        torch.rand(rows, generator=noise) < 0.9, batch.end, torch.full_like(batch.end, length - 1)
    )
    cut = batch.start + (torch.rand(rows, generator=noise) * (reach - batch.start + 1)).long()
    window = torch.randint(4, 33, (rows,), generator=noise)
    ahead = (place >= cut[:, None]) & (place < (cut + window)[:, None])
    reveal = torch.rand(rows, generator=noise) * (torch.rand(rows, generator=noise) < 0.6)
    view = (place >= cut[:, None]) & ~(ahead & (dice < reveal[:, None]))

    as_decoding = torch.rand(rows, generator=noise)[:, None] < DECODING_SHARE
    masked = torch.where(as_decoding, view, uniform)
    counted = torch.where(as_decoding, view & ahead, uniform)
    weights = counted * torch.where(place > batch.end[:, None], PADDING_WEIGHT, 1.0)
    frontier = as_decoding & (place < (cut + FRONTIER)[:, None])
    weights = weights * torch.where(frontier, FRONTIER_WEIGHT, 1.0)
    return torch.where(masked, MASK_ID, batch.ids), batch.ids, weights


def shifted_targets(batch: Batch, noise: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Masked diffusion where a position predicts the next one (Dream): a causal model's alignment stays."""
    inputs, targets, weights = diffusion_targets(batch, noise)
    return inputs, torch.roll(targets, -1, dims=1), torch.roll(weights, -1, dims=1)


Targets = Callable[[Batch, torch.Generator], tuple[Tensor, Tensor, Tensor]]


@dataclass(frozen=True)
class View:
    """One way to look at a batch: what goes in, what comes out, and what a position sees."""

    name: str
    targets: Targets
    attend: Attend


CAUSAL = View("causal", ar_targets, attend_causally)
SHIFTED = View("shifted", shifted_targets, attend_fully)
MASKED = View("masked", diffusion_targets, attend_fully)
SHORT_AND_LONG = (0.72, 0.12, 0.1, 0.04, 0.02)
RECIPES = {
    Objective.AR: Recipe(1.5e-3, 100, (0.88, 0.08, 0, 0, 0.04), (CAUSAL,)),
    Objective.SHIFTED: Recipe(8e-4, 50, SHORT_AND_LONG, (CAUSAL, SHIFTED, SHIFTED)),
    Objective.DIFFUSION: Recipe(
        3e-4, 30, SHORT_AND_LONG, (MASKED,), DEEPER, ("embed.", "layers.0.attention")
    ),
}


def prefetch(source: Iterator[Batch], depth: int = 8) -> Iterator[Batch]:
    """Run `source` in a thread, so that the cores stay on the network."""
    ready: queue.Queue[Batch] = queue.Queue(depth)

    def fill() -> None:
        for item in source:
            ready.put(item)

    threading.Thread(target=fill, daemon=True).start()
    while True:
        yield ready.get()


def save(path: Path, state: dict[str, object]) -> None:
    """Write a checkpoint of our own run, whole or not at all."""
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def released_weights(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Weights of a bundled model folder under our names; Dream's biases, which are zero, are left out."""
    for key, tensor in read_tensors(folder):
        family = FAMILIES["llada" if key.startswith("model.transformer") else "Dream"]
        name = our_key(key, family)
        if name is not None and not name.endswith("bias"):
            yield name, tensor.float()


def rate(recipe: Recipe, step: int, steps: int) -> float:
    """Warm-up, then a cosine to a twentieth."""
    warm = min(1.0, (step + 1) / recipe.warmup)
    return recipe.learning_rate * warm * (0.05 + 0.475 * (1 + math.cos(math.pi * min(1.0, step / steps))))


class Progress:
    """Running means of loss and right argmaxes, for each view."""

    def __init__(self) -> None:
        self.means: dict[str, tuple[float, float]] = {}

    def add(self, name: str, loss: float, right: float) -> None:
        """One more step."""
        before = self.means.get(name, (loss, right))
        self.means[name] = (0.98 * before[0] + 0.02 * loss, 0.98 * before[1] + 0.02 * right)

    def __str__(self) -> str:
        return "; ".join(
            f"{name} loss {loss:.4f} right {right:.4f}" for name, (loss, right) in self.means.items()
        )


class Trainer:
    """One run: network, optimiser, and where it stands."""

    def __init__(self, objective: Objective, out: Path, init: Path | None, steps: int, seed: int) -> None:
        self.objective, self.out, self.steps, self.seed = objective, out, steps, seed
        self.recipe = RECIPES[objective]
        torch.set_flush_denormal(True)
        torch.manual_seed(seed)
        self.model = Transformer(self.recipe.config)
        for name, parameter in self.model.named_parameters():
            if parameter.dim() == 2:
                torch.nn.init.normal_(parameter, std=0.02)
            parameter.requires_grad_(not name.startswith(self.recipe.kept or "-"))
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(trained, lr=1.0, betas=(0.9, 0.95), weight_decay=0.05, fused=True)
        self.step = 0
        out.mkdir(parents=True, exist_ok=True)
        self._restore(init)
        bfloat = torch.cpu._is_avx512_bf16_supported()  # elsewhere bfloat16 is emulated and slower
        self.autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat)
        self.loss = torch.compile(self._loss, dynamic=False)

    def _restore(self, init: Path | None) -> None:
        last = self.out / "last.pt"
        if last.exists():
            state = torch.load(last, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step = state["step"]
        elif init is not None and init.is_dir():
            self.model.load_state_dict(dict(released_weights(init)))
        elif init is not None:
            self.model.load_state_dict(torch.load(init, weights_only=True)["model"])

    def _loss(self, ids: Tensor, targets: Tensor, weights: Tensor, attend: Attend) -> tuple[Tensor, Tensor]:
        """Weighted mean cross-entropy, and the weighted share of right argmaxes."""
        positions = torch.arange(ids.shape[1]).expand(ids.shape)
        logits = self.model.logits(self.model(ids, positions, attend)).float()
        losses = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        right = (logits.argmax(-1) == targets).flatten().float()
        weight = weights.flatten()
        return (losses * weight).sum() / weight.sum(), (right * weight).sum() / weight.sum()

    def run(self, minutes: float) -> None:
        """Train until `steps` are done or the minutes are over; then (and every few minutes) save."""
        began = saved = time.monotonic()
        tokens, shown = 0, Progress()
        for batch in prefetch(batches(self.objective, self.seed, self.step)):
            if self.step >= self.steps or time.monotonic() - began > 60 * minutes:
                break
            view = self.recipe.views[self.step % len(self.recipe.views)]
            shown.add(view.name, *self._update(batch, view))
            self.step += 1
            tokens += batch.ids.numel()
            if self.step % 25 == 0:
                speed = tokens / (time.monotonic() - began)
                print(f"step {self.step} {shown} {speed:.0f} tokens/s", flush=True)
            if time.monotonic() - saved > 180:
                self.save()
                saved = time.monotonic()
        self.save()

    def _update(self, batch: Batch, view: View) -> tuple[float, float]:
        """One step of the optimiser; the loss and the share of right argmaxes before it."""
        noise = torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate(self.recipe, self.step, self.steps)
        with self.autocast:
            loss, right = self.loss(*view.targets(batch, noise), view.attend)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return loss.item(), right.item()

    def save(self) -> None:
        """Write `last.pt`."""
        state = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
        }
        save(self.out / "last.pt", state)


def main(
    objective: Objective,
    out: Annotated[Path, typer.Option(help="folder of the run; continued if it holds last.pt")],
    steps: Annotated[int, typer.Option(help="length of the schedule")],
    init: Annotated[
        Path | None, typer.Option(help="checkpoint, or bundled model folder, to start from")
    ] = None,
    minutes: Annotated[float, typer.Option(help="stop (and save) after this long")] = 1e9,
    seed: int = 0,
) -> None:
    """Train one objective."""
    Trainer(objective, out, init, steps, seed).run(minutes)


if __name__ == "__main__":
    typer.run(main)
