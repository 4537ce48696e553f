"""A finding as files: rows and tables in Parquet, figures in HTML and SVG, a report in Markdown."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from analysis.figures import CONFIG
from analysis.study import Finding, Study

WIDTH = 860


def write(study: Study, finding: Finding, rows: pd.DataFrame, out: Path, source: str) -> Path:
    """Write everything a finding rests on into a folder; the report's path.

    `STUDY.parquet` holds a row per thing measured, `STUDY-TABLE.parquet` what each table shows. Figures are
    pages of their own; where there is a Chromium, pictures too, which the report then shows.
    """
    out.mkdir(parents=True, exist_ok=True)
    _replace(out / f"{study.name}.parquet", lambda path: rows.to_parquet(path, index=False))
    parts = [f"# {study.question}", f"**{finding.verdict}**", source]
    pictures = _pictures({out / f"{study.name}-{slug(title)}.svg": f for title, f in finding.figures.items()})
    for title, figure in finding.figures.items():
        page = f"{study.name}-{slug(title)}.html"
        _replace(out / page, lambda path, figure=figure: _page(figure, path))  # type: ignore[misc]
        picture = Path(page).with_suffix(".svg").name
        parts += [f"## {title}", f"![{title}]({picture})" if pictures else f"[{page}]({page})"]
    for title, table in finding.tables.items():
        name = f"{study.name}-{slug(title)}.parquet"
        _replace(out / name, lambda path, table=table: table.to_parquet(path, index=False))  # type: ignore[misc]
        parts += [f"## {title}", markdown(table), f"[{name}]({name})"]
    report = out / f"{study.name}.md"
    _replace(report, lambda path: path.write_text("\n\n".join(parts) + "\n", encoding="utf-8"))
    return report


def markdown(table: pd.DataFrame) -> str:
    """A table for people: three digits, dashes where nothing is known."""
    known = table.astype(object).where(table.notna(), None).map(_cell).rename(columns=_cell)
    return str(known.to_markdown(index=False, floatfmt=".3g", missingval="–"))


def _cell(value: object) -> object:
    """A bar would begin the next cell."""
    return value.replace("|", "\\|") if isinstance(value, str) else value


def slug(title: str) -> str:
    """A title as a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def renderer() -> str:
    """How notebooks show figures: live, and where there is a Chromium also as a picture, for the web."""
    with TemporaryDirectory() as folder:
        return (
            "plotly_mimetype+svg" if _pictures({Path(folder) / "x.svg": go.Figure()}) else "plotly_mimetype"
        )


def _pictures(figures: dict[Path, go.Figure]) -> bool:
    """Write SVGs; False without kaleido, or without a Chromium that it can drive."""
    drawn = [go.Figure(figure).update_layout(paper_bgcolor="white") for figure in figures.values()]
    try:
        pio.write_images(drawn, list(figures), format="svg", width=WIDTH)  # one browser for all of them
    except (ImportError, ValueError, RuntimeError):
        return False
    return True


def _page(figure: go.Figure, path: Path) -> None:
    figure.write_html(path, include_plotlyjs="directory", config=CONFIG)


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    temporary = path.with_name(path.name + ".tmp")
    write(temporary)
    os.replace(temporary, path)
