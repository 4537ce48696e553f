"""Released layouts: every key has its place, and what is wrong with a folder is said in one line."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import (
    CONFIGS,
    KEYS,
    dream_config,
    llada_config,
    qwen2_config,
    random_network,
    write_checkpoint,
)

import depcap
from depcap.models import checkpoint, loading
from depcap.models.checkpoint import (
    FAMILIES,
    build,
    our_key,
    parse_config,
    read_config,
    save_network,
    weight_files,
    weights_hash,
)

CONFIG_FOLDER = Path(__file__).parent / "golden" / "configs"


def released_keys(raw: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Every weight of a released checkpoint with its shape, from its configuration alone."""
    if raw["model_type"] == "llada":
        e, f, v = raw["d_model"], raw["mlp_hidden_size"], raw["embedding_size"]
        kv = e // raw["n_heads"] * raw["n_kv_heads"]
        shapes = {"wte": (v, e), "ln_f": (e,), "ff_out": (v, e)}
        per_block = {
            "attn_norm": (e,), "ff_norm": (e,), "q_proj": (e, e), "k_proj": (kv, e), "v_proj": (kv, e),
            "attn_out": (e, e), "ff_proj": (f, e), "up_proj": (f, e), "ff_out": (e, f),
        }  # fmt: skip
        keys = {f"model.transformer.{name}.weight": shape for name, shape in shapes.items()}
        for n in range(raw["n_layers"]):
            keys |= {f"model.transformer.blocks.{n}.{k}.weight": shape for k, shape in per_block.items()}
        return keys
    e, f, v = raw["hidden_size"], raw["intermediate_size"], raw["vocab_size"]
    kv = e // raw["num_attention_heads"] * raw["num_key_value_heads"]
    keys = {"model.embed_tokens.weight": (v, e), "model.norm.weight": (e,), "lm_head.weight": (v, e)}
    per_layer = {
        "input_layernorm.weight": (e,), "post_attention_layernorm.weight": (e,),
        "self_attn.q_proj.weight": (e, e), "self_attn.k_proj.weight": (kv, e),
        "self_attn.v_proj.weight": (kv, e), "self_attn.o_proj.weight": (e, e), "mlp.gate_proj.weight": (f, e),
        "mlp.up_proj.weight": (f, e), "mlp.down_proj.weight": (e, f),
    }  # fmt: skip
    if raw["model_type"] in ("Dream", "qwen2"):
        per_layer |= {f"self_attn.{part}_proj.bias": (kv if part in "kv" else e,) for part in "qkv"}
    for n in range(raw["num_hidden_layers"]):
        keys |= {f"model.layers.{n}.{k}": shape for k, shape in per_layer.items()}
    return keys


@pytest.mark.parametrize(
    ("file", "billions"), [("llada-8b.json", 8.02), ("dream-7b.json", 7.62), ("qwen2.5-0.5b.json", 0.49)]
)
def test_full_size_configurations_build_and_every_released_key_has_its_place(
    file: str, billions: float
) -> None:
    raw = json.loads((CONFIG_FOLDER / file).read_text())
    config = parse_config(raw, file)
    weights = build(config.network, torch.bfloat16).state_dict()
    assert all(weight.is_meta for weight in weights.values())
    released = released_keys(raw)
    if config.network.tie_weights:  # one tensor, stored once
        del weights["head.weight"], released["lm_head.weight"]
    assert round(sum(weight.numel() for weight in weights.values()) / 1e9, 2) == billions
    found = {our_key(key, config.family): shape for key, shape in released.items()}
    assert found == {name: tuple(weight.shape) for name, weight in weights.items()}
    assert len(found) == len(released)


@pytest.mark.parametrize("kind", CONFIGS)
def test_saved_weights_load_again(kind: str, tmp_path: Path) -> None:
    raw = CONFIGS[kind]()
    network = random_network(raw)
    model = depcap.load(str(write_checkpoint(tmp_path, raw, network)), "cpu", "bfloat16")
    assert set(load_file(tmp_path / "model.safetensors")) == set(released_keys(raw))
    for name, weight in network.state_dict().items():
        assert torch.equal(model.denoiser.network.state_dict()[name], weight.to(torch.bfloat16))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_tied_weights_are_one_and_survive_a_round_trip(dtype: torch.dtype, tmp_path: Path) -> None:
    raw = dream_config(tie_word_embeddings=True)
    network = random_network(raw).to(dtype)
    loaded = depcap.load(str(write_checkpoint(tmp_path, raw, network)), "cpu", "float32").denoiser.network
    assert loaded.head.weight is loaded.embed.weight
    assert torch.equal(loaded.embed.weight, network.embed.weight.to(torch.bfloat16).float())


def test_tied_checkpoints_may_store_the_head_all_the_same(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, dream_config(tie_word_embeddings=True))
    rewrite(tmp_path, lambda w: w.update({"lm_head.weight": w["model.embed_tokens.weight"].clone()}))
    loaded = depcap.load(str(tmp_path), "cpu").denoiser.network
    assert loaded.head.weight is loaded.embed.weight


def test_sharded_weights_are_read_by_their_index(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path, llada_config())
    before = depcap.load(str(folder), "cpu").denoiser.network.state_dict()
    shard(folder)
    after = depcap.load(str(folder), "cpu").denoiser.network.state_dict()
    assert len(weight_files(folder)) == 3
    assert all(torch.equal(after[name], weight) for name, weight in before.items())


def shard(folder: Path) -> dict[str, str]:
    weights = load_file(folder / "model.safetensors")
    names = {key: f"model-{number % 3 + 1:05}-of-00003.safetensors" for number, key in enumerate(weights)}
    for name in set(names.values()):
        save_file({key: weights[key] for key in weights if names[key] == name}, folder / name)
    (folder / "model.safetensors").unlink()
    index = {"metadata": {"total_size": 1}, "weight_map": names}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return names


def rewrite(folder: Path, change: Any) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


def refused(folder: Path) -> str:
    with pytest.raises(depcap.DepcapError) as error:
        depcap.load(str(folder), "cpu")
    message = str(error.value)
    assert len(message.splitlines()) == 1
    assert str(folder) in message
    return message


NORM = "model.transformer.ln_f.weight"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda weights: weights.pop(NORM), "norm.weight"),
        (lambda weights: weights.update(extra=torch.zeros(1)), "extra"),
        (lambda weights: weights.update({NORM: torch.zeros(7)}), NORM),
        (
            lambda weights: weights.update({"model.transformer.blocks.2.attn_norm.weight": torch.zeros(32)}),
            "blocks.2",
        ),
    ],
    ids=["missing", "extra", "misshaped", "layer too many"],
)
def test_weights_that_do_not_fit_are_named(change: Any, named: str, tmp_path: Path) -> None:
    rewrite(write_checkpoint(tmp_path, llada_config()), change)
    assert named in refused(tmp_path)


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, llada_config())
    torch.save(load_file(tmp_path / "model.safetensors"), tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    assert "safetensors" in refused(tmp_path)


@pytest.mark.parametrize("kept", [0, 5, 100, -10])
def test_truncated_weights_are_refused(kept: int, tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, llada_config()) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    assert "model.safetensors" in refused(tmp_path)


@pytest.mark.parametrize("name", ["../other/model.safetensors", "/etc/passwd", "sub/model.safetensors", ".."])
def test_an_index_cannot_name_files_elsewhere(name: str, tmp_path: Path) -> None:
    write_checkpoint(tmp_path, llada_config())
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {NORM: name}}))
    refused(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": 5}}', "\u00ff"]
)
def test_a_damaged_index_is_refused(content: str, tmp_path: Path) -> None:
    write_checkpoint(tmp_path, llada_config())
    (tmp_path / "model.safetensors.index.json").write_text(content, encoding="latin-1")
    refused(tmp_path)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    gone = next(iter(shard(write_checkpoint(tmp_path, llada_config())).values()))
    (tmp_path / gone).unlink()
    assert gone in refused(tmp_path)


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_missing_field_of_the_configuration_is_named(kind: str, tmp_path: Path) -> None:
    optional = {
        "n_kv_heads", "include_qkv_bias", "weight_tying", "tie_word_embeddings", "use_sliding_window",
    }  # fmt: skip
    raw = CONFIGS[kind]()
    raw.pop("embedding_size", None)  # the vocabulary's size where it is absent
    write_checkpoint(tmp_path, raw)
    for field in set(raw) - optional:
        (tmp_path / "config.json").write_text(json.dumps({k: v for k, v in raw.items() if k != field}))
        assert field in refused(tmp_path)


@pytest.mark.parametrize("value", ["bert", "gpt2", "", None, 7, ["llada"]], ids=str)
def test_other_model_types_are_refused(value: Any, tmp_path: Path) -> None:
    write_checkpoint(tmp_path, llada_config())
    (tmp_path / "config.json").write_text(json.dumps(llada_config() | {"model_type": value}))
    assert "llada, Dream, llama, qwen2" in refused(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"d_model": "wide"}, {"d_model": "32"}, {"d_model": None}, {"d_model": -32}, {"d_model": 33},
        {"n_heads": 0}, {"n_layers": 1.5}, {"n_kv_heads": 3}, {"rope_theta": "abc"}, {"mask_token_id": "abc"},
        {"mask_token_id": 40},
        {"mask_token_id": -1}, {"eos_token_id": None}, {"eos_token_id": 4000},
        {"max_sequence_length": "long"},
    ],
    ids=str,
)  # fmt: skip
def test_values_that_make_no_model_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    write_checkpoint(tmp_path, llada_config())
    (tmp_path / "config.json").write_text(json.dumps(llada_config() | change))
    refused(tmp_path)


@pytest.mark.parametrize(
    "change", [{"use_sliding_window": True}, {"rope_scaling": {"type": "yarn", "factor": 4.0}}], ids=str
)
def test_what_this_transformer_does_not_compute_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    write_checkpoint(tmp_path, qwen2_config())
    (tmp_path / "config.json").write_text(json.dumps(qwen2_config() | change))
    assert next(iter(change)) in refused(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"5", b"null", b"\xff\xfe"], ids=str)
def test_a_config_that_is_no_json_object_is_refused(content: bytes, tmp_path: Path) -> None:
    write_checkpoint(tmp_path, llada_config())
    (tmp_path / "config.json").write_bytes(content)
    refused(tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    assert "config.json" in refused(tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"name": "nonsense"}, {"name": "no/such-model"}, {"name": "../nowhere/x"}, {"name": ""},
        {"name": "tiny-llada", "device": "abacus"}, {"name": "tiny-llada", "device": "cuda:99"},
        {"name": "tiny-llada", "dtype": "float8"},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_loaded_is_said_in_one_line(options: dict[str, str]) -> None:
    with pytest.raises(depcap.DepcapError) as error:
        depcap.load(**options)
    assert len(str(error.value).splitlines()) == 1


def test_auto_chooses_only_devices_that_were_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apple's GPU has no float64, and what a decoder gives there nobody has compared."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    model = depcap.load("tiny-llada", device="auto")
    assert (model.denoiser.device.type, model.dtype) == ("cpu", torch.float32)


@pytest.mark.parametrize(
    ("name", "family", "chat"),
    [
        ("GSAI-ML/LLaDA-1.5", "llada", True),
        ("/models/LLaDA-1.5", "llada", True),
        ("./Dream-v0-Base-7B", "Dream", False),
        ("/instruct/LLaDA-8B-Base", "llada", False),
        ("/hub/models--GSAI-ML--LLaDA-8B-Instruct/snapshots/08b83a6f", "llada", True),
        ("/hub/models--GSAI-ML--LLaDA-8B-Base/snapshots/0f2787f2", "llada", False),
        ("someone/My-DLM-Instruct", "Dream", True),
        ("someone/My-DLM-Base", "Dream", False),
        ("/base/mine", "llada", True),
        ("Qwen/Qwen2.5-0.5B", "qwen2", False),
        ("Qwen/Qwen2.5-0.5B-Instruct", "qwen2", True),
    ],
)
def test_a_name_says_whether_prompts_are_chat_wherever_the_folder_is(
    name: str, family: str, chat: bool
) -> None:
    assert loading.chats(name, FAMILIES[family]) == chat


def test_a_folder_is_called_by_its_name_from_within_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "LLaDA-8B-Base").mkdir()
    monkeypatch.chdir(tmp_path / "LLaDA-8B-Base")
    assert not loading.chats(".", FAMILIES["llada"])


def test_a_folder_of_a_released_model_has_its_helper() -> None:
    card = loading.card_of("/models/Dream-v0-Instruct-7B")
    assert card is not None
    assert card.helper == loading.QWEN


def test_optional_fields_have_defaults(tmp_path: Path) -> None:
    raw = llada_config()
    for field in ("embedding_size", "n_kv_heads", "include_qkv_bias", "weight_tying"):
        del raw[field]
    assert parse_config(raw, "x").network == parse_config(llada_config(), "x").network


@pytest.mark.parametrize("kind", CONFIGS)
def test_keys_map_one_to_one(kind: str) -> None:
    family, raw = FAMILIES[kind], CONFIGS[kind]()
    keys = list(released_keys(raw))
    assert len({our_key(key, family) for key in keys}) == len(keys)
    assert our_key("model.nonsense.0.weight", family) is None


def test_the_weights_hash_changes_with_the_weights(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path, llada_config())
    before = weights_hash(folder)
    assert before == weights_hash(folder)
    assert before.startswith("sha256:")
    save_network(random_network(llada_config(), seed=1), folder / "model.safetensors", KEYS["llada"])
    assert weights_hash(folder) != before


def test_large_weights_are_told_by_their_ends_however_small_a_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last file of a checkpoint may hold a norm alone."""
    monkeypatch.setattr(checkpoint, "WHOLE_HASH_LIMIT", 0)
    folder = write_checkpoint(tmp_path, llada_config())
    assert (folder / "model.safetensors").stat().st_size < 2**20
    assert weights_hash(folder).startswith("sha256-ends:")


def test_read_config_finds_family_and_special_ids(tmp_path: Path) -> None:
    config = read_config(write_checkpoint(tmp_path, dream_config()))
    assert (config.family.name, config.family.shift) == ("dream", 1)
    assert (config.mask_id, config.end_id) == (39, 33)
    config = read_config(write_checkpoint(tmp_path / "causal", qwen2_config(vocab=50)))
    assert (config.family.name, config.family.causal, config.mask_id) == ("qwen2", True, 49)
