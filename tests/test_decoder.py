"""What the decode loop promises, for every method, cache and family."""

import math
from collections import Counter
from dataclasses import fields
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import batches, families, prompts, settings_for_decode
from tiny import sharp_filter

import depcap
from depcap.boundary import DelimiterBlock, FixedBlock, InfluenceBlock
from depcap.caches import CACHES as ALL_CACHES
from depcap.decoder import Method, canvas_for, steps
from depcap.generation import Result, generate, stream
from depcap.guidance import Guided
from depcap.methods.apd import Draft
from depcap.methods.dawn import Attentive
from depcap.methods.dream import Nucleus
from depcap.methods.eb_sampler import EntropyBudget
from depcap.methods.klass import Stable
from depcap.methods.learn2pd import Learned
from depcap.methods.localleap import Anchored
from depcap.methods.prophet import EarlyCommit
from depcap.methods.wino import Revocable
from depcap.models.transformer import Transformer
from depcap.trace import LEVELS
from depcap.unmask import ConflictFree, Factor, Quota, Threshold

Settings = dict[str, Any]
CLOCK = {"seconds", "trace"}


def same(left: Result, right: Result) -> bool:
    names = [field.name for field in fields(Result) if field.name not in CLOCK]
    return all(getattr(left, name) == getattr(right, name) for name in names)


def run(model: depcap.Model, method: Method, prompt: list[int], gen_length: int = 24) -> list[Any]:
    """Every step's canvas, and the block of each."""
    canvas = canvas_for([prompt], gen_length, model.denoiser, torch.device("cpu"))
    seen = steps(model.denoiser, canvas, method)
    return [(step.canvas.ids[0].tolist(), int(step.block.start[0]), int(step.block.end[0])) for step in seen]


@given(families, prompts, settings_for_decode())
def test_blocks_tile_the_generation_region(
    small: dict[str, depcap.Model], family: str, prompt: list[int], settings: Settings
) -> None:
    spans = {}
    for step in stream(small[family], [prompt], stop="run_to_end", **settings):
        assert bool(step.opened[0]) == (int(step.block.index[0]) not in spans)
        spans[int(step.block.index[0])] = int(step.block.start[0]), int(step.block.end[0])
    ends = [len(prompt), *(end for _, end in spans.values())]
    assert [start for start, _ in spans.values()] == ends[:-1]
    assert ends[-1] == len(prompt) + settings["gen_length"]


@given(families, prompts, settings_for_decode())
def test_block_sizes_respect_their_bounds_but_for_the_tail(
    small: dict[str, depcap.Model], family: str, prompt: list[int], settings: Settings
) -> None:
    sizes = generate(small[family], [prompt], stop="run_to_end", **settings)[0].block_sizes
    length, fixed = settings["gen_length"], settings.get("block_size")
    low, high = {
        "depcap": lambda: (settings["min_size"], settings["max_size"]),
        "adablock": lambda: (1, max(fixed, length // 4)),
        "dream": lambda: (length, length),
        "prophet": lambda: (fixed, length),
    }.get(settings["method"], lambda: (fixed, fixed))()
    assert all(low <= size <= high for size in sizes[:-1])
    assert 1 <= sizes[-1] <= high


@given(families, batches, settings_for_decode(), st.sampled_from(("eos", "run_to_end")))
def test_every_step_commits_eligible_positions_each_once_and_at_least_one_per_live_row(
    small: dict[str, depcap.Model], family: str, rows: list[list[int]], settings: Settings, stop: str
) -> None:
    model = small[family]
    before = canvas_for(rows, settings["gen_length"], model.denoiser, torch.device("cpu"))
    for step in stream(model, rows, stop=stop, **settings):
        live = before.masked().any(dim=1)
        if step.selection.remask is not None:  # and what was decided before may be masked again
            place = step.proposal.window
            assert not (step.selection.remask & ~place.valid).any()
            assert not (step.selection.remask & (before.masked().gather(1, place.positions))).any()
            before = before.remask(place, step.selection.remask)
        written = before.ids != step.canvas.ids
        idle = settings["method"] == "dream"  # its schedule may let a step go by
        assert (written.any(dim=1) == live).all() or idle
        assert not (written & ~before.masked()).any()
        assert (written.sum(dim=1) == step.selection.unmask.sum(dim=1)).all()
        assert not (step.selection.unmask & ~step.proposal.eligible).any()
        place = torch.arange(written.shape[1])
        inside = (place >= step.block.start[:, None]) & (place < step.block.end[:, None])
        assert not (written & ~inside).any()
        before = step.canvas
    assert not before.masked().any()


@given(families, batches, settings_for_decode())
def test_each_generated_position_has_one_step_and_nfe_is_at_most_gen_length(
    small: dict[str, depcap.Model], family: str, rows: list[list[int]], settings: Settings
) -> None:
    for result in generate(small[family], rows, stop="run_to_end", **settings):
        assert len(result.tokens) == settings["gen_length"]
        every = set(range(1, result.nfe + 1))
        assert set(result.unmask_step) <= every
        assert set(result.unmask_step) == every or settings["method"] in ("dream", "wino")
        assert result.nfe <= settings["gen_length"]
        assert sum(result.block_sizes) == settings["gen_length"]


@given(families, batches, settings_for_decode(), st.sampled_from(("eos", "run_to_end")), st.integers(0, 99))
def test_a_row_does_not_depend_on_its_batch(
    small: dict[str, depcap.Model],
    family: str,
    rows: list[list[int]],
    settings: Settings,
    stop: str,
    seed: int,
) -> None:
    for temperature in (0.0, 0.7):
        common = settings | {"stop": stop, "temperature": temperature}
        batch = generate(small[family], rows, seed=seed, **common)
        for row, result in enumerate(batch):
            alone = generate(small[family], [rows[row]], seed=seed + row, **common)[0]
            assert same(result, alone)


CASES = [
    (name, cache) for name, preset in depcap.METHODS.items() if not preset.causal for cache in preset.caches
]
POLICIES = {name: ALL_CACHES[name] for name in ("none", "prefix", "dual")}


@pytest.mark.parametrize(("method", "cache"), CASES)
@pytest.mark.parametrize("family", ["llada", "dream"])
def test_every_method_cache_and_family_is_independent_of_its_batch(
    small: dict[str, depcap.Model], causal: depcap.Model, family: str, method: str, cache: str
) -> None:
    rows = [[1, 2, 3, 4, 5], [6], [7, 8], [9, 10, 11]]
    verifier = str(causal.folder)
    needed: dict[str, Any] = {
        "adablock": {"delimiter_ids": [5, 7, 11, 13]},
        "apd": {"verifier": verifier},
        "pearl": {"verifier": verifier, "temperature": 0.0},
    }.get(method, {})
    common = {"method": method, "cache": cache, "gen_length": 20, "temperature": 0.8, **needed}
    batch = generate(small[family], rows, seed=3, **common)
    alone = [generate(small[family], [row], seed=3 + number, **common)[0] for number, row in enumerate(rows)]
    assert all(same(left, right) for left, right in zip(batch, alone, strict=True))


@given(families, batches, settings_for_decode())
def test_recording_changes_nothing(
    small: dict[str, depcap.Model], family: str, rows: list[list[int]], settings: Settings
) -> None:
    plain = generate(small[family], rows, **settings)
    for level in LEVELS:
        recorded = generate(small[family], rows, record=level, **settings)
        assert all(same(left, right) for left, right in zip(plain, recorded, strict=True))


@given(families, batches, settings_for_decode(), st.sampled_from((0.0, 0.7)))
def test_stopping_at_the_end_token_keeps_the_response(
    small: dict[str, depcap.Model], family: str, rows: list[list[int]], settings: Settings, temperature: float
) -> None:
    common = settings | {"temperature": temperature}
    early = generate(small[family], rows, stop="eos", **common)
    whole = generate(small[family], rows, stop="run_to_end", **common)
    for short, full in zip(early, whole, strict=True):
        assert short.tokens == full.tokens[: len(short.tokens)]
        assert short.response_length == full.response_length
        assert short.nfe <= full.nfe
        ended = full.response_length < len(full.tokens)
        assert len(short.tokens) == (full.response_length + 1 if ended else len(full.tokens))


@given(families, batches, settings_for_decode(), st.sampled_from((0.0, 1.0, 10.0)))
def test_the_mask_token_is_never_produced(
    small: dict[str, depcap.Model], family: str, rows: list[list[int]], settings: Settings, temperature: float
) -> None:
    model = small[family]
    results = generate(model, rows, stop="run_to_end", temperature=temperature, **settings)
    assert all(model.denoiser.mask_id not in result.tokens for result in results)


def test_end_tokens_do_occur(small: dict[str, depcap.Model]) -> None:
    rows = [[i, 2 * i + 1] for i in range(16)]
    for model in small.values():
        lengths = [result.response_length for result in generate(model, rows, gen_length=24)]
        assert min(lengths) < 24


@pytest.mark.parametrize("cache", POLICIES)
def test_finished_rows_compute_nothing_and_count_nothing(llada: depcap.Model, cache: str) -> None:
    rows = [[i, i + 1] for i in range(8)]
    common = {"method": "fast-dllm", "cache": cache, "gen_length": 24, "threshold": 0.3, "block_size": 8}
    seen = list(stream(llada, rows, **common))
    nfe = [result.nfe for result in generate(llada, rows, **common)]
    assert len(set(nfe)) > 1
    for row, count in enumerate(nfe):
        assert [bool(step.computed[row] > 0) for step in seen] == [
            number < count for number in range(len(seen))
        ]
        assert int(seen[-1].nfe[row]) == count


def test_a_cache_computes_less(llada: depcap.Model) -> None:
    work = {}
    for cache in POLICIES:
        seen = stream(llada, [[1, 2, 3]], "llada", cache, gen_length=24, stop="run_to_end", block_size=8)
        work[cache] = sum(int(step.computed[0]) for step in seen)
    assert work["dual"] < work["prefix"] < work["none"]


COUNTED = [
    ("llada", "none", {}), ("llada", "dual", {}), ("llada", "prefix", {"guidance": 0.7}),
    ("wino", "dual", {}), ("apd", "none", {}), ("apd", "trailing", {}), ("pearl", "none", {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("family", "method", "cache", "params"),
    [(family, *case) for family in ("llada", "dream") for case in COUNTED]
    + [("causal", "ar", "causal", {}), ("causal", "pearl", "none", {})],
)
def test_positions_are_counted_where_they_go_through_the_network(
    small: dict[str, depcap.Model], causal: depcap.Model, family: str, method: str, cache: str,
    params: Settings, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    ran: Counter[Transformer] = Counter()
    forward = Transformer.forward

    def counted(self: Transformer, tokens: torch.Tensor, *rest: Any) -> Any:
        ran[self] += tokens.numel()
        return forward(self, tokens, *rest)

    monkeypatch.setattr(Transformer, "forward", counted)
    model = (small | {"causal": causal})[family]
    if method in ("apd", "pearl"):
        params = {"verifier": str(causal.folder)}
    result = generate(model, [[5, 1, 7]], method, cache, 24, **params)[0]
    mine = ran.pop(model.denoiser.network)
    assert (result.computed, result.auxiliary_computed) == (mine, sum(ran.values()))


def test_steps_are_never_written_again(llada: depcap.Model) -> None:
    seen = list(stream(llada, [[1, 2], [3]], gen_length=16, stop="run_to_end"))
    masks = [int(step.canvas.masked()[0].sum()) for step in seen]
    assert masks == sorted(masks, reverse=True)
    assert masks[0] > 0


# Degenerate cases that are equalities.

UNMASKS = [Threshold(0.4), Factor(1.0), ConflictFree(0.3, 0.6, -16.0)]
PROMPT = [5, 1, 7]


@pytest.mark.parametrize("cache", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("size", [1, 3, 8, 30])
@pytest.mark.parametrize("unmask", UNMASKS, ids=repr)
@pytest.mark.parametrize("family", ["llada", "dream"])
def test_influence_blocks_of_one_size_are_fixed_blocks(
    small: dict[str, depcap.Model], family: str, unmask: Any, size: int, cache: Any
) -> None:
    influence = Method(InfluenceBlock(size, size), unmask, cache)
    assert run(small[family], influence, PROMPT) == run(
        small[family], Method(FixedBlock(size), unmask, cache), PROMPT
    )


@pytest.mark.parametrize("cache", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("family", ["llada", "dream"])
def test_delimiter_blocks_with_a_threshold_above_one_are_fixed_blocks(
    small: dict[str, depcap.Model], family: str, cache: Any
) -> None:
    delimiter = Method(DelimiterBlock(8, tuple(range(40)), 1.1, 5), Threshold(0.4), cache)
    assert run(small[family], delimiter, PROMPT) == run(
        small[family], Method(FixedBlock(8), Threshold(0.4), cache), PROMPT
    )


@pytest.mark.parametrize("cache", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("family", ["llada", "dream"])
def test_anchors_that_reach_nothing_are_the_threshold_rule(
    small: dict[str, depcap.Model], family: str, cache: Any
) -> None:
    for unmask in (Anchored(0.5, 0.2, 0), Anchored(0.5, 0.5, 4)):
        left = run(small[family], Method(FixedBlock(9), unmask, cache), PROMPT)
        assert left == run(small[family], Method(FixedBlock(9), Threshold(0.5), cache), PROMPT)


@pytest.mark.parametrize("cache", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("family", ["llada", "dream"])
def test_no_entropy_budget_is_one_token_per_step_and_an_endless_one_is_the_whole_block(
    small: dict[str, depcap.Model], family: str, cache: Any
) -> None:
    model = small[family]
    for gamma, quota in ((0.0, Quota(9)), (math.inf, Quota(1))):
        left = run(model, Method(FixedBlock(9), EntropyBudget(gamma, "confidence"), cache), PROMPT)
        assert left == run(model, Method(FixedBlock(9), quota, cache), PROMPT)


@pytest.mark.parametrize("cache", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("family", ["llada", "dream"])
@pytest.mark.parametrize(
    ("unmask", "same_as"),
    [
        (Revocable(0.4, 0.0), Threshold(0.4)),  # blocks of 5 are within every step's cap
        (Attentive(0.4, induced=1.1, low=1.1), Threshold(0.4)),
        (Learned(sharp_filter(), threshold=1.0), Quota(5)),
    ],
    ids=["wino", "dawn", "learn2pd"],
)
def test_a_rule_at_its_limit_is_a_simpler_one(
    small: dict[str, depcap.Model], unmask: Any, same_as: Any, family: str, cache: Any
) -> None:
    left = run(small[family], Method(FixedBlock(5), unmask, cache), PROMPT)
    assert left == run(small[family], Method(FixedBlock(5), same_as, cache), PROMPT)


@pytest.mark.parametrize("cache", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("family", ["llada", "dream"])
@pytest.mark.parametrize(
    "draw", [Nucleus(0.0, 1.0, None, 3), Draft(0.0, 1.0, False, 3)], ids=["dream", "apd"]
)
def test_a_draw_at_temperature_0_is_greedy(
    small: dict[str, depcap.Model], draw: Any, family: str, cache: Any
) -> None:
    left = run(small[family], Method(FixedBlock(8), Threshold(0.4), cache, proposer=draw), PROMPT)
    assert left == run(small[family], Method(FixedBlock(8), Threshold(0.4), cache), PROMPT)


@pytest.mark.parametrize("cache", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("family", ["llada", "dream"])
def test_guidance_of_scale_0_is_the_model_itself(
    small: dict[str, depcap.Model], family: str, cache: Any
) -> None:
    denoiser, method = small[family].denoiser, Method(FixedBlock(8), Threshold(0.4), cache)
    canvas = canvas_for([PROMPT], 24, denoiser, torch.device("cpu"))
    guided = steps(Guided(denoiser, 0.0, canvas.prompt_length), canvas, method)
    for left, right in zip(guided, steps(denoiser, canvas, method), strict=True):
        assert (left.canvas.ids == right.canvas.ids).all()


@pytest.mark.parametrize("cache", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("family", ["llada", "dream"])
def test_an_answer_that_is_never_settled_is_one_token_per_step(
    small: dict[str, depcap.Model], family: str, cache: Any
) -> None:
    model, never = small[family], (math.inf, math.inf, math.inf)
    left = run(model, Method(FixedBlock(8), EarlyCommit(24, (33,), None, never), cache), PROMPT)
    assert left == run(model, Method(FixedBlock(8), Quota(8), cache), PROMPT)


@pytest.mark.parametrize("cache", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("family", ["llada", "dream"])
def test_stillness_that_everything_has_is_the_threshold_rule(
    small: dict[str, depcap.Model], family: str, cache: Any
) -> None:
    stable = Stable(9, 0.4, math.inf, 1)
    left = run(small[family], Method(FixedBlock(9), stable, cache), PROMPT)
    assert left == run(small[family], Method(FixedBlock(9), Threshold(0.4), cache), PROMPT)


@pytest.mark.parametrize("cache", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("tau", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("family", ["llada", "dream"])
def test_conflict_free_with_equal_thresholds_is_the_threshold_rule(
    small: dict[str, depcap.Model], family: str, tau: float, cache: Any
) -> None:
    expected = run(small[family], Method(FixedBlock(8), Threshold(tau), cache), PROMPT)
    for gamma in (-math.inf, -16.0, 0.0, math.inf):
        conflict_free = Method(FixedBlock(8), ConflictFree(tau, tau, gamma), cache)
        assert run(small[family], conflict_free, PROMPT) == expected


@pytest.mark.parametrize("cache", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("tau", [0.2, 0.5])
@pytest.mark.parametrize("family", ["llada", "dream"])
def test_without_conflicts_conflict_free_is_the_threshold_rule(
    small: dict[str, depcap.Model], family: str, tau: float, cache: Any
) -> None:
    conflict_free = Method(FixedBlock(8), ConflictFree(tau, 1.0, math.inf), cache)
    assert run(small[family], conflict_free, PROMPT) == run(
        small[family], Method(FixedBlock(8), Threshold(tau), cache), PROMPT
    )


@pytest.mark.parametrize("cache", ["prefix", "dual"])
@pytest.mark.parametrize("family", ["llada", "dream"])
def test_with_blocks_of_one_every_cache_is_no_cache(
    small: dict[str, depcap.Model], family: str, cache: str
) -> None:
    assert run(small[family], Method(FixedBlock(1), Threshold(), POLICIES[cache]), PROMPT) == run(
        small[family], Method(FixedBlock(1), Threshold(), POLICIES["none"]), PROMPT
    )


@pytest.mark.parametrize("cache", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("family", ["llada", "dream"])
def test_one_token_per_step_is_a_threshold_nothing_reaches(
    small: dict[str, depcap.Model], family: str, cache: Any
) -> None:
    assert run(small[family], Method(FixedBlock(8), Quota(8), cache), PROMPT) == run(
        small[family], Method(FixedBlock(8), Threshold(1.0), cache), PROMPT
    )
