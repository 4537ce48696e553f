"""A causal model on the same loop: left to right, one token per forward, keys and values kept."""

import pytest
import torch
from test_denoiser import theirs

import depcap
from depcap import DepcapError, generate

PROMPTS = [[1, 2, 3, 4, 5], [6], [7, 8]]


def greedy(model: depcap.Model, prompt: list[int], count: int) -> list[int]:
    """transformers' causal model, one token after the other, without the mask token."""
    network, ids = theirs(model.denoiser.network), list(prompt)
    for _ in range(count):
        with torch.no_grad():
            logits = network(torch.tensor([ids])).logits[0, -1]
        logits[model.denoiser.mask_id] = -torch.inf
        ids.append(int(logits.argmax()))
    return ids[len(prompt) :]


@pytest.mark.parametrize("cache", ["none", "causal"])
def test_tokens_are_those_of_transformers_greedy_decoding(causal: depcap.Model, cache: str) -> None:
    results = generate(causal, PROMPTS, method="ar", cache=cache, gen_length=12, stop="run_to_end")
    for prompt, result in zip(PROMPTS, results, strict=True):
        assert result.tokens == greedy(causal, prompt, 12)
        assert (result.nfe, result.block_sizes, result.unmask_step) == (12, [1] * 12, list(range(1, 13)))


def test_with_the_cache_a_step_computes_one_position(causal: depcap.Model) -> None:
    steps = list(depcap.stream(causal, [PROMPTS[0]], method="ar", cache="causal", gen_length=4))
    assert [int(step.computed[0]) for step in steps][1:] == [1] * (len(steps) - 1)


@pytest.mark.parametrize(("family", "method"), [("llama", "depcap"), ("llada", "ar"), ("dream", "ar")])
def test_methods_and_models_of_different_kinds_do_not_go_together(
    small: dict[str, depcap.Model], causal: depcap.Model, family: str, method: str
) -> None:
    with pytest.raises(DepcapError, match=r"model: not for method .* \(accepted: "):
        generate((small | {"llama": causal})[family], PROMPTS, method=method, gen_length=4)


@pytest.mark.parametrize(
    ("family", "method", "cache"), [("llama", "ar", "dual"), ("llada", "llada", "causal")]
)
def test_a_cache_that_a_method_does_not_have_is_refused(
    small: dict[str, depcap.Model], causal: depcap.Model, family: str, method: str, cache: str
) -> None:
    with pytest.raises(DepcapError, match=f"unknown cache '{cache}'"):
        generate((small | {"llama": causal})[family], PROMPTS, method=method, cache=cache, gen_length=4)


def test_a_row_does_not_depend_on_its_batch(causal: depcap.Model) -> None:
    common = {"method": "ar", "cache": "causal", "gen_length": 10, "temperature": 0.8}
    batch = generate(causal, PROMPTS, seed=3, **common)
    for row, result in enumerate(batch):
        assert result.tokens == generate(causal, [PROMPTS[row]], seed=3 + row, **common)[0].tokens
