"""The worked example of CONTRIBUTING.md works as it stands: its file, its test, and its line."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import strategies
import test_methods
import test_reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import families, prompts

import depcap
from depcap import methods
from depcap.methods.base import DIFFUSION_CACHES
from scripts import methods_table

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()
METHOD, REFERENCE = re.findall(r"```python\n(.*?)```", TEXT, re.S)
IMPORT, LINE = re.findall(r"`(from depcap.methods import relative)`: `(\"relative\": .*),`", TEXT)[0]


def module(source: str, name: str = "relative") -> ModuleType:
    made = ModuleType(name)
    made.__package__ = name.rpartition(".")[0]
    exec(source, vars(made))
    return made


@pytest.fixture(scope="module")
def relative() -> Iterator[Any]:
    """The example, written where it says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(methods, "relative", module(METHOD), raising=False)
        line = eval("{" + LINE + "}", vars(module(IMPORT)))
        patch.setitem(depcap.METHODS, "relative", line["relative"])  # type: ignore[attr-defined]
        naive = module(REFERENCE, "reference.relative")
        patch.setitem(test_reference.DECODERS, "relative", naive.decode)
        patch.setitem(strategies.PARAMS, "relative", naive.params)
        yield depcap.METHODS["relative"]


def test_the_example_decodes_with_every_cache(relative: Any, small: dict[str, depcap.Model]) -> None:
    for model in small.values():
        for cache in relative.caches:
            result = depcap.generate(model, [[1, 2]], "relative", cache, 20, "run_to_end", share=0.8)[0]
            assert result.nfe < 20


@pytest.mark.parametrize("cache", DIFFUSION_CACHES)
@settings(max_examples=10)
@given(families, prompts, st.data())
def test_it_agrees_with_its_reference(
    relative: Any, small: dict[str, depcap.Model], cache: str, family: str, prompt: list[int], data: Any
) -> None:
    length = data.draw(strategies.gen_lengths)
    drawn = data.draw(strategies.PARAMS["relative"](length))
    sizes = data.draw(test_reference.SIZES.get(cache, st.just({})))
    test_reference.agree(small[family], "relative", prompt, length, cache, sizes, **drawn)


def test_its_degenerate_case_is_what_it_says(relative: Any, llada: depcap.Model) -> None:
    one, quota = (
        depcap.generate(llada, [[5, 1, 7]], method, gen_length=24, **params)[0]
        for method, params in (("relative", {"share": 1.0}), ("llada", {}))
    )
    assert (one.tokens, one.nfe) == (quota.tokens, quota.nfe)


def test_it_is_documented_as_every_method_is(relative: Any) -> None:
    test_methods.documented(relative.params)
    assert relative.caveat


def test_it_has_its_line_in_the_page_of_methods(relative: Any) -> None:
    assert "[`relative`](#relative)" in methods_table.page()
