"""Make a bundled model folder, in its released layout, from a training run's checkpoint.

python -m scripts.export_model llada runs/llada/last.pt   depcap/bundled/tiny-llada
python -m scripts.export_model dream runs/shifted/last.pt   depcap/bundled/tiny-dream
python -m scripts.export_model llama runs/ar/last.pt        depcap/bundled/tiny-ar
"""

import json
import shutil
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any

import torch
import typer

from depcap.models.checkpoint import LLADA_KEYS, LLAMA_KEYS, save_network
from depcap.models.transformer import Transformer
from scripts.train import CONFIG, DEEPER, END_ID, MASK_ID, TOKENIZER

TEMPLATE = "{{ messages[0]['content'].rstrip('\n') + '\n' }}"
"""The tasks' prompts end with one newline; a typed one need not. (Jinja drops a template's last newline.)"""


class Layout(str, Enum):
    """Key names and configuration fields of a family."""

    LLADA = "llada"
    DREAM = "dream"
    LLAMA = "llama"


def llada_config() -> dict[str, Any]:
    """`config.json` as LLaDA's."""
    return {
        "model_type": "llada", "architectures": ["LLaDAModelLM"], "d_model": DEEPER.hidden_size,
        "n_heads": DEEPER.num_heads, "n_kv_heads": DEEPER.num_kv_heads, "n_layers": DEEPER.num_layers,
        "mlp_hidden_size": DEEPER.intermediate_size, "activation_type": "silu", "block_type": "llama",
        "layer_norm_type": "rms", "rms_norm_eps": DEEPER.rms_norm_eps, "rope": True,
        "rope_theta": DEEPER.rope_theta, "rope_full_precision": True, "vocab_size": DEEPER.vocab_size,
        "embedding_size": DEEPER.vocab_size, "max_sequence_length": DEEPER.max_positions,
        "include_bias": False, "include_qkv_bias": False, "weight_tying": False,
        "mask_token_id": MASK_ID, "eos_token_id": END_ID, "pad_token_id": END_ID,
    }  # fmt: skip


def llama_config() -> dict[str, Any]:
    """`config.json` as Llama's."""
    return {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": CONFIG.hidden_size,
        "intermediate_size": CONFIG.intermediate_size, "num_hidden_layers": CONFIG.num_layers,
        "num_attention_heads": CONFIG.num_heads, "num_key_value_heads": CONFIG.num_kv_heads,
        "hidden_act": "silu", "max_position_embeddings": CONFIG.max_positions,
        "rms_norm_eps": CONFIG.rms_norm_eps, "rope_theta": CONFIG.rope_theta, "vocab_size": CONFIG.vocab_size,
        "tie_word_embeddings": False, "bos_token_id": None, "eos_token_id": END_ID, "pad_token_id": END_ID,
    }  # fmt: skip


def dream_config() -> dict[str, Any]:
    """`config.json` as Dream's: Llama's sizes under Qwen2's names, with a mask token."""
    ours = {"model_type": "Dream", "architectures": ["DreamModel"], "mask_token_id": MASK_ID}
    return llama_config() | ours


def with_biases(network: Transformer) -> Transformer:
    """The same network with QKV biases of zero: Dream's layout has them."""
    wide = Transformer(replace(CONFIG, qkv_bias=True))
    wide.load_state_dict(network.state_dict(), strict=False)
    for name, parameter in wide.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
    return wide


def main(layout: Layout, checkpoint: Path, output: Path) -> None:
    """Write config, weights in bfloat16, and tokenizer."""
    network = Transformer(DEEPER if layout is Layout.LLADA else CONFIG)
    network.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    output.mkdir(parents=True, exist_ok=True)
    if layout is Layout.DREAM:
        network = with_biases(network)
    keys, config = {
        Layout.LLADA: (LLADA_KEYS, llada_config()),
        Layout.DREAM: (LLAMA_KEYS, dream_config()),
        Layout.LLAMA: (LLAMA_KEYS, llama_config()),
    }[layout]
    save_network(network, output / "model.safetensors", keys)
    (output / "model.safetensors").chmod(0o644)
    (output / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    tokens = {"chat_template": TEMPLATE, "eos_token": "<|endoftext|>", "mask_token": "<|mask|>"}
    (output / "tokenizer_config.json").write_text(json.dumps(tokens, indent=1) + "\n")
    shutil.copyfile(TOKENIZER, output / "tokenizer.json")


if __name__ == "__main__":
    typer.run(main)
