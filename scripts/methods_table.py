"""Write docs/methods.md from the registry: `python -m scripts.methods_table`."""

import inspect
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from analysis.findings import markdown
from analysis.spec import VARIANTS
from depcap.caches import CACHES
from depcap.methods import METHODS
from depcap.methods.base import Preset
from depcap.stopping import STOPS

PAGE = Path(__file__).parents[1] / "docs" / "methods.md"
HEAD = """# Methods

Every decoder here is a preset on one loop (`pearl`, whose text is another model's, has its own):
`depcap decode --method NAME --set KEY=VALUE`. This page is made from the registry and its docstrings
(`python -m scripts.methods_table`). Figures are the papers' own, on their models and machines.

Every method is checked against a naive decoder written from its specification (`tests/reference`), on random
models, prompts and parameters. Outputs of official code are there for `depcap`, `fast-dllm` by threshold,
`adablock` and `llada` in LLaDA's layout (without cache and, but for `llada`, with a prefix and a dual one),
and for `depcap` without cache in Dream's (`tests/golden`). The others have not been held against theirs,
where there is any.

What holds for all, whatever their official codes do:

- Forwards, positions and time are counted the same way. One call of the network on one sequence is one
  forward, and a block that is full costs none.
- The mask token is never proposed. Some official codes can propose it and then never end.
- Of equals the leftmost position and the lowest token win.
- Log-probabilities are in float32, or float64 where the model is; official codes take float64 or bfloat16.
- Any number of prompts is decoded together, and a row does not depend on the others.

Letters: *x* the proposed token, *c* its probability, *z* logits, *p* their softmax; *m* masked positions of
the block, *G* the generation's length, *U* what a step unmasks.

## What decides

{decides}

## What goes with what

{needs}

## Guesses and differences

Where a rule is not published in every detail, where we had to choose, or where the published setting is
another. Each method's own section has all of it.

{differences}

## Caches and stop rules

Caches (`--cache NAME`, or with parameters `--cache dkv:refresh=4`) say which positions a step computes again
and which it can see:

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
it can use: `apd` with `trailing`, `ar` with `causal`. One that would be left with none is run without. A
cache with other parameters counts as one of its own: `--cache none,dkv,dkv:refresh=4`.

{sections}
"""
DECIDES = ("method", "block boundary", "tokens", "paper", "the paper's figure")
NEEDS = ("method", "caches", "stop rules", "trained part", "auxiliary model")
DIFFERENCES = ("method", "guesses and differences")
"""The table's columns, a few at a time: all of them together are wider than any screen."""


def row(name: str, preset: Preset) -> dict[str, str | None]:
    """One method's line of the table."""
    link = preset.paper.replace("arXiv ", "")
    return {
        "method": f"[`{name}`](#{name})", "block boundary": preset.boundary, "tokens": preset.tokens,
        "trained part": preset.trained or None, "caches": ", ".join(preset.caches),
        "stop rules": ", ".join(preset.stops), "auxiliary model": preset.auxiliary or None,
        "paper": f"[{link}](https://arxiv.org/abs/{link})" if link else None,
        "the paper's figure": preset.headline or None, "guesses and differences": preset.caveat or None,
    }  # fmt: skip


def section(name: str, preset: Preset) -> str:
    """One method's docstring and its parameters."""
    parts = [f"## {name}", described(preset.params)]
    fields = [
        (f"`{key}`", None if field.default is None else f"`{field.default}`", field.description)
        for key, field in preset.params.model_fields.items()
    ]
    if fields:
        parts.append(markdown(pd.DataFrame(fields, columns=["parameter", "default", ""])))
    return "\n\n".join(parts)


def page() -> str:
    """The whole document."""
    table = pd.DataFrame(row(name, preset) for name, preset in METHODS.items())
    sections = [section(name, preset) for name, preset in METHODS.items()]
    sections += [f"## Cache `{name}`\n\n{described(CACHES[name])}" for name in _explained(CACHES)]
    sections += [f"## Stop rule `{name}`\n\n{described(STOPS[name])}" for name in _explained(STOPS)]
    return HEAD.format(
        decides=markdown(table[list(DECIDES)]),
        needs=markdown(table[list(NEEDS)]),
        differences=markdown(table[list(DIFFERENCES)]),
        caches=_listed(_lines(CACHES, "cache")),
        stops=_listed(_lines(STOPS, "stop-rule")),
        variants=_listed({f"`{name}`": meaning for name, meaning in VARIANTS.items()}),
        sections="\n\n".join(sections),
    )


def described(documented: object) -> str:
    """A docstring as Markdown: its parts' names stand out, and papers are links."""
    text = re.sub(
        r"^(Formula|Defaults|Differences):", r"**\1:**", inspect.getdoc(documented) or "", flags=re.M
    )
    return re.sub(r"arXiv (\d{4}\.\d{5})", r"[arXiv \1](https://arxiv.org/abs/\1)", text)


def _explained(policies: Mapping[str, object]) -> list[str]:
    """Those whose docstrings have more to say than fits a line."""
    return [name for name, policy in policies.items() if "Formula:" in (inspect.getdoc(policy) or "")]


def _lines(policies: Mapping[str, object], kind: str) -> dict[str, str]:
    """What each docstring says first, with a link to the rest if there is more."""
    linked = _explained(policies)
    return {
        f"[`{name}`](#{kind}-{name})" if name in linked else f"`{name}`": _first(policy)
        for name, policy in policies.items()
    }


def _listed(meanings: Mapping[str, str]) -> str:
    """A line for every name."""
    return "\n".join(f"- {name}: {meaning}" for name, meaning in meanings.items())


def _first(policy: object) -> str:
    """What a docstring says first."""
    return described(policy).split("\n\n")[0].replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page())
