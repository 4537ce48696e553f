"""APD: what is accepted, what the verifier sees, and the cases where it is something simpler."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference import apd
from reference.ranges import probabilities
from strategies import families, gen_lengths, prompts
from test_reference import naive

import depcap
from depcap import DepcapError
from depcap.boundary import FixedBlock
from depcap.cache import NoCache, TrailingCache
from depcap.decoder import Ledger, Method, canvas_for, steps
from depcap.methods import make_method
from depcap.models.loading import Model
from depcap.trace import LEVELS
from depcap.unmask import Quota

MODES = ("official", "paper")


def helped(model: Model, causal: Model) -> dict[str, object]:
    return {"method": "apd", "verifier": str(causal.folder)}


temperatures = st.sampled_from((0.0, 0.4, 1.0))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("width", [None, 3], ids=["none", "trailing"])
@given(
    family=families, prompt=prompts, length=st.integers(1, 9), weight=st.floats(0, 1),
    lookahead=st.integers(1, 6), temperature=temperatures, top_p=st.sampled_from((0.8, 1.0)),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_tokens_blocks_and_steps_are_the_naive_decoders(
    small: dict[str, Model], causal: Model, mode: str, width: int | None, family: str, prompt: list[int],
    length: int, weight: float, lookahead: int, temperature: float, top_p: float, seed: int,
) -> None:  # fmt: skip
    model, dice = small[family], torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> list[list[float]]:
        return torch.rand(shape, generator=dice, dtype=torch.float64).tolist()

    params = {"weight": weight, "max_lookahead": lookahead, "mode": mode, "top_p": top_p}
    expected = apd.decode(
        naive(model), naive(causal), prompt, length, width, temperature=temperature, draw=draw, **params
    )
    named = make_method(
        "apd", length, temperature=temperature, seed=seed, resources=model,
        params=params | {"verifier": str(causal.folder)},
    )  # fmt: skip
    method = replace(named.method, cache=TrailingCache(width) if width else NoCache())
    canvas = canvas_for([prompt], length, model.denoiser, model.denoiser.device)
    ledger = Ledger.empty(canvas)
    for step in steps(model.denoiser, canvas, method):
        canvas, ledger = step.canvas, ledger.add(step)
    assert canvas.ids[0, len(prompt) :].tolist() == expected.tokens
    assert ledger.unmask_step[0, len(prompt) :].tolist() == expected.unmask_step
    assert ledger.block_sizes(0) == expected.block_sizes
    assert int(ledger.nfe[0]) == int(ledger.auxiliary[0]) == expected.nfe


@given(families, prompts, gen_lengths)
def test_with_weight_one_everything_is_accepted_at_once(
    small: dict[str, Model], causal: Model, family: str, prompt: list[int], length: int
) -> None:
    for mode in MODES:
        common = helped(small[family], causal) | {"mode": mode, "weight": 1.0, "gen_length": length}
        assert depcap.generate(small[family], [prompt], stop="run_to_end", **common)[0].nfe == 1


@given(families, st.lists(prompts, min_size=2, max_size=3), probabilities, st.sampled_from((0.0, 0.8)))
def test_a_row_does_not_depend_on_its_batch(
    small: dict[str, Model],
    causal: Model,
    family: str,
    rows: list[list[int]],
    weight: float,
    temperature: float,
) -> None:
    for mode in MODES:
        for cache in ("none", "trailing"):
            common = helped(small[family], causal) | {
                "mode": mode, "weight": weight, "gen_length": 14, "cache": cache, "temperature": temperature,
            }  # fmt: skip
            together = depcap.generate(small[family], rows, seed=5, **common)
            for row, result in enumerate(together):
                alone = depcap.generate(small[family], [rows[row]], seed=5 + row, **common)[0]
                assert (alone.tokens, alone.nfe) == (result.tokens, result.nfe)


def test_with_weight_one_the_official_mode_refuses_what_it_draws(
    small: dict[str, Model], causal: Model
) -> None:
    common = helped(small["llada"], causal) | {"weight": 1.0, "temperature": 1.0, "gen_length": 24}
    nfe = {mode: depcap.generate(small["llada"], [[5]], mode=mode, **common)[0].nfe for mode in MODES}
    assert nfe["paper"] == 1 < nfe["official"]


@given(families, prompts, gen_lengths, probabilities)
def test_without_noise_both_modes_are_one(
    small: dict[str, Model], causal: Model, family: str, prompt: list[int], length: int, weight: float
) -> None:
    common = helped(small[family], causal) | {"weight": weight, "gen_length": length}
    official, paper = (depcap.generate(small[family], [prompt], mode=mode, **common)[0] for mode in MODES)
    assert (official.tokens, official.nfe) == (paper.tokens, paper.nfe)


@pytest.mark.parametrize("stop", ["eos", "run_to_end"])
def test_a_block_is_what_was_accepted(small: dict[str, Model], causal: Model, stop: str) -> None:
    common = helped(small["dream"], causal) | {"weight": 0.8, "gen_length": 24, "max_lookahead": 8}
    found = depcap.generate(small["dream"], [[i] for i in range(6)], stop=stop, record="scores", **common)
    for result in found:
        assert result.trace is not None
        rows = result.trace.rows()
        assert result.block_sizes == [len(row["committed"]) for row in rows]
        assert [(row["start"], row["end"]) for row in rows] == [
            (row["committed"][0], row["committed"][-1] + 1) for row in rows
        ]
        assert {row["clamp"] for row in rows} == {None}
    assert max(size for result in found for size in result.block_sizes) > 1


@given(families, prompts, gen_lengths, probabilities, st.sampled_from((0.0, 0.7)), st.sampled_from(MODES))
def test_recording_changes_nothing_and_stopping_at_the_end_token_keeps_the_response(
    small: dict[str, Model], causal: Model, family: str, prompt: list[int], length: int, weight: float,
    temperature: float, mode: str,
) -> None:  # fmt: skip
    common = helped(small[family], causal) | {
        "weight": weight, "gen_length": length, "temperature": temperature, "mode": mode, "cache": "trailing",
    }  # fmt: skip
    whole = depcap.generate(small[family], [prompt], stop="run_to_end", **common)[0]
    early = depcap.generate(small[family], [prompt], stop="eos", **common)[0]
    assert early.tokens == whole.tokens[: whole.response_length + 1]
    assert early.response_length == whole.response_length
    assert early.nfe <= whole.nfe
    for level in LEVELS:
        seen = depcap.generate(small[family], [prompt], stop="run_to_end", record=level, **common)[0]
        assert (seen.tokens, seen.nfe, seen.block_sizes) == (whole.tokens, whole.nfe, whole.block_sizes)


# Degenerate cases that are equalities.


@given(families, prompts, st.integers(1, 6))
def test_sliding_blocks_of_one_are_decoding_from_left_to_right(
    small: dict[str, Model], family: str, prompt: list[int], length: int
) -> None:
    model, network, ids = small[family], naive(small[family]), list(prompt)
    for _ in range(length):
        ids.append(int(network.full([*ids, network.mask_id])[-1].argmax()))
    canvas = canvas_for([prompt], length, model.denoiser, model.denoiser.device)
    method = Method(FixedBlock(1, sliding=True), Quota(1))
    *_, last = steps(model.denoiser, canvas, method)
    assert last.canvas.ids[0].tolist() == ids


@given(families, prompts, probabilities, temperatures, st.sampled_from(MODES))
def test_a_trailing_cache_as_wide_as_the_canvas_is_no_cache(
    small: dict[str, Model], causal: Model, family: str, prompt: list[int], weight: float,
    temperature: float, mode: str,
) -> None:  # fmt: skip
    common = helped(small[family], causal) | {
        "weight": weight, "gen_length": 7, "max_lookahead": 4, "temperature": temperature, "mode": mode,
    }  # fmt: skip
    none, wide = (
        depcap.generate(small[family], [prompt], cache=cache, stop="run_to_end", **common)[0]
        for cache in ("none", "trailing")
    )
    assert (wide.tokens, wide.block_sizes, wide.computed) == (none.tokens, none.block_sizes, none.computed)


def test_a_trailing_cache_computes_less(small: dict[str, Model], causal: Model) -> None:
    common = helped(small["llada"], causal) | {"gen_length": 60, "stop": "run_to_end", "weight": 0.0}
    none, trailing = (
        depcap.generate(small["llada"], [[1] * 60], cache=cache, **common)[0]
        for cache in ("none", "trailing")
    )
    assert trailing.computed / trailing.nfe < 0.9 * none.computed / none.nfe


@pytest.mark.parametrize("family", ["llada", "dream"])
def test_what_a_cut_takes_away_was_not_accepted(small: dict[str, Model], causal: Model, family: str) -> None:
    """A trailing cache computes its width, what was accepted, and what is drafted, after a cut too."""
    model, width, cuts = small[family], 2, 0
    ends = replace(model, denoiser=replace(model.denoiser, end_ids=tuple(range(0, 39, 2))))
    for token in range(12):
        prompt, accepted, before = [token] * 20, 0, 0
        options = helped(model, causal) | {"cache": f"trailing:width={width}", "stop": "eotp", "weight": 0.3}
        for step in depcap.stream(ends, [prompt], gen_length=24, max_lookahead=12, **options):
            end = int(step.canvas.end[0])
            if before:
                drafted = int(step.proposal.window.valid.sum())
                assert int(step.computed[0]) <= width + accepted - 1 + drafted
                cuts += end < before
            accepted, before = int(step.selection.unmask.sum()), end
    assert cuts


def test_coupled_draws_agree_more_often_than_argmaxes(small: dict[str, Model], causal: Model) -> None:
    rows = [[i, i + 1] for i in range(16)]
    common = {"gen_length": 24, "stop": "run_to_end", "temperature": 1.0, "weight": 0.9}
    nfe = {}
    for mode in MODES:
        found = depcap.generate(small["llada"], rows, mode=mode, **helped(small["llada"], causal), **common)
        nfe[mode] = sum(result.nfe for result in found)
    assert nfe["paper"] < nfe["official"]


def test_what_cannot_verify_is_refused(small: dict[str, Model], text_folder: Path) -> None:
    model = small["llada"]
    with pytest.raises(DepcapError, match="give verifier"):
        depcap.generate(model, [[1]], "apd", gen_length=4)
    with pytest.raises(DepcapError, match="is a diffusion model"):
        depcap.generate(model, [[1]], "apd", gen_length=4, verifier=str(small["dream"].folder))
    text = depcap.load(str(text_folder), "cpu")
    with pytest.raises(DepcapError, match="unknown model"):
        depcap.generate(text, "1+1?", "apd", gen_length=4, verifier="nowhere")
