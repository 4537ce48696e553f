"""Find a model by bundled name, local folder or Hub id, and load it."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from depcap.errors import DepcapError
from depcap.filter import Filter, load_filter
from depcap.models.checkpoint import Family, load_network, read_config, weights_hash
from depcap.models.denoiser import TransformerDenoiser
from depcap.tokenizer import Tokenizer, load_tokenizer
from depcap.verifier import Verifier

BUNDLED = Path(__file__).parents[1] / "bundled"
FILES = ["*.json", "*.safetensors", "*.txt", "*.jinja", "*.model"]
DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a model by its name.

    `chat`: prompts go through its chat template. `helper`: a causal model over the same tokens.
    """

    name: str
    summary: str
    chat: bool
    bundled: bool = False
    helper: str | None = None


QWEN = "Qwen/Qwen2.5-0.5B"
"""Dream was made from a larger one of its kind."""
CARDS = {
    card.name: card
    for card in (
        Card(
            "tiny-llada", "5 M, trained here on arithmetic and python; LLaDA's layout", True, True, "tiny-ar"
        ),
        Card(
            "tiny-dream", "5 M, trained here on arithmetic and python; Dream's layout", True, True, "tiny-ar"
        ),
        Card("tiny-ar", "5 M, the causal model they started from; method ar", True, True),
        Card("GSAI-ML/LLaDA-8B-Base", "8 B, LLaDA, arXiv 2502.09992", False),
        Card("GSAI-ML/LLaDA-8B-Instruct", "8 B, LLaDA, arXiv 2502.09992", True),
        Card("GSAI-ML/LLaDA-1.5", "8 B, LLaDA, arXiv 2505.19223", True),
        Card("Dream-org/Dream-v0-Base-7B", "7 B, Dream, arXiv 2508.15487", False, helper=QWEN),
        Card("Dream-org/Dream-v0-Instruct-7B", "7 B, Dream, arXiv 2508.15487", True, helper=QWEN),
    )
}
"""Models by name, by construction. Any folder or Hub id of the same families works too."""


def card_of(name: str) -> Card | None:
    """What is known of a model by its name, or of a folder that is called like it."""
    return {Path(card.name).name: card for card in CARDS.values()}.get(_last(name))


def chats(name: str, family: Family) -> bool:
    """Whether prompts go through the chat template, where there is one: as the card of that name says.

    What has no card does unless its name says "base"; of a family whose base models have a template and do
    not say so, only what says "instruct".
    """
    card, last = card_of(name), _last(name).lower()
    if card is not None:
        return card.chat
    return "instruct" in last or not (family.base_unsaid or "base" in last)


def _last(name: str) -> str:
    """The last part of a Hub id or of a folder's path; in the Hub's cache that is some levels up."""
    path = Path(os.path.abspath(name)) if Path(name).is_dir() else Path(name)  # a link has a name of its own
    return path.parents[1].name.split("--")[-1] if path.parent.name == "snapshots" else path.name


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model: its denoiser, its tokenizer (None: token ids only), and where it came from."""

    name: str
    denoiser: TransformerDenoiser
    tokenizer: Tokenizer | None
    folder: Path
    weights: str

    @property
    def max_positions(self) -> int:
        """Prompt and generation together may not be longer."""
        return self.denoiser.network.config.max_positions

    def end_ids(self) -> tuple[int, ...]:
        """Ids of tokens that end a response."""
        return self.denoiser.end_ids

    def newlines(self) -> tuple[int, ...]:
        """Ids of tokens whose text ends in a newline; none without a tokenizer."""
        return self.tokenizer.newlines if self.tokenizer is not None else ()

    def filter(self) -> Filter | None:
        """The filter trained for method learn2pd, if the folder has one; refused if for other weights."""
        return load_filter(self.folder, self.weights)

    def verifier(self, name: str | None) -> Verifier | None:
        """A causal model over the same tokens; None if no name is given and none is known."""
        card = card_of(self.name)
        name = name or (card.helper if card else None)
        if name is None:
            return None
        found = _load_once(name, str(self.denoiser.device), str(self.dtype).removeprefix("torch."))
        if not found.denoiser.causal:
            raise DepcapError(
                f"verifier {name} is a diffusion model (accepted: a causal one, such as tiny-ar)"
            )
        if not _same_tokens(self.tokenizer, found.tokenizer):
            raise DepcapError(f"verifier {name} does not have the tokens of {self.name}")
        return Verifier(found.denoiser, name, found.weights)

    @property
    def dtype(self) -> torch.dtype:
        """What the weights are computed in."""
        return self.denoiser.network.embed.weight.dtype


def load(name: str, device: str = "auto", dtype: str = "auto", revision: str | None = None) -> Model:
    """Load a model.

    Args:
        name: a bundled name, a local folder in its released layout, or a Hub id (`depcap models` lists them).
        device: `auto` (CUDA, else CPU) or a torch device; `mps`, Apple's GPU, is not tested.
        dtype: `auto` (bfloat16 on a GPU, float32 on a CPU), float32, bfloat16, float16 or float64.
        revision: commit, tag or branch of a Hub id.

    Raises:
        DepcapError: nothing by that name, not a supported model, or a device or dtype that does not exist.

    Only safetensors weights are read and nothing from the checkpoint is executed.
    """
    where, numbers = _device(device), _dtype(dtype, device)
    folder = find(name, revision)
    config = read_config(folder)
    tokenizer = load_tokenizer(folder, chats(name, config.family))
    ends = [config.end_id]
    if tokenizer is not None:
        ends += [end for end in map(tokenizer.id_of, config.family.turn_ends) if end is not None]
    network = load_network(folder, config, numbers, where)
    family = config.family
    denoiser = TransformerDenoiser(
        network, config.mask_id, tuple(dict.fromkeys(ends)), family.shift, family.causal
    )
    return Model(name, denoiser, tokenizer, folder, weights_hash(folder))


@cache
def _load_once(name: str, device: str, dtype: str) -> Model:
    return load(name, device, dtype)


def _same_tokens(mine: Tokenizer | None, theirs: Tokenizer | None) -> bool:
    """Whether every token that both vocabularies number is the same (special ones may be added to one)."""
    if mine is None or theirs is None:
        return mine is theirs
    return theirs.backend.get_vocab(with_added_tokens=False) == mine.backend.get_vocab(
        with_added_tokens=False
    )


def find(name: str, revision: str | None = None) -> Path:
    """The folder of a model, downloaded from the Hub when it is neither bundled nor local."""
    bundled = ", ".join(card.name for card in CARDS.values() if card.bundled)
    card = CARDS.get(name)
    folder = BUNDLED / name if card and card.bundled else Path(name)
    if folder.is_dir():
        if revision is not None:
            raise DepcapError(f"a revision is of a Hub id: {name!r} is a folder here")
        return folder
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise DepcapError(
            f"unknown model {name!r} (accepted: {bundled}; a model folder; a Hub id like GSAI-ML/LLaDA-1.5)"
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=FILES))
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DepcapError(
            f"model {name!r} is no folder here and cannot be had from the Hub: {reason}"
        ) from None


def _device(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise DepcapError(
            f"device {device!r} is not available here (accepted: auto, cpu, cuda, cuda:N, mps)"
        ) from None
    return chosen


def _dtype(dtype: str, device: str) -> torch.dtype:
    if dtype == "auto":
        return torch.float32 if _device(device).type == "cpu" else torch.bfloat16
    if dtype not in DTYPES:
        raise DepcapError(f"unknown dtype {dtype!r} (accepted: auto, {', '.join(DTYPES)})")
    return DTYPES[dtype]
