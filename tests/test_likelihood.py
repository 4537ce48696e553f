"""Nats per token: exact for a causal model, the bound of masked diffusion for the others."""

import itertools
from dataclasses import replace

import pytest
import torch
from test_denoiser import theirs

import depcap
from depcap import DepcapError
from depcap.likelihood import Likelihood, draw_masks, likelihood
from depcap.models.denoiser import TransformerDenoiser
from depcap.types import Query, Window


class Letters:
    """A tokenizer of one id per character, `a` is 1."""

    def encode(self, text: str) -> list[int]:
        return [ord(letter) - 96 for letter in text]

    encode_response = encode


def with_letters(model: depcap.Model) -> depcap.Model:
    return replace(model, tokenizer=Letters())  # type: ignore[arg-type]


def test_a_causal_models_likelihood_is_its_cross_entropy(causal: depcap.Model) -> None:
    model = with_letters(causal)
    ids = torch.tensor([[1, 2, 3, 4, 5, model.denoiser.end_ids[0]]])
    with torch.no_grad():
        logits = theirs(model.denoiser.network)(ids).logits
    logits[..., model.denoiser.mask_id] = -1e4
    wanted = torch.nn.functional.cross_entropy(logits[0, 1:-1], ids[0, 2:])
    found = likelihood(model, [("ab", "cde")])
    assert found.nats_per_token == pytest.approx(float(wanted), rel=1e-6)  # their rotary angles are float32
    assert found.tokens == 4


def exact_bound(denoiser: TransformerDenoiser, head: list[int], tail: list[int]) -> float:
    """The bound's expectation: every size with equal chance, every mask of a size with equal chance."""
    total, length = 0.0, len(tail)
    for size in range(1, length + 1):
        masks = list(itertools.combinations(range(length), size))
        for mask in masks:
            ids = torch.tensor([head + tail])
            ids[0, [len(head) + place for place in mask]] = denoiser.mask_id
            end = torch.tensor([ids.shape[1]])
            whole = torch.ones_like(ids, dtype=torch.bool)
            query = Query(whole, Window.span(end - length, end), whole)
            log_probs = denoiser(ids, query, None).log_probs[0]
            loss = -sum(float(log_probs[place, tail[place]]) for place in mask)
            total += loss * length / size / len(masks) / length
    return total / length


@pytest.mark.parametrize("family", ["llada", "dream"])
def test_the_bound_comes_close_to_its_expectation(small: dict[str, depcap.Model], family: str) -> None:
    model = with_letters(small[family])
    tail = [3, 4, model.denoiser.end_ids[0]]
    found = likelihood(model, [("ab", "cd")], masks=4_000)
    assert found.nats_per_token == pytest.approx(exact_bound(model.denoiser, [1, 2], tail), rel=0.03)


def test_draws_spread_evenly_over_the_sizes() -> None:
    sizes = draw_masks(8, 64, torch.Generator().manual_seed(0)).sum(1)
    counts = torch.bincount(sizes, minlength=9)
    assert counts[0] == 0
    assert counts[1:].min() >= 7
    assert counts[1:].max() <= 9


def test_the_same_every_time_and_an_interval_over_problems(small: dict[str, depcap.Model]) -> None:
    model, pairs = with_letters(small["llada"]), [("ab", "cde"), ("a", "b"), ("dd", "cab")]
    found = likelihood(model, pairs, masks=8)
    assert found == likelihood(model, pairs, masks=8)
    assert isinstance(found, Likelihood)
    assert found.ci95[0] < found.nats_per_token < found.ci95[1]
    assert likelihood(model, pairs[:1], masks=8).ci95 is None


def test_no_masks_is_refused(small: dict[str, depcap.Model]) -> None:
    with pytest.raises(DepcapError, match="masks 0 must be at least 1"):
        likelihood(with_letters(small["llada"]), [("a", "b")], masks=0)
