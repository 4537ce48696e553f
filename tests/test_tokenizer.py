"""Text to ids and back, chat templates, and what a token looks like on a page."""

import contextlib
import json
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tiny import TEMPLATE, TOKENIZER

from depcap import DepcapError
from depcap.models.loading import BUNDLED
from depcap.tasks import TASKS, examples
from depcap.tokenizer import Tokenizer, load_tokenizer
from scripts.objectives import CAUSAL_CONFIG

END, MASK = 0, 1


@pytest.fixture(scope="module")
def plain(text_folder: Path) -> Tokenizer:
    tokenizer = load_tokenizer(text_folder, chat=False)
    assert tokenizer is not None
    return tokenizer


@given(st.text(max_size=60))
def test_text_survives_a_round_trip(plain: Tokenizer, text: str) -> None:
    assert plain.decode(plain.encode(text)) == text


@given(st.text("0123456789", min_size=1, max_size=12))
def test_every_digit_is_one_token(plain: Tokenizer, digits: str) -> None:
    ids = plain.encode(digits)
    assert [plain.piece(i) for i in ids] == list(digits)
    assert len({i for i in ids if plain.piece(i) == digits[0]}) == 1


def test_a_newline_is_a_token_of_its_own(plain: Tokenizer) -> None:
    assert [plain.piece(i) for i in plain.encode("a\n\n  b")].count("\n") == 2


def test_special_tokens_have_their_ids_and_leave_no_text(plain: Tokenizer) -> None:
    assert (plain.id_of("<|endoftext|>"), plain.id_of("<|mask|>")) == (END, MASK)
    assert plain.id_of("<|nonsense|>") is None
    assert plain.decode([END, *plain.encode("hi"), MASK]) == "hi"
    assert (plain.piece(END), plain.piece(MASK)) == ("<|endoftext|>", "<|mask|>")


def test_a_special_token_in_the_text_becomes_its_id(plain: Tokenizer) -> None:
    assert MASK in plain.encode("a<|mask|>b")


def test_the_vocabulary_fits_the_embedding(plain: Tokenizer) -> None:
    assert plain.backend.get_vocab_size() == CAUSAL_CONFIG.vocab_size


@pytest.mark.parametrize("task", TASKS)
def test_the_tasks_are_written_without_loss(plain: Tokenizer, task: str) -> None:
    for example in examples(TASKS[task], 20):
        whole = example.prompt + example.reference
        ids = plain.encode(whole)
        assert plain.decode(ids) == whole
        assert not {END, MASK} & set(ids)


def test_every_piece_is_printable_and_has_no_replacement_character(plain: Tokenizer) -> None:
    for token in range(plain.backend.get_vocab_size()):
        assert plain.piece(token)
        assert "\ufffd" not in plain.piece(token)
    assert plain.piece(10**6) == "<1000000>"


def test_pieces_of_ascii_text_make_the_text(plain: Tokenizer) -> None:
    text = 'def solve(xs):\n    """Return 12."""\n'
    assert "".join(plain.piece(i) for i in plain.encode(text)) == text


@pytest.mark.parametrize("typed", ["How many?", "How many?\n", "How many?\n\n"])
def test_the_bundled_model_reads_prompts_as_in_training_ending_with_one_newline(
    plain: Tokenizer, typed: str
) -> None:
    chat = load_tokenizer(BUNDLED / "tiny-llada", chat=True)
    assert chat
    assert chat.encode(typed) == plain.encode("How many?\n")


def folder_with(tmp_path: Path, config: object, template: str | None = None) -> Path:
    (tmp_path / "tokenizer.json").write_text(TOKENIZER.read_text())
    (tmp_path / "tokenizer_config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    if template is not None:
        (tmp_path / "chat_template.jinja").write_text(template)
    return tmp_path


CHATML = (
    "{% for message in messages %}{{ bos_token }}{{ message['role'] }}: {{ message['content'] }}"
    "{{ eos_token }}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)


def test_a_chat_template_sees_messages_special_tokens_and_the_generation_prompt(tmp_path: Path) -> None:
    config = {"chat_template": CHATML, "bos_token": {"content": "<|mask|>"}, "eos_token": "<|endoftext|>"}
    tokenizer = load_tokenizer(folder_with(tmp_path, config), True)
    assert tokenizer
    wanted = tokenizer.backend.encode("user: hi").ids
    after = tokenizer.backend.encode("assistant: ").ids
    assert tokenizer.encode("hi") == [MASK, *wanted, END, *after]


def test_a_template_file_wins_over_the_configuration(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, {"chat_template": "config"}, "{{ messages[0]['content'] }} file")
    tokenizer = load_tokenizer(folder, True)
    assert tokenizer
    assert tokenizer.decode(tokenizer.encode("hi")) == "hi file"


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('no') }}", "{% if %}", "{{ messages[0].content.__class__.__mro__ }}",
        "{{ 1 / 0 }}", "{{ messages[5]['content'] }}", "{{ 'a' + 1 }}",
        "{{ messages[0]['content'].rstrip(5) }}",
    ],
)  # fmt: skip
def test_a_template_that_cannot_be_rendered_is_one_line(tmp_path: Path, template: str) -> None:
    tokenizer = load_tokenizer(folder_with(tmp_path, {"chat_template": template}), True)
    assert tokenizer
    with pytest.raises(DepcapError) as error:
        tokenizer.encode("hi")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("config", ["", "{", "[1]", "5", "null"])
def test_damaged_settings_are_refused_or_ignored_but_never_a_crash(tmp_path: Path, config: str) -> None:
    folder = folder_with(tmp_path, config)
    with contextlib.suppress(DepcapError):  # and no other exception
        assert load_tokenizer(folder, True)


@pytest.mark.parametrize("content", ["", "{}", "nonsense"])
def test_a_damaged_tokenizer_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(DepcapError) as error:
        load_tokenizer(tmp_path, False)
    assert len(str(error.value).splitlines()) == 1


def test_a_folder_without_one_has_none(tmp_path: Path) -> None:
    assert load_tokenizer(tmp_path, True) is None


def test_vocabulary_and_merges_are_enough(tmp_path: Path) -> None:
    """Dream's layout: Qwen2's two files, special tokens in the settings."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: number for number, token in enumerate([*alphabet, "he", "hel", "lo"])}
    (tmp_path / "vocab.json").write_text(json.dumps(vocab))
    (tmp_path / "merges.txt").write_text("#version: 0.2\nh e\nhe l\nl o\n")
    added = {str(len(vocab)): {"content": "<|endoftext|>", "special": True}}
    settings = {"added_tokens_decoder": added, "eos_token": "<|endoftext|>", "chat_template": TEMPLATE}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer = load_tokenizer(tmp_path, False)
    assert tokenizer
    ids = tokenizer.encode("hello, wörld 12")
    assert tokenizer.decode(ids) == "hello, wörld 12"
    assert [tokenizer.piece(i) for i in ids[:2]] == ["hel", "lo"]
    assert tokenizer.id_of("<|endoftext|>") is not None


def test_the_fingerprint_follows_the_definition(text_folder: Path, tmp_path: Path, plain: Tokenizer) -> None:
    raw = json.loads(TOKENIZER.read_text())
    raw["added_tokens"][1]["content"] = "<|hole|>"
    (tmp_path / "tokenizer.json").write_text(json.dumps(raw))
    other = load_tokenizer(tmp_path, False)
    assert other
    assert plain.fingerprint().startswith("sha256:")
    assert plain.fingerprint() != other.fingerprint()
