"""A finding as files: rows and tables in Parquet, figures in HTML and SVG, a report in Markdown."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from analysis.figures import CONFIG
from analysis.study import Finding, Study
from depcap.files import replace, replace_text

WIDTH = 860


def write(study: Study, finding: Finding, rows: pd.DataFrame, out: Path, source: str) -> Path:
    """Write everything a finding rests on into a folder; the report's path.

    `STUDY.parquet` holds a row per thing measured, `STUDY-TABLE.parquet` what each table shows. Figures are
    pages of their own; where there is a Chromium, pictures too, which the report then shows.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_table(rows.assign(**finding.marks), out / f"{study.name}.parquet")
    parts = [f"# {study.question}", emphasised(finding.verdict), source]
    parts += [study.terms] if study.terms else []
    pictures = write_pictures(
        {out / f"{study.name}-{slug(title)}.svg": f for title, f in finding.figures.items()}
    )
    for title, figure in finding.figures.items():
        page = f"{study.name}-{slug(title)}.html"
        write_page(figure, out / page)
        picture = Path(page).with_suffix(".svg").name
        shown = f"![{title}]({picture})" if pictures else f"[{page}]({page})"
        parts += [f"## {title}", *_hint(study, title), shown]
    for title, table in finding.tables.items():
        name = f"{study.name}-{slug(title)}.parquet"
        write_table(table, out / name)
        parts += [f"## {title}", *_hint(study, title), markdown(folded(table)), f"[{name}]({name})"]
    report = out / f"{study.name}.md"
    replace_text(report, "\n\n".join(parts) + "\n")
    return report


def emphasised(verdict: str) -> str:
    """A verdict in Markdown: its first sentence is the one to remember."""
    first, stop, rest = verdict.partition(". ")
    return f"**{first}{stop.strip()}** {rest}".rstrip()


def _hint(study: Study, title: str) -> list[str]:
    """What there is to say under a heading."""
    return [study.hints[title]] if title in study.hints else []


def write_table(table: pd.DataFrame, path: Path) -> None:
    """A table as Parquet."""
    replace(path, lambda temporary: table.to_parquet(temporary, index=False))


def markdown(table: pd.DataFrame) -> str:
    """A table for people: three digits, text as it is, dashes where nothing is known."""
    known = table.map(_cell).astype(object).where(table.notna(), None).rename(columns=_cell)
    columns = enumerate(known.to_numpy().T)
    text = [place for place, cells in columns if any(isinstance(cell, str) for cell in cells)]
    return str(known.to_markdown(index=False, floatfmt=".3g", missingval="–", disable_numparse=text))


def folded(table: pd.DataFrame) -> pd.DataFrame:
    """The same with an interval's bounds beside what they are of, in one cell: 0.5 (0.4 to 0.6).

    Those of `x` are `x, low` and `x, high`; of the column before them, if they are `low` and `high`.
    """
    shown = dict[str, pd.Series]()
    before = ""
    for name in table.columns:
        of = name.removesuffix(", low") if name.endswith(", low") else before
        if name == "low" or name.endswith(", low"):
            shown[of] = pd.Series(map(_interval, table[of], table[name], table[_high(name)]), table.index)
        elif not (name == "high" or name.endswith(", high")):
            shown[before := name] = table[name]
    return pd.DataFrame(shown)


def _high(low: str) -> str:
    return f"{low.removesuffix('low')}high"


def _interval(value: float, low: float, high: float) -> str | None:
    """None where nothing is known."""
    if pd.isna(value):
        return None
    return f"{value:.3g}" if pd.isna(low) or pd.isna(high) else f"{value:.3g} ({low:.3g} to {high:.3g})"


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
            "plotly_mimetype+svg"
            if write_pictures({Path(folder) / "x.svg": go.Figure()})
            else "plotly_mimetype"
        )


def write_pictures(figures: dict[Path, go.Figure]) -> bool:
    """Write SVGs; False without kaleido, or without a Chromium that it can drive.

    A figure without a colour bar gives the same file every time.
    """
    drawn = [go.Figure(figure).update_layout(paper_bgcolor="white") for figure in figures.values()]
    heights = [figure.layout.height for figure in drawn]  # for one figure Plotly looks there itself
    with TemporaryDirectory() as folder:
        made = [Path(folder) / f"{number}.svg" for number in range(len(drawn))]
        try:
            pio.write_images(drawn, made, format="svg", width=WIDTH, height=heights)  # in one browser
        except (ImportError, ValueError, RuntimeError):
            return False
        if not all(path.exists() for path in made):  # of one that fails nothing else is said
            return False
        for path, picture in zip(figures, made, strict=True):
            replace_text(path, _named(picture.read_text(encoding="utf-8"), path.stem))
    return True


def _named(svg: str, name: str) -> str:
    """The picture with ids that hang on its name, where Plotly puts a random number into each.

    Curves get a class each with a number of their own, which nothing refers to.
    """
    drawn = re.search(r'id="topdefs-(\w+)"', svg)
    if drawn is None:
        return svg
    own = f"{crc32(name.encode()):08x}"
    svg = re.sub(r'(class="[^"]*\btrace)[0-9a-f]{6}\b', r"\1", svg)
    return re.sub(r'(id="|href="#|url\(#)[^")]+', lambda match: match[0].replace(drawn[1], own), svg)


def write_page(figure: go.Figure, path: Path) -> None:
    """A figure as a page of its own, the same for the same figure; the pages of a folder share Plotly."""
    replace(
        path,
        lambda temporary: figure.write_html(
            temporary, include_plotlyjs="directory", config=CONFIG, div_id="figure"
        ),
    )
