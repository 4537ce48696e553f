"""The filter of Learn2PD: its shape, its file, and that it can be trained to tell what is final."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny import llada_config, sharp_filter, write_checkpoint

import depcap
from app.controls import DIFFUSION_METHODS
from depcap import DepcapError
from depcap.filter import FILE, SHAPES, WIDTH, load_filter, random_filter, save_filter
from scripts.train_filter import Records, accepted, fit, records, split


def test_it_has_as_many_parameters_as_published() -> None:
    assert sum(weight.numel() for weight in random_filter(0).weights.values()) == 2_112


def test_positions_beyond_32_are_taken_32_at_a_time() -> None:
    made, u = sharp_filter(), torch.rand(2, 50, generator=torch.Generator().manual_seed(0))
    parts = torch.cat((made(u[:, :WIDTH]), made(u[:, WIDTH:])), dim=1)
    torch.testing.assert_close(made(u), parts, rtol=1e-4, atol=1e-3)  # sums in another order
    assert made(u).shape == (2, 50)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    save_filter(sharp_filter(), tmp_path, "sha256:0")
    found = load_filter(tmp_path)
    assert found is not None
    assert all((found.weights[name] == weight).all() for name, weight in sharp_filter().weights.items())
    assert load_filter(tmp_path / "elsewhere") is None


def test_a_filter_is_refused_for_any_weights_but_those_it_was_trained_for(tmp_path: Path) -> None:
    save_filter(sharp_filter(), tmp_path, "sha256:0")
    assert load_filter(tmp_path, "sha256:0") is not None
    with pytest.raises(DepcapError, match=r"not trained for these weights \(it names sha256:0,") as caught:
        load_filter(tmp_path, "sha256:1")
    assert "\n" not in str(caught.value)
    save_file(sharp_filter().weights, tmp_path / FILE)
    with pytest.raises(DepcapError, match=r"it names None, they are sha256:0"):
        load_filter(tmp_path, "sha256:0")


def test_a_model_does_not_decode_with_another_ones_filter(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model", llada_config())
    model = depcap.load(str(folder), "cpu")
    save_filter(sharp_filter(), folder, model.weights)
    assert depcap.generate(model, [[1]], "learn2pd", gen_length=2)
    save_filter(sharp_filter(), folder, "sha256:0")
    with pytest.raises(DepcapError, match="not trained for these weights"):
        depcap.generate(model, [[1]], "learn2pd", gen_length=2)


def test_a_file_that_is_no_filter_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"nonsense")
    with pytest.raises(DepcapError, match="cannot be read"):
        load_filter(tmp_path)
    save_file({name: torch.zeros(3) for name in SHAPES}, tmp_path / FILE)
    with pytest.raises(DepcapError, match="not a filter over 32 positions"):
        load_filter(tmp_path)


def test_a_model_without_a_filter_says_so(text_model: depcap.Model) -> None:
    with pytest.raises(DepcapError, match=r"no filter .*train_filter"):
        depcap.generate(text_model, "What is 1+1?", "learn2pd", gen_length=8)


def test_records_follow_the_reference_to_its_end(small: dict[str, depcap.Model]) -> None:
    for model in small.values():
        found = list(records(model, [[1, 2, 3], [4]]))
        assert all(part.confidences.shape == part.agrees.shape == part.masked.shape for part in found)
        assert all(((part.confidences >= 0) & (part.confidences <= 1)).all() for part in found)
        assert all(part.masked.any(dim=1).all() for part in found)
        assert {int(row) for part in found for row in part.problem} == {0, 1}
        share = torch.cat([part.agrees for part in found]).float().mean()
        assert 0.05 < share < 1  # labels count decided positions too, where the network may have turned


def steps_of(problems: int, each: int) -> Records:
    """What is sure is final; every other position is decided already."""
    u = torch.rand(problems * each, WIDTH, generator=torch.Generator().manual_seed(0))
    masked = (torch.arange(WIDTH) % 2 == 0).expand_as(u)
    return Records(u, u > 0.6, masked, torch.arange(problems).repeat_interleave(each))


def test_whole_problems_are_held_back() -> None:
    found = steps_of(40, 5)
    kept, held = split(found, seed=1)
    assert len(held.problem.unique()) == 4
    assert not set(kept.problem.tolist()) & set(held.problem.tolist())
    assert len(kept.problem) + len(held.problem) == len(found.problem)


def test_it_learns_that_what_is_sure_is_final() -> None:
    kept, held = split(steps_of(300, 10), seed=0)
    precision, false_positives = accepted(fit(kept, iterations=500, seed=0), held, 0.96)
    assert precision > 0.99
    assert false_positives < 0.02


def test_only_masked_positions_above_the_threshold_count_as_accepted() -> None:
    class Says:
        def __call__(self, _confidences: torch.Tensor) -> torch.Tensor:
            return torch.logit(torch.tensor([[0.97, 0.97, 0.95, 0.99, 0.1]]))

    agrees = torch.tensor([[True, False, False, False, False]])
    masked = torch.tensor([[True, True, True, False, True]])
    held = Records(torch.zeros(1, 5), agrees, masked, torch.zeros(1))
    assert accepted(Says(), held, 0.96) == pytest.approx((1 / 2, 1 / 3))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["tiny-llada", "tiny-dream"])
def test_bundled_models_have_a_filter_for_their_weights(name: str) -> None:
    """So that learn2pd runs on the page and in a comparison of all methods."""
    model = depcap.load(name, "cpu")
    made = load_filter(model.folder, model.weights)
    assert made is not None
    one_unsure = made(torch.ones(WIDTH, WIDTH).fill_diagonal_(0.3)).sigmoid() > 0.96
    assert one_unsure.diagonal().float().mean() < 0.1
    assert one_unsure.fill_diagonal_(fill_value=True).float().mean() > 0.8
    assert "learn2pd" in DIFFUSION_METHODS
