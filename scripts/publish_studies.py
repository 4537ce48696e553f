"""Make the additivity tab's payloads from a study's rows.

depcap analyze additivity --model tiny-llada --limit 60 --out docs/results/additivity/tiny-llada
python -m scripts.publish_studies docs/results/additivity
"""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from analysis.lab import lab_payload
from app.files import STUDIES
from app.lab import TASKS
from app.presets import MODELS
from app.session import write_json


def main(
    results: Annotated[Path, typer.Argument(help="a folder per model, with additivity.parquet")],
) -> None:
    """Write a payload per model and task."""
    STUDIES.mkdir(exist_ok=True)
    for model in MODELS:
        rows = pd.read_parquet(results / model / "additivity.parquet")
        for task in TASKS:
            chosen = rows if task == TASKS[0] else rows[rows.task == task]
            prompts = chosen["prompt"].nunique()
            source = f"{model}, decoded by DepCap with its defaults: {prompts} held-out problems."
            path = STUDIES / f"{model}-{task}.json"
            write_json(lab_payload(chosen, source), path)
            print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    typer.run(main)
