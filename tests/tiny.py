"""Small random checkpoints in their released layouts, made in a second."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch

from depcap.filter import Filter, random_filter
from depcap.models.checkpoint import LLADA_KEYS, LLAMA_KEYS, parse_config, save_network
from depcap.models.transformer import Transformer

TOKENIZER = Path(__file__).parents[1] / "depcap" / "bundled" / "tokenizer.json"
TEMPLATE = "{{ messages[0]['content'].rstrip('\n') + '\n' }}"
KEYS = {"llada": LLADA_KEYS, "Dream": LLAMA_KEYS, "llama": LLAMA_KEYS, "qwen2": LLAMA_KEYS}


def llada_config(vocab: int = 40, mask: int = 39, end: int = 33, **changes: Any) -> dict[str, Any]:
    return {
        "model_type": "llada", "d_model": 32, "n_heads": 4, "n_kv_heads": 4, "n_layers": 2,
        "mlp_hidden_size": 48, "rope_theta": 10000.0, "rms_norm_eps": 1e-5, "vocab_size": vocab,
        "embedding_size": vocab, "max_sequence_length": 256, "include_qkv_bias": False, "weight_tying": False,
        "mask_token_id": mask, "eos_token_id": end,
    } | changes  # fmt: skip


def dream_config(vocab: int = 40, mask: int = 39, end: int = 33, **changes: Any) -> dict[str, Any]:
    return {
        "model_type": "Dream", "hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2,
        "num_hidden_layers": 2, "intermediate_size": 48, "rope_theta": 10000.0, "rms_norm_eps": 1e-6,
        "vocab_size": vocab, "max_position_embeddings": 256, "tie_word_embeddings": False,
        "mask_token_id": mask, "eos_token_id": end,
    } | changes  # fmt: skip


def llama_config(**sizes: Any) -> dict[str, Any]:
    return dream_config(**sizes) | {"model_type": "llama"}


def qwen2_config(**sizes: Any) -> dict[str, Any]:
    """It names no mask token, and has rows that no token has."""
    raw = dream_config(**sizes) | {"model_type": "qwen2", "use_sliding_window": False}
    del raw["mask_token_id"]
    return raw


CONFIGS = {"llada": llada_config, "Dream": dream_config, "llama": llama_config, "qwen2": qwen2_config}


def random_network(raw: dict[str, Any], seed: int = 0, sharpness: float = 5.0) -> Transformer:
    """Random weights whose attention is uneven and whose confidences spread over (0, 1)."""
    generator = torch.Generator().manual_seed(seed)
    network = Transformer(parse_config(raw, "config").network)
    scale = {"embed": 1.0, "head": sharpness, "q_proj": 2.5, "k_proj": 2.5}
    for name, weight in network.named_parameters():
        if weight.dim() == 1:
            noise = torch.randn(weight.shape, generator=generator)
            weight.data = (0.5 if "bias" in name else 0.1) * noise + ("norm" in name)
        else:
            width = 1.0 if "embed" in name else weight.shape[1] ** -0.5
            factor = next((value for part, value in scale.items() if part in name), 1.5)
            weight.data = factor * width * torch.randn(weight.shape, generator=generator)
    return network


def sharp_filter() -> Filter:
    """Random, but with an opinion: it accepts some positions and not others."""
    made = random_filter(1).weights
    return Filter({**made, "w1": 10 * made["w1"], "w2": 20 * made["w2"]})


def write_checkpoint(folder: Path, raw: dict[str, Any], network: Transformer | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(raw))
    save_network(network or random_network(raw), folder / "model.safetensors", KEYS[raw["model_type"]])
    return folder


def write_text_checkpoint(folder: Path) -> Path:
    """A LLaDA layout with the bundled tokenizer and its chat template."""
    write_checkpoint(folder, llada_config(vocab=640, mask=1, end=0))
    tokens = {"chat_template": TEMPLATE, "eos_token": "<|endoftext|>", "mask_token": "<|mask|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens))
    shutil.copyfile(TOKENIZER, folder / "tokenizer.json")
    return folder
