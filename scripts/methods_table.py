"""Write docs/methods.md from the registry: `python -m scripts.methods_table`."""

from pathlib import Path

from depcap.methods import METHODS
from depcap.methods.base import Preset
from depcap.stopping import STOPS

PAGE = Path(__file__).parents[1] / "docs" / "methods.md"
HEAD = """# Methods

Every decoder here is a preset on one loop: `depcap decode --method NAME --set KEY=VALUE`. Forwards, positions
and time are counted the same way for all of them. This page is made from the registry
(`python -m scripts.methods_table`); figures are the papers' own, on their models and machines.

"""
COLUMNS = (
    "method", "block boundary", "tokens", "trained part", "caches", "stop rules", "auxiliary model", "paper",
    "the paper's figure",
)  # fmt: skip


def row(name: str, preset: Preset) -> list[str]:
    """One method's line of the table."""
    link = preset.paper.replace("arXiv ", "")
    paper = f"[{link}](https://arxiv.org/abs/{link})" if link else "–"
    return [
        f"[`{name}`](#{name})", preset.boundary, preset.tokens, preset.trained or "–",
        ", ".join(preset.caches), ", ".join(STOPS), preset.auxiliary or "–", paper, preset.headline or "–",
    ]  # fmt: skip


def section(name: str, preset: Preset) -> str:
    """One method's parameters."""
    lines = [f"## {name}", "", preset.summary]
    if preset.caveat:
        lines += ["", f"*Note*: {preset.caveat}."]
    if preset.params.model_fields:
        lines += ["", "| parameter | default | |", "|---|---|---|"]
    for key, field in preset.params.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        lines.append(f"| `{key}` | {default} | {field.description} |")
    return "\n".join(lines)


def page() -> str:
    """The whole document."""
    table = [COLUMNS, ["---"] * len(COLUMNS), *(row(name, preset) for name, preset in METHODS.items())]
    lines = "\n".join("| " + " | ".join(line) + " |" for line in table)
    return HEAD + lines + "\n\n" + "\n\n".join(section(*entry) for entry in METHODS.items()) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
