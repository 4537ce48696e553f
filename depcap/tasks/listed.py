"""Problems of your own: a file of JSON lines, each with a prompt and, where it is to be scored, an answer."""

import json
import re
import zlib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from depcap.errors import DepcapError
from depcap.tasks.base import Example

SUFFIX = ".jsonl"
NUMBER = re.compile(r"(?<![\w.])[-+]?\$?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)", re.ASCII)
"""A number, with a sign unless it stands behind one: the last of `10-8` is 8. Dollars may be in between."""
MARK = "####"


class Line(BaseModel):
    """A problem as it stands in the file; what else is there is not read. `question` is GSM8K's `prompt`."""

    model_config = ConfigDict(strict=True)

    prompt: str = Field(min_length=1, validation_alias=AliasChoices("prompt", "question"))
    answer: str | int | Annotated[float, Field(allow_inf_nan=False)] | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """The problems of a file. `name` is the file's without suffix, `version` a checksum of what is in it.

    An answer with `#### N` in it, as in GSM8K, or that is a number, is met by a response whose number is the
    same: the first after `####`, or else the last there is. Any other answer is met by a response whose last
    line is the answer.
    """

    name: str
    version: int
    examples: tuple[Example, ...]

    def score(self, example: Example, completion: str) -> float:
        """1.0 where the response meets the answer."""
        wanted = _expected(example.reference)
        if wanted is not None:
            return float(_number(completion) == wanted)
        return float(_last_line(completion) == _last_line(example.reference))


def read_problems(path: Path) -> Listed:
    """The task that a file is; DepcapError, with the line, for what is no problem."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DepcapError(f"{path} cannot be read as UTF-8 text: {type(error).__name__}") from None
    found = tuple(
        _example(path, number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()
    )
    if not found:
        raise DepcapError(f"{path} holds no problems (a line of JSON each, with prompt and answer)")
    return Listed(path.stem, zlib.crc32(text.encode()), found)


def _example(path: Path, number: int, line: str) -> Example:
    try:
        read = Line(**json.loads(line))
    except (ValueError, TypeError, RecursionError) as error:
        problem = "no JSON object"
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            problem = f"{first['loc'][0]}: {first['msg'].lower()}"
        raise DepcapError(
            f'{path}, line {number}: {problem} (accepted: {{"prompt": "...", "answer": "..."}})'
        ) from None
    answer = "" if read.answer is None else _written(read.answer)
    return Example(read.prompt, answer, level=1, family=path.stem, checks=None)


def _written(answer: str | float) -> str:
    """As it stands; a number in digits alone, whatever its size."""
    return answer if isinstance(answer, str) else f"{Decimal(repr(answer)):f}"


def _expected(answer: str) -> Decimal | None:
    """The number that a right response has, where the answer has one."""
    if MARK in answer:
        return _number(answer)
    found = NUMBER.fullmatch(_signed(answer.strip().lstrip("$")))
    return _value(found[0]) if found else None


def _number(text: str) -> Decimal | None:
    """The first number after the first `####`, or else the last of all."""
    _, mark, marked = text.partition(MARK)
    numbers = NUMBER.findall(_signed(marked if mark else text))
    return _value(numbers[0 if mark else -1]) if numbers else None


def _value(digits: str) -> Decimal:
    return Decimal(digits.replace(",", "").replace("$", ""))


def _signed(text: str) -> str:
    """The sign for minus that typesetters use is one too."""
    return text.replace("\N{MINUS SIGN}", "-")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1].strip()
