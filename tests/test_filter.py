"""The filter of Learn2PD: its shape, its file, and that it can be trained to tell what is final."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny import sharp_filter

import depcap
from depcap import DepcapError
from depcap.filter import FILE, SHAPES, WIDTH, load_filter, random_filter, save_filter
from scripts.train_filter import fit, records


def test_it_has_as_many_parameters_as_published() -> None:
    assert sum(weight.numel() for weight in random_filter(0).weights.values()) == 2_112


def test_positions_beyond_32_are_taken_32_at_a_time() -> None:
    made, u = sharp_filter(), torch.rand(2, 50)
    parts = torch.cat((made(u[:, :WIDTH]), made(u[:, WIDTH:])), dim=1)
    torch.testing.assert_close(made(u), parts)
    assert made(u).shape == (2, 50)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    save_filter(sharp_filter(), tmp_path)
    found = load_filter(tmp_path)
    assert found is not None
    assert all((found.weights[name] == weight).all() for name, weight in sharp_filter().weights.items())
    assert load_filter(tmp_path / "elsewhere") is None


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
        assert all(u.shape == agrees.shape for u, agrees in found)
        assert all(((u >= 0) & (u <= 1)).all() for u, _ in found)
        share = torch.cat([agrees for _, agrees in found]).float().mean()
        assert 0.05 < share < 1  # labels count decided positions too, where the network may have turned


def test_it_learns_that_what_is_sure_is_final() -> None:
    u = torch.rand(3_000, WIDTH, generator=torch.Generator().manual_seed(0))
    _, accuracy = fit(u, u > 0.6, iterations=500, seed=0)
    assert accuracy > 0.9
