"""Released `config.json` files, checked, in our terms."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from depcap.choices import Positive
from depcap.errors import DepcapError
from depcap.models.transformer import TransformerConfig

Count = Annotated[int, Field(ge=1)]
TokenId = Annotated[int, Field(ge=0)]


class ReleasedConfig(BaseModel):
    """What every family's configuration has. Numbers must be numbers: nothing is converted."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    vocab_size: Count
    rms_norm_eps: Positive
    rope_theta: Positive
    mask_token_id: TokenId
    eos_token_id: TokenId

    def network(self) -> TransformerConfig:
        """The sizes of the network."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _consistent(self) -> "ReleasedConfig":
        sizes = self.network()
        if sizes.hidden_size % sizes.num_heads or sizes.head_size % 2:
            raise ValueError(
                f"a width of {sizes.hidden_size} does not make {sizes.num_heads} heads of even size"
            )
        if sizes.num_heads % sizes.num_kv_heads:
            raise ValueError(f"{sizes.num_heads} heads cannot share {sizes.num_kv_heads} key/value heads")
        for name in ("mask_token_id", "eos_token_id"):
            if getattr(self, name) >= sizes.vocab_size:
                raise ValueError(
                    f"{name} {getattr(self, name)} is outside the vocabulary ({sizes.vocab_size})"
                )
        return self


class LladaConfig(ReleasedConfig):
    """LLaDA: `model_type: llada`."""

    embedding_size: Count | None = None
    d_model: Count
    mlp_hidden_size: Count
    n_layers: Count
    n_heads: Count
    n_kv_heads: Count | None = None
    max_sequence_length: Count
    include_qkv_bias: bool | None = None
    weight_tying: bool | None = None

    def network(self) -> TransformerConfig:
        """LLaDA's names for the sizes."""
        return TransformerConfig(
            vocab_size=self.embedding_size or self.vocab_size,
            hidden_size=self.d_model,
            intermediate_size=self.mlp_hidden_size,
            num_layers=self.n_layers,
            num_heads=self.n_heads,
            num_kv_heads=self.n_kv_heads or self.n_heads,
            max_positions=self.max_sequence_length,
            rope_theta=self.rope_theta,
            rms_norm_eps=self.rms_norm_eps,
            qkv_bias=bool(self.include_qkv_bias),
            tie_weights=bool(self.weight_tying),
        )


class DreamConfig(ReleasedConfig):
    """Dream: `model_type: Dream`; Qwen2's names, always with QKV bias."""

    hidden_size: Count
    intermediate_size: Count
    num_hidden_layers: Count
    num_attention_heads: Count
    num_key_value_heads: Count
    max_position_embeddings: Count
    tie_word_embeddings: bool | None = None
    rope_scaling: None = None
    use_sliding_window: Literal[False] | None = None

    def network(self) -> TransformerConfig:
        """Qwen2's names for the sizes."""
        return TransformerConfig(
            vocab_size=self.vocab_size,
            hidden_size=self.hidden_size,
            intermediate_size=self.intermediate_size,
            num_layers=self.num_hidden_layers,
            num_heads=self.num_attention_heads,
            num_kv_heads=self.num_key_value_heads,
            max_positions=self.max_position_embeddings,
            rope_theta=self.rope_theta,
            rms_norm_eps=self.rms_norm_eps,
            qkv_bias=True,
            tie_weights=bool(self.tie_word_embeddings),
        )


class LlamaConfig(DreamConfig):
    """Llama: `model_type: llama`; the same names, biases only if it says so. It must name a mask token."""

    attention_bias: bool | None = None

    def network(self) -> TransformerConfig:
        """Llama's names for the sizes."""
        return replace(super().network(), qkv_bias=bool(self.attention_bias))


class Qwen2Config(DreamConfig):
    """Qwen2: `model_type: qwen2`. It names no mask token: the embedding's last row, which no token has."""

    @model_validator(mode="before")
    @classmethod
    def _mask_is_the_last_row(cls, raw: dict[str, Any]) -> dict[str, Any]:
        rows = raw.get("vocab_size")
        return {"mask_token_id": rows - 1, **raw} if isinstance(rows, int) else raw


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; DepcapError when it is none."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DepcapError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise DepcapError(f"{path} is not a JSON object")
    return value


def parse(kind: type[ReleasedConfig], raw: dict[str, Any], source: str) -> ReleasedConfig:
    """A released configuration; DepcapError names the field that is wrong."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        problem = error.errors()[0]
        where = f"field {problem['loc'][0]!r}: " if problem["loc"] else ""
        message = str(problem.get("ctx", {}).get("error", problem["msg"].lower()))
        raise DepcapError(f"{source}: {where}{message}") from None
