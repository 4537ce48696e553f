"""Training end to end on a trivial task: causal, shifted, folded, masked, exported, decoded."""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random

import pytest
import torch

import depcap
from depcap.models.transformer import Transformer
from scripts import export_model
from scripts.batches import Source, batches, prefetch
from scripts.fold_shift import fold, neuron_moments
from scripts.objectives import CAUSAL_CONFIG, RECIPES, Objective, Recipe
from scripts.train import Trainer, save

WORDS = ("apples", "books", "coins", "pens", "toys")
CAUSAL = replace(CAUSAL_CONFIG, hidden_size=64, intermediate_size=96, num_layers=2, num_kv_heads=2)
SHIFTED = replace(CAUSAL, qkv_bias=True)
MASKED = replace(CAUSAL, num_layers=3, intermediate_size=64, num_kv_heads=4)


def echo(rng: Random) -> tuple[str, str]:
    word = rng.choice(WORDS)
    return f"How many {word}?\n", f"7 {word}\n#### 7"


SOURCE = Source(echo, 640, (64,), (1.0,))


def small(objective: Objective, config: object) -> Recipe:
    return replace(
        RECIPES[objective],
        config=config,
        source=SOURCE,
        learning_rate=3e-3,
        warmup=5,
    )


def trained(objective: Objective, config: object, out: Path, init: Path | None, steps: int) -> Trainer:
    trainer = Trainer(small(objective, config), out, init, steps, seed=0, compiled=False)
    trainer.run(minutes=2)
    return trainer


def losses(trainer: Trainer) -> list[float]:
    return [loss for _, _, view, loss, _ in trainer.log if view == trainer.recipe.views[0].__name__]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trainer]:
    root = tmp_path_factory.mktemp("runs")
    causal = trained(Objective.AR, CAUSAL, root / "ar", None, 100)
    shifted = trained(Objective.SHIFTED, SHIFTED, root / "shifted", root / "ar" / "last.pt", 350)
    batch = next(batches(SOURCE, seed=1, first_step=0))
    folded = fold(shifted.model, MASKED, neuron_moments(shifted.model, [batch]))
    save(root / "folded.pt", {"average": folded.state_dict()})
    masked = trained(Objective.DIFFUSION, MASKED, root / "masked", root / "folded.pt", 150)
    return {"llama": causal, "dream": shifted, "llada": masked}


@pytest.mark.parametrize(("layout", "left"), [("llama", 0.5), ("dream", 0.5), ("llada", 1.0)])
def test_the_loss_falls(stages: dict[str, Trainer], layout: str, left: float) -> None:
    """By half at least, but for the folded network: it starts with what the one before it has learnt."""
    assert losses(stages[layout])[-1] < left * losses(stages[layout])[0]


@pytest.mark.parametrize(("layout", "method"), [("llama", "ar"), ("dream", "llada"), ("llada", "llada")])
def test_every_stage_learns_the_task_and_decodes_it(
    stages: dict[str, Trainer], layout: str, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, config in (("CAUSAL", CAUSAL), ("SHIFTED", SHIFTED), ("MASKED", MASKED)):
        monkeypatch.setattr(export_model, f"{name}_CONFIG", config)
    checkpoint = stages[layout].out / "last.pt"
    export_model.main(export_model.Layout(layout), checkpoint, tmp_path / "model")
    model = depcap.load(str(tmp_path / "model"))
    prompts = [f"How many {word}?\n" for word in WORDS]
    results = depcap.generate(model, prompts, method=method, gen_length=16)
    assert [result.text for result in results] == [f"7 {word}\n#### 7" for word in WORDS]


def test_a_run_that_was_interrupted_goes_on_exactly(tmp_path: Path) -> None:
    whole = trained(Objective.SHIFTED, SHIFTED, tmp_path / "whole", None, 30)
    recipe = small(Objective.SHIFTED, SHIFTED)
    first = Trainer(recipe, tmp_path / "parts", None, 30, seed=0, compiled=False)
    first._batches = lambda: islice(batches(SOURCE, seed=0, first_step=0), 13)
    first.run(minutes=2)
    assert first.step == 13
    second = trained(Objective.SHIFTED, SHIFTED, tmp_path / "parts", None, 30)
    assert second.step == whole.step == 30
    assert second.log == whole.log
    for part in ("model", "average"):
        left, right = (getattr(run, part).state_dict() for run in (whole, second))
        for name in left:
            assert torch.equal(left[name], right[name]), (part, name)


def test_a_run_is_not_continued_with_other_arguments(tmp_path: Path) -> None:
    trained(Objective.AR, CAUSAL, tmp_path, None, 1)
    with pytest.raises(SystemExit, match="is of a run with"):
        trained(Objective.AR, CAUSAL, tmp_path, None, 2)
    other = replace(small(Objective.AR, CAUSAL), source=replace(SOURCE, tokens=320))
    with pytest.raises(SystemExit, match="tokens=640"):
        Trainer(other, tmp_path, None, 1, seed=0, compiled=False)


def test_what_the_data_thread_raises_is_raised() -> None:
    def fails(_rng: Random) -> tuple[str, str]:
        raise ValueError("no problem")

    with pytest.raises(ValueError, match="no problem"):
        next(prefetch(batches(replace(SOURCE, problem=fails), 0, 0)))


@pytest.mark.parametrize("other", [{"num_layers": 1}, {"num_layers": 3}, {"intermediate_size": 80}])
def test_a_start_of_another_shape_is_refused(other: dict[str, int], tmp_path: Path) -> None:
    save(tmp_path / "other.pt", {"average": Transformer(replace(CAUSAL, **other)).state_dict()})
    with pytest.raises(SystemExit, match="no start for this objective"):
        Trainer(small(Objective.AR, CAUSAL), tmp_path / "out", tmp_path / "other.pt", 1, 0, compiled=False)
