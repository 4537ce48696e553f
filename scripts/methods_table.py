"""Write docs/methods.md from the registry: `python -m scripts.methods_table`."""

import inspect
from collections.abc import Mapping
from pathlib import Path

from depcap.cache import CACHES
from depcap.methods import METHODS
from depcap.methods.base import DIFFUSION_CACHES, Preset
from depcap.stopping import STOPS

PAGE = Path(__file__).parents[1] / "docs" / "methods.md"
HEAD = """# Methods

Every decoder here is a preset on one loop: `depcap decode --method NAME --set KEY=VALUE`. Forwards, positions
and time are counted the same way for all of them. This page is made from the registry
(`python -m scripts.methods_table`); figures are the papers' own, on their models and machines.

"""
PLUGS = """## Caches and stop rules

Caches (`--cache NAME`) say which positions a step computes again and which it can see:

{caches}

Stop rules (`--stop NAME`; `eos` is the default) say when a row is finished:

{stops}
"""
COLUMNS = (
    "method", "block boundary", "tokens", "trained part", "caches", "stop rules", "auxiliary model", "paper",
    "the paper's figure",
)  # fmt: skip


def row(name: str, preset: Preset) -> list[str]:
    """One method's line of the table."""
    link = preset.paper.replace("arXiv ", "")
    caches = "all" if preset.caches == DIFFUSION_CACHES else ", ".join(preset.caches)
    paper = f"[{link}](https://arxiv.org/abs/{link})" if link else "–"
    return [
        f"[`{name}`](#{name})", preset.boundary, preset.tokens, preset.trained or "–",
        caches, "all", preset.auxiliary or "–", paper, preset.headline or "–",
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
    plugs = PLUGS.format(caches=_listed(CACHES), stops=_listed(STOPS))
    return (
        HEAD
        + lines
        + "\n\n"
        + plugs
        + "\n"
        + "\n\n".join(map(section, *zip(*METHODS.items(), strict=True)))
        + "\n"
    )


def _listed(policies: Mapping[str, object]) -> str:
    """A line for every policy: its name and what its docstring says first."""
    return "\n".join(f"- `{name}`: {_first(policy)}" for name, policy in policies.items())


def _first(policy: object) -> str:
    return (inspect.getdoc(policy) or "").split("\n\n")[0].replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page())
