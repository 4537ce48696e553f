"""Write docs/methods.md from the registry: `python -m scripts.methods_table`."""

import inspect
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from analysis.findings import markdown
from analysis.spec import VARIANTS
from depcap.cache import CACHES
from depcap.methods import METHODS
from depcap.methods.base import Preset
from depcap.stopping import STOPS

PAGE = Path(__file__).parents[1] / "docs" / "methods.md"
HEAD = """# Methods

Every decoder here is a preset on one loop: `depcap decode --method NAME --set KEY=VALUE`. Forwards, positions
and time are counted the same way for all of them. This page is made from the registry
(`python -m scripts.methods_table`); figures are the papers' own, on their models and machines. The last
column says where a rule is not published in every detail, where we had to choose, or where the published
setting is another.

{table}

## Caches and stop rules

Caches (`--cache NAME`) say which positions a step computes again and which it can see:

{caches}

Stop rules (`--stop NAME`; `eos` is the default) say when a row is finished:

{stops}

## Compared

`depcap compare --methods all,variants` decodes the same problems with every method at its defaults, and with

{variants}

Any other choice is written in the same way, `name:key=value:key=value`: keys are the method's parameters, and
`stop`, `temperature` and `seed`; a list is in brackets, `adablock:delimiter_ids=[198,271]`. What does not go
with a model is left out and named: a method is for diffusion models or for causal ones, `learn2pd` needs a
filter, `apd` and `pearl` a causal model over the same tokens. `pearl` is for both kinds: a diffusion model
drafts, or a causal one; `pearl:verifier=NAME` names the one that has the last word.

Every method is run with those of the caches asked for (`--cache none,dual`) that it has, and with what only
it can use: `apd` with `trailing`, `ar` with `causal`. One that would be left with none is run without.

{sections}
"""


def row(name: str, preset: Preset) -> dict[str, str | None]:
    """One method's line of the table."""
    link = preset.paper.replace("arXiv ", "")
    return {
        "method": f"[`{name}`](#{name})", "block boundary": preset.boundary, "tokens": preset.tokens,
        "trained part": preset.trained or None, "caches": ", ".join(preset.caches),
        "stop rules": ", ".join(STOPS), "auxiliary model": preset.auxiliary or None,
        "paper": f"[{link}](https://arxiv.org/abs/{link})" if link else None,
        "the paper's figure": preset.headline or None, "guesses and differences": preset.caveat or None,
    }  # fmt: skip


def section(name: str, preset: Preset) -> str:
    """One method's parameters."""
    parts = [f"## {name}", preset.summary]
    if preset.caveat:
        parts.append(f"*Note*: {preset.caveat}.")
    fields = [
        (f"`{key}`", None if field.default is None else f"`{field.default}`", field.description)
        for key, field in preset.params.model_fields.items()
    ]
    if fields:
        parts.append(markdown(pd.DataFrame(fields, columns=["parameter", "default", ""])))
    return "\n\n".join(parts)


def page() -> str:
    """The whole document."""
    return HEAD.format(
        table=markdown(pd.DataFrame(row(name, preset) for name, preset in METHODS.items())),
        caches=_listed({name: _first(policy) for name, policy in CACHES.items()}),
        stops=_listed({name: _first(policy) for name, policy in STOPS.items()}),
        variants=_listed(VARIANTS),
        sections="\n\n".join(section(name, preset) for name, preset in METHODS.items()),
    )


def _listed(meanings: Mapping[str, str]) -> str:
    """A line for every name."""
    return "\n".join(f"- `{name}`: {meaning}" for name, meaning in meanings.items())


def _first(policy: object) -> str:
    """What a docstring says first."""
    return (inspect.getdoc(policy) or "").split("\n\n")[0].replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page())
