"""The shift can be folded into the weights: a Dream-aligned network becomes a LLaDA-aligned one."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from depcap.models.transformer import Transformer, TransformerConfig, attend_fully
from scripts.batches import Batch
from scripts.fold_shift import fold, neuron_moments, pruned

LENGTH = 40
CONFIG = TransformerConfig(
    vocab_size=50, hidden_size=64, intermediate_size=48, num_layers=2, num_heads=2, num_kv_heads=2,
    max_positions=512, rope_theta=10_000.0, rms_norm_eps=1e-5,
)  # fmt: skip


def network() -> Transformer:
    torch.manual_seed(0)
    source = Transformer(CONFIG)
    for parameter in source.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.1)
    source.embed.weight.data[:, 7] *= 0.01  # a coordinate that hardly counts, as trained embeddings have
    return source


def attend_past_the_first(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The old network has no position -1: after the first layer nothing looks at position 0."""
    seen = torch.ones(k.shape[2], dtype=torch.bool)
    seen[0] = layer == 0
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=seen.expand(q.shape[2], -1))


def hidden(model: Transformer, ids: Tensor, attend: object) -> Tensor:
    places = torch.arange(ids.shape[1]).expand(ids.shape)
    with torch.no_grad():
        return model.logits(model(ids, places, attend))  # type: ignore[arg-type]


def test_output_at_a_position_is_the_old_output_one_before() -> None:
    source = network()
    batch = Batch(torch.randint(2, 50, (3, LENGTH)), torch.tensor([5, 9, 20]), torch.tensor([30, 30, 39]))
    deeper = fold(source, replace(CONFIG, num_layers=3), neuron_moments(source, [batch]), own=1e-3)

    new = hidden(deeper, batch.ids, attend_past_the_first)[:, 1:]
    old = hidden(source, batch.ids[:, :-1], attend_fully)

    assert (new - old).abs().max() < 0.02 * old.std()


def test_pruning_keeps_the_neurons_that_write_most() -> None:
    source = network()
    with torch.no_grad():
        source.layers[0].mlp.down_proj.weight[:, 10:] = 0
    batch = Batch(torch.randint(2, 50, (3, LENGTH)), torch.tensor([5, 9, 20]), torch.tensor([30, 30, 39]))
    deeper = fold(
        source, replace(CONFIG, num_layers=3, intermediate_size=10), neuron_moments(source, [batch])
    )

    kept = deeper.layers[1].mlp.down_proj.weight
    torch.testing.assert_close(kept, source.layers[0].mlp.down_proj.weight[:, :10])


def test_what_is_pruned_is_written_by_those_that_can_stand_in_for_it() -> None:
    torch.manual_seed(0)
    few, mixed, written = torch.randn(200, 6), torch.randn(6, 4), torch.randn(5, 10)
    neurons = torch.cat((few, few @ mixed), 1)  # the last four are sums of the others
    kept, mended = pruned(written, (neurons.T @ neurons).double(), 6)
    torch.testing.assert_close(neurons[:, kept] @ mended.T, neurons @ written.T, atol=1e-3, rtol=1e-3)
