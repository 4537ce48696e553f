"""The worked example of CONTRIBUTING.md works."""

import re
from pathlib import Path
from typing import Any

import pytest

import depcap

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()


@pytest.fixture
def relative(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example's file, run as it stands, and its registry line."""
    source = re.search(r"```python\n(.*?)```", TEXT, re.S)
    assert source is not None
    names: dict[str, Any] = {"__name__": "relative"}
    exec(source.group(1), names)
    monkeypatch.setitem(depcap.METHODS, "relative", names["PRESET"])
    return names["PRESET"]


def test_the_example_decodes_with_every_cache(relative: Any, small: dict[str, depcap.Model]) -> None:
    for model in small.values():
        for cache in relative.caches:
            result = depcap.generate(model, [[1, 2]], "relative", cache, 20, "run_to_end", share=0.8)[0]
            assert result.nfe < 20


def test_its_degenerate_case_is_what_it_says(relative: Any, llada: depcap.Model) -> None:
    one, quota = (
        depcap.generate(llada, [[5, 1, 7]], method, gen_length=24, **params)[0]
        for method, params in (("relative", {"share": 1.0}), ("llada", {}))
    )
    assert (one.tokens, one.nfe) == (quota.tokens, quota.nfe)
