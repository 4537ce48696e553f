"""PEARL: whatever drafts, the output is the verifier's own."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import pearl as reference
from strategies import prompts
from test_reference import naive
from tiny import llama_config, qwen2_config, random_network, write_checkpoint

import depcap
from depcap import DepcapError
from depcap.models.loading import Model

drafters = st.sampled_from(("llada", "dream", "other", "itself"))
lengths = st.integers(1, 20)


@pytest.fixture(scope="session")
def models(
    small: dict[str, Model], causal: Model, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Model]:
    """What may draft for the causal model: diffusion models, another causal model, the verifier itself."""
    raw = llama_config()
    folder = write_checkpoint(tmp_path_factory.mktemp("other") / "llama", raw, random_network(raw, seed=7))
    other = depcap.load(str(folder), "cpu", "float64")
    return {**small, "other": other, "itself": causal}


def own(causal: Model, rows: list[list[int]], length: int, stop: str) -> list[list[int]]:
    """The verifier's greedy output, decoded by itself."""
    return [result.tokens for result in depcap.generate(causal, rows, "ar", "causal", length, stop)]


def pearl(drafter: Model, causal: Model, rows: list[list[int]], length: int, stop: str, **params: Any) -> Any:
    return depcap.generate(
        drafter, rows, "pearl", gen_length=length, stop=stop, verifier=str(causal.folder), **params
    )


@given(
    drafters, prompts, lengths, st.integers(1, 6), st.integers(1, 3), st.sampled_from(("eos", "run_to_end"))
)
def test_the_output_is_the_verifiers_own_whatever_drafts(
    models: dict[str, Model], causal: Model, drafter: str, prompt: list[int], length: int, window: int,
    steps: int, stop: str,
) -> None:  # fmt: skip
    params = {"window": window, "draft_steps": steps}
    got = pearl(models[drafter], causal, [prompt], length, stop, **params)[0]
    assert got.tokens == own(causal, [prompt], length, stop)[0]
    assert sum(got.block_sizes) >= len(got.tokens)
    assert got.auxiliary == len(got.block_sizes)


@pytest.mark.parametrize("drafter", ["llada", "dream", "other", "itself"])
@given(prompt=prompts, length=st.integers(1, 9), window=st.integers(1, 5), draft_steps=st.integers(1, 3))
def test_rounds_forwards_and_acceptance_are_the_naive_decoders(
    models: dict[str, Model], causal: Model, drafter: str, prompt: list[int], length: int, window: int,
    draft_steps: int,
) -> None:  # fmt: skip
    params, model = {"window": window, "draft_steps": draft_steps}, models[drafter]
    expected = reference.decode(
        naive(model), naive(causal), prompt, length, causal=model.denoiser.causal, **params
    )
    got = pearl(model, causal, [prompt], length, "run_to_end", **params)[0]
    assert (got.tokens, got.block_sizes) == (expected.tokens, expected.block_sizes)
    assert (got.nfe, got.auxiliary) == (expected.nfe, expected.rounds)
    assert got.unmask_step == expected.unmask_step


@given(drafters, st.lists(prompts, min_size=2, max_size=3), st.integers(1, 5))
def test_a_row_does_not_depend_on_its_batch(
    models: dict[str, Model], causal: Model, drafter: str, rows: list[list[int]], window: int
) -> None:
    together = pearl(models[drafter], causal, rows, 14, "eos", window=window)
    for row, result in zip(rows, together, strict=True):
        alone = pearl(models[drafter], causal, [row], 14, "eos", window=window)[0]
        assert (alone.tokens, alone.nfe, alone.auxiliary) == (result.tokens, result.nfe, result.auxiliary)


@pytest.mark.parametrize("window", [1, 3, 4])
def test_a_drafter_that_is_always_right_gives_a_window_per_round(
    models: dict[str, Model], causal: Model, window: int
) -> None:
    got = pearl(models["itself"], causal, [[5, 1, 7]], 24, "run_to_end", window=window)[0]
    assert got.block_sizes[0] == 1
    assert set(got.block_sizes[1:-1]) == {window}


def test_a_causal_drafter_reads_what_stands_once(models: dict[str, Model], causal: Model) -> None:
    right = pearl(models["itself"], causal, [[5, 1, 7]], 24, "run_to_end", window=4)[0]
    assert right.computed == 3 + right.nfe - 1
    wrong = pearl(models["other"], causal, [[5, 1, 7]], 24, "run_to_end", window=4)[0]
    rounds = len(wrong.block_sizes)
    assert wrong.computed <= 3 + wrong.nfe + rounds  # and in every round what took a refused token's place


def test_a_drafter_that_is_never_right_gives_a_token_per_round(
    models: dict[str, Model], causal: Model
) -> None:
    got = pearl(models["llada"], causal, [[5, 1, 7]], 24, "run_to_end", window=4)[0]
    wrong = [size for size in got.block_sizes if size == 1]
    assert len(wrong) > len(got.block_sizes) / 2


def test_recording_changes_nothing_and_blocks_tile(models: dict[str, Model], causal: Model) -> None:
    plain = pearl(models["dream"], causal, [[1, 2], [3]], 16, "run_to_end")
    recorded = pearl(models["dream"], causal, [[1, 2], [3]], 16, "run_to_end", record="distributions")
    drafted_slowly = pearl(models["other"], causal, [[1, 2]], 16, "run_to_end", record="scores")[0]
    assert drafted_slowly.nfe > len(drafted_slowly.trace.rows()) == max(drafted_slowly.unmask_step)
    for left, right in zip(plain, recorded, strict=True):
        assert (left.tokens, left.nfe) == (right.tokens, right.nfe)
        assert sum(left.block_sizes) == 16
        assert right.trace is not None


def test_a_verifier_may_have_fewer_rows_and_be_a_qwen2(small: dict[str, Model], tmp_path: Path) -> None:
    raw = qwen2_config(vocab=37, end=33)  # the drafters have 40
    causal = depcap.load(str(write_checkpoint(tmp_path, raw)), "cpu", "float64")
    rows = [[i, i + 1] for i in range(12)]
    for drafter in small.values():
        for window in (1, 4):
            found = pearl(drafter, causal, rows, 16, "run_to_end", window=window)
            assert [result.tokens for result in found] == own(causal, rows, 16, "run_to_end")
        verifier = str(tmp_path)
        for result in depcap.generate(drafter, rows, "apd", gen_length=16, verifier=verifier, weight=0.3):
            assert result.auxiliary == result.nfe


def test_sampling_is_refused(small: dict[str, Model], causal: Model, tmp_path: Path) -> None:
    with pytest.raises(DepcapError, match="temperature must be 0"):
        pearl(small["llada"], causal, [[1]], 4, "eos", temperature=0.5)
