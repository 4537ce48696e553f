"""Ways to look at a batch: nothing that is asked for can be seen, and everything that decoding shows can."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from depcap.models.transformer import Transformer, TransformerConfig
from scripts.batches import END_ID, MASK_ID, Batch
from scripts.views import BLOCK, COPIES, PADDING_WEIGHT, Sight, View, causal, rows, windows

CONFIG = TransformerConfig(
    vocab_size=50, hidden_size=32, intermediate_size=48, num_layers=2, num_heads=2, num_kv_heads=1,
    max_positions=512, rope_theta=10_000.0, rms_norm_eps=1e-5,
)  # fmt: skip
LENGTH = 48


def batch() -> Batch:
    ids = torch.randint(2, 50, (4, LENGTH), generator=torch.Generator().manual_seed(0))
    start, end = torch.tensor([5, 9, 20, 7]), torch.tensor([30, 41, 39, 12])
    ids[torch.arange(LENGTH) >= end[:, None]] = END_ID
    return Batch(ids, start, end)


def even(sight: Sight) -> Tensor:
    """A look at a network that is surer the further right it looks."""
    return torch.arange(sight.ids.shape[1]).expand(sight.ids.shape) / 1000


def seen(view: View, shift: int, given: Batch | None = None, seed: int = 0) -> Sight:
    return view(given or batch(), torch.Generator().manual_seed(seed), even, shift)


def logits(sight: Sight) -> Tensor:
    torch.manual_seed(1)
    network = Transformer(CONFIG)
    for parameter in network.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.3)

    def attend(_layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(
            q, k, v, attn_mask=sight.mask, is_causal=sight.causal, enable_gqa=True
        )

    with torch.no_grad():
        return network.logits(network(sight.ids, sight.positions, attend))


@pytest.mark.parametrize(("view", "shift"), [(causal, 1), (rows, 0), (rows, 1), (windows, 0), (windows, 1)])
def test_what_is_asked_for_is_not_to_be_seen(view: View, shift: int) -> None:
    """A clean token is changed: where it is asked for, the answer stays; the target changes with it."""
    for seed in range(6):
        before = seen(view, shift, seed=seed)
        asked = before.weights > 0
        answers = logits(before)
        for position in range(12, 46, 3):
            other = batch()
            other.ids[:, position] = (other.ids[:, position] + 7) % 40 + 2
            after = seen(view, shift, other, seed)
            about = asked & (after.positions + shift == position)
            assert (after.targets[about] == other.ids[:, [position]].expand_as(about)[about]).all()
            torch.testing.assert_close(logits(after)[about], answers[about])


@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize("view", [rows, windows])
def test_only_the_response_is_masked_and_only_masks_are_asked_for(view: View, shift: int) -> None:
    given = batch()
    for seed in range(6):
        sight = seen(view, shift, seed=seed)
        masked = sight.ids == MASK_ID
        assert (sight.positions >= given.start[:, None])[masked].all()
        copies = slice(LENGTH, None) if view is windows else slice(None)  # clean rows ask causally
        asked = (sight.weights > 0)[:, copies].roll(shift, 1)
        assert asked.any()
        assert masked[:, copies][asked].all()


def test_a_window_answers_as_its_row_would_alone() -> None:
    """Clean tokens before the cut, seen causally, then the copy: nothing of the other copies matters."""
    sight, width = seen(windows, 1), BLOCK + 1
    answers = logits(sight)
    for row in range(4):
        for copy in range(COPIES):
            at = slice(LENGTH + copy * width, LENGTH + (copy + 1) * width)
            first = int(sight.positions[row, at][0])
            ids = torch.cat((sight.ids[row, :first], sight.ids[row, at]))[None]
            mask = torch.ones(len(ids[0]), len(ids[0]), dtype=torch.bool).tril()
            mask[first:, first:] = True
            places = torch.arange(len(ids[0]))[None]
            alone = logits(Sight(ids, places, ids, ids, mask=mask[None, None]))[0, first:]
            torch.testing.assert_close(alone, answers[row, at], atol=1e-4, rtol=1e-4)


def test_what_is_revealed_is_what_the_network_is_surest_of() -> None:
    """`even` is surest at the right: in a block the revealed tokens stand behind the holes."""
    sight = seen(windows, 0)
    for row in (sight.ids[:, LENGTH:] == MASK_ID).view(-1, BLOCK + 1)[:, 1:].tolist():
        first_seen = row.index(False) if False in row else BLOCK
        last_seen = BLOCK - row[::-1].index(False) if False in row else BLOCK
        assert not any(row[first_seen:last_seen])


@pytest.mark.parametrize("view", [rows, windows])
def test_one_look_decides_what_is_revealed(view: View) -> None:
    """At every block wholly masked. Holes can stand between what is revealed."""
    masks: list[Tensor] = []

    def look(sight: Sight) -> Tensor:
        masks.append(sight.ids == MASK_ID)
        return torch.rand(sight.ids.shape, generator=torch.Generator().manual_seed(3))

    sight = view(batch(), torch.Generator().manual_seed(0), look, 0)
    assert len(masks) == 1
    copies = slice(LENGTH, None) if view is windows else slice(None)
    before, after = (mask[:, copies] for mask in (masks[0], sight.ids == MASK_ID))
    revealed = before & ~after
    runs = (revealed & ~revealed.roll(1, 1)).sum(dim=1)
    assert runs.max() > (COPIES if view is windows else 1)


def test_the_first_hole_counts_in_full_and_others_if_the_network_is_sure() -> None:
    """Behind the end token the full weight is a tenth."""
    sight = seen(windows, 0)
    parts = (sight.weights, sight.most, sight.positions)
    weights, most, positions = (part[:, LENGTH:].reshape(-1, BLOCK + 1) for part in parts)
    full = torch.where(positions <= batch().end.repeat_interleave(COPIES)[:, None], 1.0, PADDING_WEIGHT)
    assert torch.equal(most, full * (weights > 0))
    for least, in_full in zip(weights, full, strict=True):
        first = least.nonzero().flatten()[0]
        assert least[first] == in_full[first]
    assert ((weights > 0) & (weights < most)).any()
    assert not sight.most[:, :LENGTH].any()
