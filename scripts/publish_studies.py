"""Make the additivity tab's payloads from the rows of studies.

python -m scripts.publish_studies docs/results/additivity docs/results/additivity-orders
"""

import json
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from analysis.lab import lab_payload
from app.files import STUDIES
from app.lab import TASKS
from app.presets import MODELS
from app.session import write_json
from depcap.errors import DepcapError

ROW = ["decode", "block", "candidates", "order", "masked_again"]
"""What names a row."""


def main(
    results: Annotated[
        list[Path],
        typer.Argument(help="with a folder per model; of the second what the first does not hold, and so on"),
    ],
) -> None:
    """Write a payload per model and task."""
    STUDIES.mkdir(exist_ok=True)
    for model in MODELS:
        read = [pd.read_parquet(folder / model / "additivity.parquet") for folder in results]
        rows = pd.concat(read, ignore_index=True).drop_duplicates(ROW, ignore_index=True)
        settings = _settings(rows, model)
        for task in TASKS:
            chosen = rows if task == TASKS[0] else rows[rows.task == task]
            prompts = chosen["prompt"].nunique()
            source = f"{model}, {_how(settings)}: {prompts} held-out problems."
            path = STUDIES / f"{model}-{task}.json"
            write_json(lab_payload(chosen, source, settings), path)
            print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


def _settings(rows: pd.DataFrame, model: str) -> dict[str, Any]:
    """How all the decodes were made: a clicked point is decoded again in this way."""
    found = rows["settings"].unique()
    if len(found) != 1:
        raise DepcapError(f"the decodes of {model} were made in {len(found)} ways: publish one")
    settings: dict[str, Any] = json.loads(found[0])
    return settings


def _how(settings: dict[str, Any]) -> str:
    """The same in words; the parameters are those of the method, the defaults too."""
    params = ", ".join(f"{name} {value}" for name, value in settings["params"].items())
    rest = f"cache {settings['cache']}, stop rule {settings['stop']}, {settings['gen_length']} positions"
    return f"decoded by {settings['method']} ({params}; {rest})"


if __name__ == "__main__":
    typer.run(main)
