"""Turn a network that predicts the next position (Dream) into one that predicts its own (LLaDA).

    python -m scripts.fold_shift runs/shifted/last.pt runs/folded.pt

No learning, only arithmetic. One attention layer is put in front. Its four heads together are as wide as the
network, so they can carry a whole embedding, and they all look exactly one position back (rotary angles make
the score peak there): what enters the old layers at position i is the embedding of token i - 1, and the old
network says at i what it said at i - 1. Key and value heads are no longer shared, and biases are dropped. The
MLPs give up the neurons that the others can best stand in for, so that the checkpoint keeps its size: what
the others write is fitted by least squares to what all wrote. `train diffusion` mends what is left of it.
"""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Annotated

import torch
import typer
from scipy.linalg import qr
from torch import Tensor

from depcap.models.transformer import Layer, Transformer, TransformerConfig, attend_fully
from scripts.batches import Batch, batches
from scripts.objectives import MASKED_CONFIG, RECIPES, SHIFTED_CONFIG, Objective
from scripts.train import averaged, save
from scripts.views import rows

OWN = 0.02
"""What is left of a position's own embedding beside its predecessor's."""
SIZE = 0.5
"""Norm of every new embedding; equal norms make the normalisation before attention a constant."""
BATCHES = 8
"""Of training problems, on which the neurons are watched."""
SHARPNESS = 12.0
"""How far the score of the position before lies above its neighbours'."""


def fold(
    source: Transformer, config: TransformerConfig, moments: list[Tensor], own: float = OWN
) -> Transformer:
    """A network of `config` whose output at i is the source's at i - 1; `moments` are `neuron_moments`.

    Exact as `own` goes to zero, but for position 0, which finds nothing before it and sees itself.
    """
    network = Transformer(config)
    with torch.no_grad():
        _look_back(network, source.embed.weight, own)
        for old, new, moment in zip(_layers(source), network.layers[1:], moments, strict=True):
            kept, written = pruned(old.mlp.down_proj.weight, moment, config.intermediate_size)
            state = {name: value for name, value in old.state_dict().items() if not name.endswith("bias")}
            for name in ("attention.k_proj.weight", "attention.v_proj.weight"):
                state[name] = _ungrouped(state[name], source.config)
            for name in ("mlp.gate_proj.weight", "mlp.up_proj.weight"):
                state[name] = state[name][kept]
            state["mlp.down_proj.weight"] = written
            new.load_state_dict(state)
        network.norm.load_state_dict(source.norm.state_dict())
        network.head.load_state_dict(source.head.state_dict())
    return network


def pruned(written: Tensor, moment: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Which `count` neurons stay, and what they write [E count] in place of what all wrote [E I].

    They are chosen one by one for what they write beyond those already chosen (pivoted QR), then fitted.
    """
    damped = moment + 1e-6 * moment.diagonal().mean() * torch.eye(len(moment), dtype=moment.dtype)
    root = torch.linalg.cholesky(damped).T * written.norm(dim=0)
    kept = torch.from_numpy(qr(root.numpy(), mode="r", pivoting=True)[1][:count]).long().sort().values
    among, towards = damped[kept][:, kept], damped[kept] @ written.T.to(moment.dtype)
    return kept, torch.linalg.solve(among, towards).T.to(written.dtype)


def _layers(network: Transformer) -> list[Layer]:
    """The layers, with their type (a ModuleList has none)."""
    return [layer for layer in network.layers if isinstance(layer, Layer)]


def _ungrouped(weight: Tensor, config: TransformerConfig) -> Tensor:
    """Key or value weights with a head of their own for every query head."""
    heads = weight.view(config.num_kv_heads, config.head_size, -1)
    return heads.repeat_interleave(config.num_heads // config.num_kv_heads, dim=0).flatten(0, 1)


def _look_back(network: Transformer, embedding: Tensor, own: float) -> None:
    """Set embedding and layer 0: one coordinate is a constant to aim with, all others are carried over."""
    config, first = network.config, _layers(network)[0]
    pilot = int(embedding.var(0).argmin())
    carried = torch.ones(config.hidden_size)
    carried[pilot] = 0
    network.embed.weight.copy_(own * embedding * carried)
    spare: Tensor = SIZE**2 - network.embed.weight.square().sum(-1)
    if spare.min() <= 0.5 * SIZE**2:
        raise SystemExit(f"embeddings too long to fold: their norms reach {embedding.norm(dim=-1).max():.1f}")
    network.embed.weight[:, pilot] = spare.sqrt()

    scale = (SIZE**2 / config.hidden_size + config.rms_norm_eps) ** -0.5
    aim, target = _one_back(config)
    for parameter in (first.attention.q_proj.weight, first.attention.k_proj.weight):
        parameter.zero_()
    heads = config.num_heads
    first.attention.q_proj.weight[:, pilot] = aim.repeat(heads) / (scale * SIZE)
    first.attention.k_proj.weight[:, pilot] = target.repeat(heads) / (scale * SIZE)
    gains = carried / own
    gains[pilot] = -1.0  # attention weights sum to one: this takes the constant out of the residual again
    first.attention.v_proj.weight.copy_(torch.diag(gains.abs().sqrt()))
    first.attention.o_proj.weight.copy_(torch.diag(gains.sign() * gains.abs().sqrt()) / scale)
    first.mlp.down_proj.weight.zero_()
    for part in (first.mlp.gate_proj, first.mlp.up_proj):
        torch.nn.init.normal_(part.weight, std=0.02)


def _one_back(config: TransformerConfig) -> tuple[Tensor, Tensor]:
    """Query and key of one head whose score is highest one position back, by `SHARPNESS` at least."""
    planes = config.head_size // 2
    angles = config.rope_theta ** (-torch.arange(planes) / planes)
    quick = (torch.arange(planes) < max(1, planes // 2)).float()
    drop = (quick * (1 - angles.cos())).sum()
    length = (SHARPNESS * config.head_size**0.5 / drop).sqrt()
    query = length * torch.cat((quick * angles.cos(), -quick * angles.sin()))
    return query, length * torch.cat((quick, torch.zeros(planes)))


def neuron_moments(network: Transformer, seen: Iterable[Batch]) -> list[Tensor]:
    """Per layer, the sum over positions of products of its MLP's neurons [I I], on masked rows."""
    neurons = network.config.intermediate_size
    moments = [torch.zeros(neurons, neurons, dtype=torch.float64) for _ in network.layers]

    def watch(layer: int, active: Tensor) -> None:
        flat = active.flatten(0, 1).double()
        moments[layer] += flat.T @ flat

    hooks = [
        layer.mlp.down_proj.register_forward_pre_hook(lambda _module, active, at=at: watch(at, *active))
        for at, layer in enumerate(_layers(network))
    ]
    with torch.no_grad():
        for number, batch in enumerate(seen):
            noise = torch.Generator().manual_seed(number)
            sight = rows(batch, noise, lambda sight: torch.zeros(sight.ids.shape), 1)
            network(sight.ids, sight.positions, attend_fully)
    for hook in hooks:
        hook.remove()
    return moments


def main(
    checkpoint: Annotated[Path, typer.Argument(help="a run of `train shifted`")],
    output: Annotated[Path, typer.Argument(help="where `train diffusion --init` finds the result")],
) -> None:
    """Fold the shift of one checkpoint away."""
    source = Transformer(SHIFTED_CONFIG)
    source.load_state_dict(averaged(checkpoint))
    seen = islice(batches(RECIPES[Objective.SHIFTED].source, seed=1, first_step=0), BATCHES)
    save(output, {"average": fold(source, MASKED_CONFIG, neuron_moments(source, seen)).state_dict()})


if __name__ == "__main__":
    typer.run(main)
