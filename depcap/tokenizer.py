"""Text to token ids and back, and the chat template of models that were trained on one."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2.sandbox
import tokenizers

from depcap.errors import DepcapError


@dataclass(frozen=True)
class Tokenizer:
    """A checkpoint's tokenizer. `template` is the chat template to wrap prompts in, if any."""

    backend: tokenizers.Tokenizer
    template: str | None
    special: dict[str, str]

    def encode(self, prompt: str) -> list[int]:
        """Token ids of a prompt, wrapped in the chat template if there is one."""
        if self.template is None:
            return list(self.backend.encode(prompt).ids)
        environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        messages = [{"role": "user", "content": prompt}]
        try:
            text = environment.from_string(self.template).render(
                messages=messages, add_generation_prompt=True, **self.special
            )
        except Exception as error:  # a template is a program of somebody else's
            raise DepcapError(f"the model's chat template cannot be rendered: {error}") from None
        return list(self.backend.encode(text, add_special_tokens=False).ids)

    def encode_response(self, text: str) -> list[int]:
        """Token ids of what a model writes: no template, no special tokens."""
        return list(self.backend.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: list[int]) -> str:
        """Text of token ids, special tokens left out."""
        return self.backend.decode(ids, skip_special_tokens=True)

    def piece(self, token_id: int) -> str:
        """What one token stands for on a page: its text, or its name where it has no text of its own."""
        token = self.backend.id_to_token(token_id)
        if token is None:
            return f"<{token_id}>"
        text = self.backend.decode([token_id], skip_special_tokens=False)
        return token if "\ufffd" in text or not text else text

    @cached_property
    def newlines(self) -> tuple[int, ...]:
        """Ids of all tokens whose text ends in a newline; a large vocabulary is gone through once."""
        size = self.backend.get_vocab_size()
        return tuple(i for i in range(size) if self.piece(i).endswith("\n"))

    def fingerprint(self) -> str:
        """SHA-256 of the tokenizer's definition."""
        return "sha256:" + hashlib.sha256(self.backend.to_str().encode()).hexdigest()

    def id_of(self, token: str) -> int | None:
        """The id of a token by its name."""
        found = self.backend.token_to_id(token)
        return None if found is None else int(found)


def load_tokenizer(folder: Path, chat: bool) -> Tokenizer | None:
    """The tokenizer of a model folder; None when it has none. `chat`: wrap prompts in its template."""
    if (folder / "tokenizer.json").exists():
        try:
            backend = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # the library raises bare Exception
            raise DepcapError(f"{folder / 'tokenizer.json'} is not a tokenizer: {error}") from None
    elif (folder / "vocab.json").exists() and (folder / "merges.txt").exists():
        backend = _qwen_backend(folder)
    else:
        return None
    config = _read_json(folder / "tokenizer_config.json")
    special = {name: _content(config.get(name)) for name in ("bos_token", "eos_token")}
    return Tokenizer(backend, _template(folder, config) if chat else None, special)


def _qwen_backend(folder: Path) -> tokenizers.Tokenizer:
    """Dream ships Qwen2's vocabulary without a `tokenizer.json`; transformers knows how to assemble one."""
    from transformers import Qwen2Tokenizer

    backend: tokenizers.Tokenizer = Qwen2Tokenizer.from_pretrained(folder).backend_tokenizer
    return backend


def _template(folder: Path, config: dict[str, Any]) -> str | None:
    path = folder / "chat_template.jinja"
    template = path.read_text() if path.exists() else config.get("chat_template")
    return template if isinstance(template, str) else None


def _read_json(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        value = json.loads(path.read_text())
    except ValueError as error:
        raise DepcapError(f"{path} is not JSON: {error}") from None
    return value if isinstance(value, dict) else {}


def _content(token: Any) -> str:
    """Special tokens are stored as text or as an object with their text in `content`."""
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")
