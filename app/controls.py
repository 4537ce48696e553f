"""The form's parameter fields, one group per method, made from the methods' own definitions."""

from typing import Any

import gradio as gr
from pydantic.fields import FieldInfo

from depcap import METHODS

DIFFUSION_METHODS = {name: preset for name, preset in METHODS.items() if not preset.causal}
"""Methods for the models of the page."""


class ParameterFields:
    """Fields of every method in a fixed order; `collect` picks those of the chosen one."""

    def __init__(self, shown: str) -> None:
        self.groups: dict[str, gr.Group] = {}
        self.components: list[gr.Number] = []
        self.names: list[tuple[str, str]] = []
        for method, preset in DIFFUSION_METHODS.items():
            with gr.Group(visible=method == shown) as group:
                for name, field in preset.params.model_fields.items():
                    if "tuple" in str(field.annotation):
                        continue  # lists of ids are for programs, not for a form
                    self.components.append(_number(name, field))
                    self.names.append((method, name))
            self.groups[method] = group

    def visibility(self, method: str) -> list[Any]:
        """Updates that show the chosen method's group only."""
        return [gr.Group(visible=name == method) for name in self.groups]

    def collect(self, method: str, values: tuple[Any, ...]) -> dict[str, Any]:
        """The chosen method's parameters; fields left empty keep their default."""
        pairs = zip(self.names, values, strict=True)
        return {name: value for (owner, name), value in pairs if owner == method and value is not None}


def _number(name: str, field: FieldInfo) -> gr.Number:
    whole = "int" in str(field.annotation)
    return gr.Number(
        value=field.default, label=name, info=field.description, precision=0 if whole else None, min_width=140
    )
