"""The loss curves of training runs as one SVG, from their `log.csv`.

python -m scripts.plot_training docs/models/training.svg runs/ar runs/shifted runs/llada
"""

import csv
from pathlib import Path
from typing import Annotated

import plotly.graph_objects as go
import typer

COLORS = {"causal": "#c2410c", "shifted": "#1d4ed8", "masked": "#15803d"}


def curve(run: Path, view: str, offset: int) -> go.Scatter:
    """One view's loss of one run, over millions of tokens since the first run began."""
    with (run / "log.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["view"] == view]
    tokens = [(offset + int(row["tokens"])) / 1e6 for row in rows]
    losses = [float(row["loss"]) for row in rows]
    line = {"color": COLORS[view], "width": 1.5}
    return go.Scatter(x=tokens, y=losses, name=f"{run.name}: {view}", mode="lines", line=line)


def views(run: Path) -> list[str]:
    """The views that a run trained on."""
    with (run / "log.csv").open(newline="") as file:
        return sorted({row["view"] for row in csv.DictReader(file)})


def last_token(run: Path) -> int:
    """Tokens the run has seen."""
    with (run / "log.csv").open(newline="") as file:
        return max(int(row["tokens"]) for row in csv.DictReader(file))


def main(
    output: Path, runs: Annotated[list[Path], typer.Argument(help="folders, in the order they were run")]
) -> None:
    """Draw the runs one after the other."""
    figure, offset = go.Figure(), 0
    for run in runs:
        figure.add_traces([curve(run, view, offset) for view in views(run)])
        offset += last_token(run)
    figure.update_layout(template="plotly_white", width=860, height=380, margin={"t": 20, "r": 20})
    figure.update_xaxes(title="million tokens")
    figure.update_yaxes(title="loss (nats per counted position)", type="log")
    figure.write_image(output)


if __name__ == "__main__":
    typer.run(main)
