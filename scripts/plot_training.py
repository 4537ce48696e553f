"""The loss curves of training runs as one SVG, from their logs.

cp runs/dream3/log.csv docs/models/logs/dream3.csv
python -m scripts.plot_training docs/models/dream.svg docs/models/logs/dream2.csv docs/models/logs/dream3.csv
"""

import csv
from pathlib import Path
from typing import Annotated

import plotly.graph_objects as go
import typer

COLORS = {"causal": "#c2410c", "windows": "#1d4ed8", "rows": "#15803d"}


def curves(log: Path, offset: int, dash: str = "solid") -> tuple[list[go.Scatter], int]:
    """A curve for every view of a run, over millions of tokens, and where the next run begins."""
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        go.Scatter(
            x=[(offset + int(row["tokens"])) / 1e6 for row in rows if row["view"] == view],
            y=[float(row["loss"]) for row in rows if row["view"] == view],
            name=f"{log.stem}: {view}",
            mode="lines",
            line={"color": COLORS[view], "width": 1.5, "dash": dash},
        )
        for view in sorted({row["view"] for row in rows})
    ], offset + max((int(row["tokens"]) for row in rows), default=0)


def main(
    output: Path,
    logs: Annotated[list[Path], typer.Argument(help="their `log.csv`, in the order they were run")],
    beside: Annotated[Path | None, typer.Option(help="of a run that began anew, drawn from zero")] = None,
) -> None:
    """Draw the runs one after the other."""
    figure, offset = go.Figure(), 0
    if beside is not None:
        figure.add_traces(curves(beside, 0, "dot")[0])
    for log in logs:
        drawn, offset = curves(log, offset)
        figure.add_traces(drawn)
    figure.update_layout(template="plotly_white", width=860, height=380, margin={"t": 20, "r": 20})
    figure.update_xaxes(title="million tokens")
    figure.update_yaxes(title="loss (nats per counted position)", type="log")
    figure.write_image(output)


if __name__ == "__main__":
    typer.run(main)
