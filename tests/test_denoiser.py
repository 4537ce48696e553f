"""The network against transformers' own, and what a query computes and reads."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny import dream_config, llada_config, random_network
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

import depcap
from depcap.models import denoiser as denoising
from depcap.models.checkpoint import LLAMA_KEYS
from depcap.models.denoiser import TransformerDenoiser, alike
from depcap.models.transformer import Transformer
from depcap.types import Answer, Query, Window, spanned

FAMILIES = ["llada", "dream"]
LENGTH = 17


def theirs(network: Transformer) -> Any:
    """The same weights in transformers' Llama, or in its Qwen2 where there is a QKV bias."""
    ours = network.config
    shape: dict[str, Any] = {
        "vocab_size": ours.vocab_size, "hidden_size": ours.hidden_size, "num_hidden_layers": ours.num_layers,
        "intermediate_size": ours.intermediate_size, "num_attention_heads": ours.num_heads,
        "num_key_value_heads": ours.num_kv_heads, "rms_norm_eps": ours.rms_norm_eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": ours.rope_theta},
        "max_position_embeddings": ours.max_positions, "tie_word_embeddings": False,
    }  # fmt: skip
    made = Qwen2ForCausalLM(Qwen2Config(**shape)) if ours.qkv_bias else LlamaForCausalLM(LlamaConfig(**shape))
    names = {our: their for their, our in LLAMA_KEYS.items()}
    state = {}
    for name, weight in network.state_dict().items():
        number = next((part for part in name.split(".") if part.isdigit()), None)
        pattern = name if number is None else name.replace(f".{number}.", ".{n}.")
        state[names[pattern].replace("{n}", str(number))] = weight
    made.load_state_dict(state)
    return made.to(network.embed.weight.dtype).eval()


def oracle(denoiser: TransformerDenoiser, ids: Tensor, visible: int | None = None) -> Tensor:
    """Log-probabilities for every position from transformers, attention full over what is visible."""
    size = ids.shape[1]
    mask = torch.zeros(len(ids), 1, size, size, dtype=denoiser.network.embed.weight.dtype)
    mask[..., visible or size :] = torch.finfo(mask.dtype).min
    with torch.no_grad():
        logits = theirs(denoiser.network)(ids, attention_mask=mask).logits
    logits[..., denoiser.mask_id] = -1e4
    shifted = torch.cat((logits[:, :1], logits[:, :-1]), dim=1) if denoiser.shift else logits
    return shifted.log_softmax(dim=2)


def query(compute: list[tuple[int, int]], read: list[tuple[int, int]], visible: list[int]) -> Query:
    (start, end), at = (
        tuple(torch.tensor(ends) for ends in zip(*part, strict=True)) for part in (compute, read)
    )
    seen = torch.tensor(visible)
    return Query(spanned(start, end, LENGTH), Window.span(*at), spanned(torch.zeros_like(seen), seen, LENGTH))


def ask(denoiser: TransformerDenoiser, ids: Tensor, asked: Query, store: Any) -> Tensor:
    return denoiser(ids, asked, store).log_probs


def whole(rows: int = 1, read: tuple[int, int] = (0, LENGTH)) -> Query:
    return query([(0, LENGTH)] * rows, [read] * rows, [LENGTH] * rows)


def random_ids(rows: int = 1, seed: int = 0) -> Tensor:
    return torch.randint(0, 39, (rows, LENGTH), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=FAMILIES)
def denoiser(request: pytest.FixtureRequest, small: dict[str, depcap.Model]) -> TransformerDenoiser:
    return small[request.param].denoiser


SHAPES = {
    "llada": llada_config(),
    "llada, grouped heads": llada_config(n_kv_heads=2),
    "llada, one key head": llada_config(n_kv_heads=1),
    "llada, bias": llada_config(include_qkv_bias=True),
    "dream": dream_config(),
    "dream, one key head": dream_config(num_key_value_heads=1),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_log_probs_equal_those_of_transformers(shape: str, seed: int) -> None:
    network = random_network(SHAPES[shape], seed, sharpness=1.0).double()
    denoiser = TransformerDenoiser(network, 39, (33,), shift=int("dream" in shape))
    ids = random_ids(2, seed)
    with torch.no_grad():
        torch.testing.assert_close(
            ask(denoiser, ids, whole(2), None), oracle(denoiser, ids), rtol=0, atol=1e-5
        )


@pytest.mark.parametrize("family", FAMILIES)
def test_float32_checkpoints_equal_transformers_too(golden: dict[str, depcap.Model], family: str) -> None:
    denoiser = golden[family].denoiser
    ids = random_ids(2)
    torch.testing.assert_close(
        ask(denoiser, ids, whole(2), None), oracle(denoiser, ids), rtol=1e-5, atol=1e-4
    )


def test_dream_reads_the_output_of_the_position_before(small: dict[str, depcap.Model]) -> None:
    dream = small["dream"].denoiser
    plain = TransformerDenoiser(dream.network, dream.mask_id, dream.end_ids, shift=0)
    ids = random_ids()
    shifted, straight = ask(dream, ids, whole(), None), ask(plain, ids, whole(), None)
    torch.testing.assert_close(shifted[:, 1:], straight[:, :-1])
    torch.testing.assert_close(shifted[:, 0], straight[:, 0])


def test_log_probs_are_normalised_and_the_mask_token_has_none(denoiser: TransformerDenoiser) -> None:
    log_probs = ask(denoiser, random_ids(), whole(), None)
    torch.testing.assert_close(log_probs.exp().sum(dim=2), torch.ones(1, LENGTH, dtype=torch.float64))
    assert (log_probs[..., denoiser.mask_id].exp() == 0).all()


@pytest.mark.parametrize("span", [(0, 5), (4, 9), (16, 17), (0, 17)])
def test_recomputing_a_window_of_an_unchanged_canvas_changes_nothing(
    denoiser: TransformerDenoiser, span: tuple[int, int]
) -> None:
    ids, store = random_ids(), denoiser.new_store(1, LENGTH)
    full = ask(denoiser, ids, whole(), store)
    again = ask(denoiser, ids, query([span], [span], [LENGTH]), store)
    torch.testing.assert_close(again, full[:, span[0] : span[1]])


def test_a_store_gives_what_no_store_gives(denoiser: TransformerDenoiser) -> None:
    ids = random_ids(2)
    torch.testing.assert_close(
        ask(denoiser, ids, whole(2), denoiser.new_store(2, LENGTH)), ask(denoiser, ids, whole(2), None)
    )


def test_what_is_not_recomputed_stays_stale(denoiser: TransformerDenoiser) -> None:
    ids, store = random_ids(), denoiser.new_store(1, LENGTH)
    old = ask(denoiser, ids, whole(), store)
    changed = ids.clone()
    changed[0, 0] = (ids[0, 0] + 1) % 39
    stale = ask(denoiser, changed, query([(8, 12)], [(8, 12)], [LENGTH]), store)
    torch.testing.assert_close(stale, old[:, 8:12])
    assert not torch.allclose(stale, ask(denoiser, changed, whole(1, (8, 12)), None))


def test_ragged_windows_give_what_single_rows_give(denoiser: TransformerDenoiser) -> None:
    ids, store = random_ids(3), denoiser.new_store(3, LENGTH)
    ask(denoiser, ids, whole(3), store)
    compute, visible = [(2, 5), (0, 17), (9, 16)], [12, 17, 16]
    read = [(2, 4), (6, 14), (9, 16)]
    together = ask(denoiser, ids, query(compute, read, visible), store)
    for row in range(3):
        alone_store = denoiser.new_store(1, LENGTH)
        ask(denoiser, ids[row : row + 1], whole(), alone_store)
        one = query([compute[row]], [read[row]], [visible[row]])
        alone = ask(denoiser, ids[row : row + 1], one, alone_store)
        torch.testing.assert_close(together[row : row + 1, : alone.shape[1]], alone)


def test_a_shorter_row_without_a_store_sees_nothing_past_its_end(denoiser: TransformerDenoiser) -> None:
    ids = random_ids(2)
    together = ask(denoiser, ids, query([(0, 9), (0, LENGTH)], [(0, 9), (0, LENGTH)], [9, LENGTH]), None)
    alone = ask(denoiser, ids[:1, :9], query([(0, 9)], [(0, 9)], [9]), None)
    torch.testing.assert_close(together[:1, :9], alone)


def test_keys_beyond_what_is_visible_are_not_attended_to(denoiser: TransformerDenoiser) -> None:
    ids, store = random_ids(), denoiser.new_store(1, LENGTH)
    seen = ask(denoiser, ids, query([(0, LENGTH)], [(0, 8)], [8]), store)
    torch.testing.assert_close(seen, oracle(denoiser, ids, visible=8)[:, :8], rtol=0, atol=1e-4)


def test_rows_are_parted_where_that_spares_most_padding() -> None:
    def groups(*counts: int) -> list[list[int]]:
        return [group.tolist() for group in alike(torch.tensor(counts))]

    assert groups(300, 16, 0, 16, 290) == [[0, 4], [1, 3]]
    assert groups(300, 280, 290) == [[0, 1, 2]]  # ten and twenty positions are not worth a call
    assert groups(16, 300) == [[1], [0]]
    assert groups(5, 0, 5) == [[0, 2]]
    assert groups(0, 7) == [[1]]


@pytest.mark.parametrize("stored", [True, False])
def test_rows_in_two_groups_say_what_they_say_in_one(
    denoiser: TransformerDenoiser, stored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = random_ids(4)
    compute = [(0, 17), (8, 12), (0, 16), (0, 0)] if stored else [(0, 17), (0, 5), (0, 16), (0, 0)]
    read = [(3, 17), (8, 11) if stored else (1, 4), (5, 9), (2, 2)]
    asked = query(compute, read, [17, 17 if stored else 5, 16, 17])
    asked = replace(asked, shadows=asked.read, attention=not stored)

    def answer(worth: int) -> tuple[Answer, list[tuple[int, int]]]:
        monkeypatch.setattr(denoising, "WORTH_A_CALL", worth)
        store = denoiser.new_store(4, LENGTH) if stored else None
        if store is not None:
            denoiser(ids, whole(4), store)
        with monkeypatch.context() as patched:
            seen = spy(patched, denoiser)
            return denoiser(ids, asked, store), seen

    (one, calls), (two, more) = answer(1_000), answer(1)
    assert [rows for rows, _ in calls] == [3]
    assert [rows for rows, _ in more] == [2, 1]
    for row, (start, end) in enumerate(read):
        width = end - start
        torch.testing.assert_close(two.log_probs[row, :width], one.log_probs[row, :width])
        assert one.doubt is not None
        assert two.doubt is not None
        torch.testing.assert_close(two.doubt[row, :width], one.doubt[row, :width])
        if one.attention is not None and two.attention is not None:
            torch.testing.assert_close(
                two.attention.among[row, :width, :width], one.attention.among[row, :width, :width]
            )
            torch.testing.assert_close(
                two.attention.received[row, :width], one.attention.received[row, :width]
            )


@pytest.mark.parametrize("stored", [True, False])
def test_rows_that_compute_nothing_are_left_out_and_give_no_nan(
    denoiser: TransformerDenoiser, stored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = random_ids(3)
    store = denoiser.new_store(3, LENGTH) if stored else None
    widths = spy(monkeypatch, denoiser)
    some = query([(0, LENGTH), (0, 0), (0, LENGTH)], [(0, 4), (3, 3), (5, 9)], [LENGTH] * 3)
    out = ask(denoiser, ids, some, store)
    assert out.isfinite().all()
    assert widths == [(2, 4)]
    torch.testing.assert_close(out[2:], ask(denoiser, ids[2:], whole(1, (5, 9)), None))


def spy(monkeypatch: pytest.MonkeyPatch, denoiser: TransformerDenoiser) -> list[tuple[int, int]]:
    """Rows and positions of every call of the head."""
    seen: list[tuple[int, int]] = []
    head = Transformer.logits

    def logits(self: Transformer, hidden: Tensor) -> Tensor:
        seen.append(tuple(hidden.shape[:2]))
        return head(self, hidden)

    monkeypatch.setattr(Transformer, "logits", logits)
    return seen


def test_logits_are_computed_for_read_positions_only(
    denoiser: TransformerDenoiser, monkeypatch: pytest.MonkeyPatch
) -> None:
    widths = spy(monkeypatch, denoiser)
    ask(denoiser, random_ids(), whole(1, (7, 10)), None)
    assert widths == [(1, 3)]


def test_no_step_of_a_decode_computes_more_logits_than_block_or_lookahead(
    llada: depcap.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    widths = spy(monkeypatch, llada.denoiser)
    depcap.generate(llada, [[1, 2, 3]], gen_length=40, stop="run_to_end", min_size=4, max_size=6)
    assert max(width for _, width in widths) == 12
    widths.clear()
    depcap.generate(llada, [[1, 2, 3]], "llada", gen_length=40, stop="run_to_end", block_size=8)
    assert max(width for _, width in widths) == 8


def test_half_precision_weights_give_log_probs_in_float32(llada: depcap.Model) -> None:
    half = depcap.load(str(llada.folder), "cpu", "bfloat16")
    log_probs = ask(half.denoiser, random_ids(), whole(), None)
    assert log_probs.dtype == torch.float32
    expected = ask(llada.denoiser, random_ids(), whole(), None)
    assert (log_probs.exp().double() - expected.exp()).abs().mean() < 0.01
