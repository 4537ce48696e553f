"""Train the bundled models' tokenizer: byte-level BPE on the tasks, numbers split into digits.

python -m scripts.train_tokenizer depcap/bundled/tokenizer.json
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import typer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from depcap.tasks import TASKS
from depcap.tasks.arithmetic import drill
from depcap.tasks.base import LEVELS

END, MASK = "<|endoftext|>", "<|mask|>"
VOCAB_SIZE = 640
NUM_EXAMPLES = 30_000


def texts(seed: int = 0) -> Iterator[str]:
    """Training texts of both tasks, in equal number."""
    rng = Random(seed)
    for _ in range(NUM_EXAMPLES):
        for task in TASKS.values():
            yield "".join(task.draw(rng, "train", rng.choice(LEVELS)))
        yield "".join(drill(rng))


def build() -> Tokenizer:
    """The trained tokenizer. Newlines stand alone, so that a prompt's end never merges with a response."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("\n", "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=[END, MASK],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(), trainer)
    return tokenizer


def main(output: Path) -> None:
    """Train and write the tokenizer."""
    output.parent.mkdir(parents=True, exist_ok=True)
    build().save(str(output))


if __name__ == "__main__":
    typer.run(main)
