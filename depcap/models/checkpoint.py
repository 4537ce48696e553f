"""Checkpoints in their released layout: configuration, key names, safetensors.

LLaDA (`model_type: llada`), and everything with Llama's key names: Dream, Llama, Qwen2.
Only safetensors are read; nothing from a checkpoint is ever executed.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from depcap.errors import DepcapError
from depcap.models.config import (
    DreamConfig,
    LladaConfig,
    LlamaConfig,
    Qwen2Config,
    ReleasedConfig,
    parse,
    read_json,
)
from depcap.models.transformer import Transformer, TransformerConfig

WHOLE_HASH_LIMIT = 2**30
LLADA_KEYS = {
    "model.transformer.wte.weight": "embed.weight",
    "model.transformer.ln_f.weight": "norm.weight",
    "model.transformer.ff_out.weight": "head.weight",
    "model.transformer.blocks.{n}.attn_norm.weight": "layers.{n}.attention_norm.weight",
    "model.transformer.blocks.{n}.ff_norm.weight": "layers.{n}.mlp_norm.weight",
    "model.transformer.blocks.{n}.attn_out.weight": "layers.{n}.attention.o_proj.weight",
    "model.transformer.blocks.{n}.ff_proj.weight": "layers.{n}.mlp.gate_proj.weight",
    "model.transformer.blocks.{n}.up_proj.weight": "layers.{n}.mlp.up_proj.weight",
    "model.transformer.blocks.{n}.ff_out.weight": "layers.{n}.mlp.down_proj.weight",
} | {
    f"model.transformer.blocks.{{n}}.{part}_proj.{kind}": f"layers.{{n}}.attention.{part}_proj.{kind}"
    for part in "qkv"
    for kind in ("weight", "bias")
}
LLAMA_KEYS = (
    {
        "model.embed_tokens.weight": "embed.weight",
        "model.norm.weight": "norm.weight",
        "lm_head.weight": "head.weight",
        "model.layers.{n}.input_layernorm.weight": "layers.{n}.attention_norm.weight",
        "model.layers.{n}.post_attention_layernorm.weight": "layers.{n}.mlp_norm.weight",
        "model.layers.{n}.self_attn.o_proj.weight": "layers.{n}.attention.o_proj.weight",
    }
    | {
        f"model.layers.{{n}}.self_attn.{part}_proj.{kind}": f"layers.{{n}}.attention.{part}_proj.{kind}"
        for part in "qkv"
        for kind in ("weight", "bias")
    }
    | {
        f"model.layers.{{n}}.mlp.{part}_proj.weight": f"layers.{{n}}.mlp.{part}_proj.weight"
        for part in ("gate", "up", "down")
    }
)


@dataclass(frozen=True, slots=True)
class Family:
    """What sets a model family apart: configuration, keys, the shift of its outputs, what ends a turn.

    `causal`: a next-token model, which is decoded from left to right and with no diffusion method.
    `base_unsaid`: its base models have a chat template too, and no name of their own.
    """

    name: str
    config: type[ReleasedConfig]
    keys: dict[str, str]
    shift: int
    turn_ends: tuple[str, ...]
    causal: bool = False
    base_unsaid: bool = False


FAMILIES = {
    "llada": Family("llada", LladaConfig, LLADA_KEYS, 0, ("<|eot_id|>",)),
    "Dream": Family("dream", DreamConfig, LLAMA_KEYS, 1, ("<|im_end|>",)),
    "llama": Family("llama", LlamaConfig, LLAMA_KEYS, 1, (), causal=True),
    "qwen2": Family("qwen2", Qwen2Config, LLAMA_KEYS, 1, ("<|im_end|>",), causal=True, base_unsaid=True),
}


@dataclass(frozen=True, slots=True)
class CheckpointConfig:
    """A checkpoint's `config.json` in our terms."""

    family: Family
    network: TransformerConfig
    mask_id: int
    end_id: int


def read_config(folder: Path) -> CheckpointConfig:
    """The configuration of a model folder; DepcapError when it is not a model we can build."""
    path = folder / "config.json"
    if not path.exists():
        raise DepcapError(f"{folder} is not a model folder: it has no config.json")
    return parse_config(read_json(path), str(path))


def parse_config(raw: dict[str, Any], source: str) -> CheckpointConfig:
    """A released `config.json` as our configuration. `source` names it in errors."""
    kind = raw.get("model_type")
    family = FAMILIES.get(kind) if isinstance(kind, str) else None
    if family is None:
        raise DepcapError(f"{source}: model_type {kind!r} is not supported (known: {', '.join(FAMILIES)})")
    config = parse(family.config, raw, source)
    return CheckpointConfig(family, config.network(), config.mask_token_id, config.eos_token_id)


def our_key(key: str, family: Family) -> str | None:
    """Our name of a released key; None for a key that no weight of ours has."""
    number = re.search(r"\.(\d+)\.", key)
    pattern = key if number is None else key.replace(number[0], ".{n}.", 1)
    ours = family.keys.get(pattern)
    return ours if number is None or ours is None else ours.replace("{n}", number[1])


def build(config: TransformerConfig, dtype: torch.dtype) -> Transformer:
    """The network on the meta device: shapes without memory."""
    with torch.device("meta"):
        return Transformer(config).to(dtype)


def load_network(
    folder: Path, config: CheckpointConfig, dtype: torch.dtype, device: torch.device
) -> Transformer:
    """The network with the folder's weights, read tensor by tensor: memory for one copy, no more."""
    network = build(config.network, dtype)
    expected = dict(network.state_dict())
    state: dict[str, Tensor] = {}
    for key, tensor in read_tensors(folder):
        name = our_key(key, config.family)
        if name is None or name not in expected:
            raise DepcapError(f"{folder}: the weight {key!r} has no place in a {config.family.name} model")
        if tensor.shape != expected[name].shape:
            wanted = tuple(expected[name].shape)
            raise DepcapError(
                f"{folder}: {key!r} has shape {tuple(tensor.shape)}, the configuration says {wanted}"
            )
        state[name] = tensor.to(device=device, dtype=dtype)
    if config.network.tie_weights:
        state["head.weight"] = state["embed.weight"]
    if missing := sorted(set(expected) - set(state)):
        raise DepcapError(f"{folder}: {len(missing)} weights are missing, the first is {missing[0]!r}")
    network.load_state_dict(state, assign=True)
    if config.network.tie_weights:
        network.head.weight = network.embed.weight
    return network.eval().requires_grad_(False)


def read_tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of every safetensors file of the folder."""
    for path in weight_files(folder):
        try:
            with safe_open(path, framework="pt") as file:
                for key in file.keys():  # noqa: SIM118 - safe_open is no mapping
                    yield key, file.get_tensor(key)
        except (OSError, SafetensorError) as error:
            raise DepcapError(f"{path} is not a readable safetensors file: {error}") from None


def weight_files(folder: Path) -> list[Path]:
    """The files named by the index if there is one, else `model.safetensors`."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        named = read_json(index).get("weight_map")
        if not isinstance(named, dict) or not named or not all(isinstance(n, str) for n in named.values()):
            raise DepcapError(f"{index} is not a safetensors index")
        names = sorted(set(named.values()))
        if any(Path(name).name != name for name in names):
            raise DepcapError(f"{index} names files outside its folder")
        files = [folder / name for name in names]
    else:
        files = [folder / "model.safetensors"]
    for path in files:
        if not path.is_file():
            raise DepcapError(f"{folder}: {path.name} is missing (only safetensors weights are read)")
    return files


def weights_hash(folder: Path) -> str:
    """SHA-256 of the weights; of their sizes and ends only when they are over a gigabyte."""
    files = weight_files(folder)
    whole = sum(path.stat().st_size for path in files) <= WHOLE_HASH_LIMIT
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            if whole:
                digest.update(file.read())
            else:
                digest.update(f"{path.name}:{path.stat().st_size}".encode())
                digest.update(file.read(2**20))
                file.seek(max(0, path.stat().st_size - 2**20))
                digest.update(file.read())
    return ("sha256:" if whole else "sha256-ends:") + digest.hexdigest()


def save_network(network: Transformer, path: Path, keys: dict[str, str]) -> None:
    """Write weights in bfloat16 under a family's released key names."""
    theirs = {ours: key for key, ours in keys.items()}
    state = {}
    for name, tensor in network.state_dict().items():
        if name == "head.weight" and network.config.tie_weights:
            continue  # one tensor with the embedding's
        number = re.search(r"\.(\d+)\.", name)
        pattern = name if number is None else name.replace(number[0], ".{n}.", 1)
        key = theirs[pattern] if number is None else theirs[pattern].replace("{n}", number[1])
        state[key] = tensor.to(torch.bfloat16).contiguous()
    save_file(state, path, metadata={"format": "pt"})
