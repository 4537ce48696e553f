"""Train the bundled models: first next-token prediction, then masked diffusion from its weights.

    python -m scripts.train ar        --out runs/ar      --steps 8000
    python -m scripts.train shifted   --out runs/shifted --init runs/ar/last.pt --steps 8000 --seed 1
    python -m scripts.fold_shift runs/shifted/last.pt runs/folded.pt
    python -m scripts.train diffusion --out runs/llada   --init runs/folded.pt --steps 2000 --seed 2
    python -m scripts.train scratch   --out runs/scratch --steps 8000

What was run for the weights that ship is in their cards (`docs/models`).

Every run writes `last.pt` (weights, their average, optimiser, step) atomically and continues from it when
started again with the same arguments and code; to the bit on the same machine, if compiled or not as before.
A step's data depends on the seed and the step alone, so a continued run sees what an unbroken one would, and
a later stage wants a seed of its own. Masked diffusion starts from causal weights, of which most is kept if a
position goes on predicting the next one (Dream); LLaDA's alignment is then folded in, not learnt.
"""

import csv
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from depcap.models.checkpoint import load_network, read_config
from depcap.models.transformer import Transformer
from scripts.batches import Batch, batches, prefetch
from scripts.objectives import RECIPES, Objective, Recipe, altered
from scripts.progress import LogLine, Progress
from scripts.views import Sight

AVERAGE_DECAY = 0.995


def save(path: Path, state: dict[str, object]) -> None:
    """Write a checkpoint of our own run, whole or not at all."""
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def moving(before: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
    """One step of a moving average, which begins with a short memory."""
    return before.lerp(now, max(1 - AVERAGE_DECAY, 9 / (10 + int(count))))


def averaged(checkpoint: Path) -> dict[str, Tensor]:
    """A run's result: the moving average of its weights."""
    weights: dict[str, Tensor] = torch.load(checkpoint, weights_only=True)["average"]
    return weights


def _start(init: Path) -> dict[str, Tensor]:
    """Weights of another run's checkpoint, or of a bundled model folder, under our names."""
    if init.is_dir():
        return load_network(init, read_config(init), torch.float32, torch.device("cpu")).state_dict()
    return averaged(init)


def misfits(start: dict[str, Tensor], model: Transformer) -> list[str]:
    """Weights that one of the two lacks or has in another shape; a causal model has no biases."""
    shapes = {name: weight.shape for name, weight in model.state_dict().items()}
    wrong = [name for name, weight in start.items() if shapes.get(name) != weight.shape]
    return wrong + [name for name in shapes if name not in start and not name.endswith("bias")]


def rate(recipe: Recipe, step: int, steps: int) -> float:
    """Warm-up, then a cosine to a twentieth."""
    warm = min(1.0, (step + 1) / recipe.warmup)
    return recipe.learning_rate * warm * (0.05 + 0.475 * (1 + math.cos(math.pi * min(1.0, step / steps))))


class Trainer:
    """One run: network, optimiser, and where it stands."""

    def __init__(
        self, recipe: Recipe, out: Path, init: Path | None, steps: int, seed: int, compiled: bool = True
    ) -> None:
        self.recipe, self.out, self.steps, self.seed = recipe, out, steps, seed
        torch.set_flush_denormal(True)
        torch.manual_seed(seed)
        self.model = Transformer(self.recipe.config)
        for name, parameter in self.model.named_parameters():
            if parameter.dim() == 2:
                torch.nn.init.normal_(parameter, std=0.02)
            elif name.endswith("bias"):
                torch.nn.init.zeros_(parameter)
            parameter.requires_grad_(not name.startswith(self.recipe.frozen))
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(trained, lr=1.0, betas=(0.9, 0.95), weight_decay=0.05, fused=True)
        self.average = AveragedModel(self.model, avg_fn=moving)
        self.step, self.tokens, self.log, self.shown = 0, 0, list[LogLine](), Progress({})
        self.arguments = {
            "seed": seed, "steps": steps, "init": str(init), "learning rate": recipe.learning_rate,
            "warm-up": recipe.warmup, "views": [view.__name__ for view in recipe.views],
            "data": repr(recipe.source), "shift": recipe.shift, "frozen": list(recipe.frozen),
            "network": asdict(recipe.config),
        }  # fmt: skip
        out.mkdir(parents=True, exist_ok=True)
        self._restore(init)
        bfloat = torch.cpu._is_avx512_bf16_supported()  # elsewhere bfloat16 is emulated and slower
        # Weights cast for the look, without learning, must not be used again for the loss: no cache.
        self.autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat, cache_enabled=False)
        torch._dynamo.config.recompile_limit = 2 * len(recipe.source.lengths) * len(recipe.views)
        self.loss = torch.compile(self._loss, dynamic=False) if compiled else self._loss
        self.sure = torch.compile(self._sure, dynamic=False) if compiled else self._sure

    def _restore(self, init: Path | None) -> None:
        last = self.out / "last.pt"
        if last.exists():
            state = torch.load(last, weights_only=True)
            if state["arguments"] != self.arguments:
                raise SystemExit(f"{last} is of a run with {state['arguments']}, not {self.arguments}")
            self.model.load_state_dict(state["model"])
            self.average.module.load_state_dict(state["average"])
            self.average.n_averaged.fill_(state["step"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.tokens, self.log = state["step"], state["tokens"], state["log"]
            self.shown = Progress(state["means"])
        elif init is not None:
            start = _start(init)
            if wrong := misfits(start, self.model):
                raise SystemExit(f"{init} is no start for this objective: {wrong[0]}")
            self.model.load_state_dict(start, strict=False)

    def _batches(self) -> Iterator[Batch]:
        return batches(self.recipe.source, self.seed, self.step)

    def _logits(self, ids: Tensor, positions: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        length = ids.shape[1]
        seen = torch.ones(length, length, dtype=torch.bool).tril() if causal else mask
        groups = self.model.config.num_heads // self.model.config.num_kv_heads

        def attend(_layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            k, v = (x.repeat_interleave(groups, 1) for x in (k, v))
            scores = (q @ k.transpose(2, 3)).float() * q.shape[3] ** -0.5
            if seen is not None:
                scores = scores.masked_fill(~seen, -torch.inf)
            return scores.softmax(-1).to(v.dtype) @ v

        return self.model.logits(self.model(ids, positions, attend)).float()

    def _loss(self, sight: Sight) -> tuple[Tensor, Tensor]:
        """Weighted mean cross-entropy, and the weighted share of right argmaxes.

        What the network is sure of counts in full, wherever it stands: that is what a decoder commits.
        """
        logits = self._logits(sight.ids, sight.positions, sight.mask, sight.causal)
        losses = functional.cross_entropy(logits.flatten(0, 1), sight.targets.flatten(), reduction="none")
        right = (logits.argmax(-1) == sight.targets).flatten().float()
        weight = sight.weights.flatten()
        if sight.most is not None:
            sure = (logits.detach().amax(-1) - logits.detach().logsumexp(-1)).exp().flatten()
            weight = torch.maximum(weight, sight.most.flatten() * sure.square())
        return (losses * weight).sum() / weight.sum(), (right * weight).sum() / weight.sum()

    def _sure(self, sight: Sight) -> Tensor:
        """Largest probability at every place [B S]."""
        logits = self._logits(sight.ids, sight.positions, sight.mask, sight.causal)
        return (logits.amax(-1) - logits.logsumexp(-1)).exp()

    def look(self, sight: Sight) -> Tensor:
        """`_sure`, without learning."""
        with torch.no_grad():
            return self.sure(sight)

    def run(self, minutes: float) -> None:
        """Train until `steps` are done or the minutes are over; then (and every few minutes) save."""
        began = saved = time.monotonic()
        before = self.tokens
        for batch in prefetch(self._batches()):
            if self.step >= self.steps or time.monotonic() - began > 60 * minutes:
                break
            self.shown.add(*self._update(batch))
            if self.step % 25 == 0:
                self.log += [(self.step, self.tokens, *line) for line in self.shown.lines()]
                speed = (self.tokens - before) / (time.monotonic() - began)
                print(f"step {self.step} {self.shown} {speed:.0f} tokens/s", flush=True)
            if time.monotonic() - saved > 180:
                self.save()
                saved = time.monotonic()
        self.save()

    def _update(self, batch: Batch) -> tuple[str, float, float]:
        """One step of the optimiser; its view, and the loss and share of right argmaxes before it."""
        view = self.recipe.views[self.step % len(self.recipe.views)]
        noise = torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate(self.recipe, self.step, self.steps)
        with self.autocast:
            loss, right = self.loss(view(batch, noise, self.look, self.recipe.shift))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.average.update_parameters(self.model)
        self.step += 1
        self.tokens += batch.ids.numel()
        return view.__name__, loss.item(), right.item()

    def save(self) -> None:
        """Write `last.pt`, from which the run goes on, and `log.csv`, for people and plots."""
        state = {
            "model": self.model.state_dict(), "average": self.average.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step, "tokens": self.tokens, "log": self.log, "means": self.shown.means,
            "arguments": self.arguments,
        }  # fmt: skip
        save(self.out / "last.pt", state)
        with (self.out / "log.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("step", "tokens", "view", "loss", "right"), *self.log])


def main(
    objective: Objective,
    out: Annotated[Path, typer.Option(help="folder of the run; continued if it holds last.pt")],
    steps: Annotated[int, typer.Option(help="length of the schedule")],
    init: Annotated[
        Path | None, typer.Option(exists=True, help="checkpoint, or bundled model folder, to start from")
    ] = None,
    minutes: Annotated[float, typer.Option(help="stop (and save) after this long")] = 1e9,
    seed: int = 0,
    learning_rate: Annotated[float | None, typer.Option(help="its peak; the recipe's if not given")] = None,
    view: Annotated[str | None, typer.Option(help="only this one of the recipe's views")] = None,
    arithmetic: Annotated[
        float | None, typer.Option(min=0, max=1, help="share of arithmetic; the recipe's if not given")
    ] = None,
    compiled: Annotated[bool, typer.Option(help="minutes of compilation first: for long runs")] = True,
) -> None:
    """Train one objective."""
    recipe = altered(RECIPES[objective], learning_rate, view, arithmetic)
    Trainer(recipe, out, init, steps, seed, compiled).run(minutes)


if __name__ == "__main__":
    typer.run(main)
