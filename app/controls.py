"""The form's parameter fields, one group per method, made from the methods' own definitions."""

from typing import Any, Literal, get_args, get_origin

import gradio as gr
from pydantic.fields import FieldInfo

from app.presets import MODELS, SUITED
from depcap import METHODS
from depcap.filter import load_filter
from depcap.models.loading import find

TRAINED = all(load_filter(find(name)) for name in MODELS)
"""Whether the models of the page have the trained part that some methods need."""
DIFFUSION_METHODS = {
    name: preset for name, preset in METHODS.items() if not preset.causal and (TRAINED or not preset.trained)
}
"""Methods for the models of the page."""


class ParameterFields:
    """Fields of every method in a fixed order; `collect` picks those of the chosen one."""

    def __init__(self, shown: str) -> None:
        self.groups: dict[str, gr.Group] = {}
        self.components: list[gr.Number | gr.Dropdown] = []
        self.names: list[tuple[str, str]] = []
        for method, preset in DIFFUSION_METHODS.items():
            with gr.Group(visible=method == shown) as group:
                for name, field in preset.params.model_fields.items():
                    if "tuple" in str(field.annotation) or "str" in str(field.annotation):
                        continue  # lists of ids and names of models are for programs, not for a public form
                    self.components.append(_component(name, field, SUITED.get(method, {}).get(name)))
                    self.names.append((method, name))
            self.groups[method] = group

    def visibility(self, method: str) -> list[Any]:
        """Updates that show the chosen method's group only."""
        return [gr.Group(visible=name == method) for name in self.groups]

    def collect(self, method: str, values: tuple[Any, ...]) -> dict[str, Any]:
        """The chosen method's parameters; fields left empty keep their default."""
        pairs = zip(self.names, values, strict=True)
        return {name: value for (owner, name), value in pairs if owner == method and value is not None}


def _component(name: str, field: FieldInfo, suited: Any) -> gr.Number | gr.Dropdown:
    """A list for parameters with a few names, a number for the others."""
    value, info = field.default, field.description
    if suited is not None:
        value, info = suited, f"{info} (published: {field.default})" if field.default else info
    common = {"value": value, "label": name, "info": info, "min_width": 140}
    if get_origin(field.annotation) is Literal:
        return gr.Dropdown(choices=list(get_args(field.annotation)), **common)
    whole = "int" in str(field.annotation)
    return gr.Number(precision=0 if whole else None, **common)
