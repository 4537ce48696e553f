"""Make a bundled model folder, in its released layout, from a training run's checkpoint.

python -m scripts.export_model llada runs/llada/last.pt   depcap/bundled/tiny-llada
python -m scripts.export_model dream runs/shifted/last.pt   depcap/bundled/tiny-dream
python -m scripts.export_model llama runs/ar/last.pt        depcap/bundled/tiny-ar
"""

import json
import shutil
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from depcap.models.checkpoint import LLADA_KEYS, LLAMA_KEYS, save_network
from depcap.models.transformer import Transformer
from scripts.batches import END_ID, MASK_ID, TOKENIZER
from scripts.objectives import CAUSAL_CONFIG, MASKED_CONFIG, SHIFTED_CONFIG
from scripts.train import averaged

TEMPLATE = "{{ messages[0]['content'].rstrip('\n') + '\n' }}"
"""The tasks' prompts end with one newline; a typed one need not. (Jinja drops a template's last newline.)"""


class Layout(str, Enum):
    """Key names and configuration fields of a family."""

    LLADA = "llada"
    DREAM = "dream"
    LLAMA = "llama"


def llada_config() -> dict[str, Any]:
    """`config.json` as LLaDA's."""
    sizes = MASKED_CONFIG
    return {
        "model_type": "llada", "architectures": ["LLaDAModelLM"], "d_model": sizes.hidden_size,
        "n_heads": sizes.num_heads, "n_kv_heads": sizes.num_kv_heads, "n_layers": sizes.num_layers,
        "mlp_hidden_size": sizes.intermediate_size, "activation_type": "silu", "block_type": "llama",
        "layer_norm_type": "rms", "rms_norm_eps": sizes.rms_norm_eps, "rope": True,
        "rope_theta": sizes.rope_theta, "rope_full_precision": True, "vocab_size": sizes.vocab_size,
        "embedding_size": sizes.vocab_size, "max_sequence_length": sizes.max_positions,
        "include_bias": False, "include_qkv_bias": False, "weight_tying": False,
        "mask_token_id": MASK_ID, "eos_token_id": END_ID, "pad_token_id": END_ID,
    }  # fmt: skip


def llama_config() -> dict[str, Any]:
    """`config.json` as Llama's."""
    sizes = CAUSAL_CONFIG
    return {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": sizes.hidden_size,
        "intermediate_size": sizes.intermediate_size, "num_hidden_layers": sizes.num_layers,
        "num_attention_heads": sizes.num_heads, "num_key_value_heads": sizes.num_kv_heads,
        "hidden_act": "silu", "max_position_embeddings": sizes.max_positions,
        "rms_norm_eps": sizes.rms_norm_eps, "rope_theta": sizes.rope_theta, "vocab_size": sizes.vocab_size,
        "tie_word_embeddings": False, "bos_token_id": None, "eos_token_id": END_ID, "pad_token_id": END_ID,
        "mask_token_id": MASK_ID,
    }  # fmt: skip


def dream_config() -> dict[str, Any]:
    """`config.json` as Dream's: Llama's sizes under Qwen2's names, with a mask token."""
    return llama_config() | {"model_type": "Dream", "architectures": ["DreamModel"]}


def main(layout: Layout, checkpoint: Path, output: Path) -> None:
    """Write config, weights in bfloat16, and tokenizer."""
    keys, config, shape = {
        Layout.LLADA: (LLADA_KEYS, llada_config(), MASKED_CONFIG),
        Layout.DREAM: (LLAMA_KEYS, dream_config(), SHIFTED_CONFIG),
        Layout.LLAMA: (LLAMA_KEYS, llama_config(), CAUSAL_CONFIG),
    }[layout]
    network = Transformer(shape)
    network.load_state_dict(averaged(checkpoint))
    output.mkdir(parents=True, exist_ok=True)
    save_network(network, output / "model.safetensors", keys)
    (output / "model.safetensors").chmod(0o644)
    (output / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    tokens = {"chat_template": TEMPLATE, "eos_token": "<|endoftext|>", "mask_token": "<|mask|>"}
    (output / "tokenizer_config.json").write_text(json.dumps(tokens, indent=1) + "\n")
    shutil.copyfile(TOKENIZER, output / "tokenizer.json")


if __name__ == "__main__":
    typer.run(main)
