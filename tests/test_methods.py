"""The registry: every method is documented, and the documents are made from it."""

import inspect
import re

import pytest
from pydantic import ValidationError

from depcap import METHODS, DepcapError
from depcap.caches import CACHES
from depcap.filter import Filter, random_filter
from depcap.methods import make_method
from depcap.stopping import STOPS
from depcap.verifier import Verifier
from scripts import methods_table

KEEP_PART = ("vicinity", "dkv", "dpad", "streaming", "trailing")


class Stub:
    """A model that has all that a method can ask for."""

    learned, judge = random_filter(0), Verifier(None, "judge", "sha256:0")  # type: ignore[arg-type]

    def end_ids(self) -> tuple[int, ...]:
        return (3,)

    def newlines(self) -> tuple[int, ...]:
        return (5, 7)

    def filter(self) -> Filter:
        return self.learned

    def verifier(self, _name: str | None) -> Verifier:
        return self.judge


def test_the_page_of_methods_is_made_from_the_registry() -> None:
    assert methods_table.PAGE.read_text() == methods_table.page(), "run: python -m scripts.methods_table"


@pytest.mark.parametrize("name", METHODS)
def test_the_table_says_what_a_method_goes_with_and_where_it_had_to_guess(name: str) -> None:
    preset, line = METHODS[name], methods_table.row(name, METHODS[name])
    assert str(line["caches"]).split(", ") == list(preset.caches)
    assert str(line["stop rules"]).split(", ") == list(preset.stops)
    assert line["guesses and differences"] == preset.caveat != ""


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_what_it_is(name: str) -> None:
    preset = METHODS[name]
    assert preset.summary.endswith(".")
    assert preset.boundary
    assert preset.tokens
    assert preset.paper.startswith("arXiv 2") or preset.caveat.startswith("no paper")
    assert all(field.description for field in preset.params.model_fields.values())


def documented(policy: object) -> str:
    """A docstring with a formula, defaults and differences, each of which says something."""
    text = inspect.getdoc(policy) or ""
    assert re.search(r"^Formula:\n\n    \S", text, re.M)
    assert re.search(r"^Defaults: \w", text, re.M)
    assert re.search(r"^Differences:\n\n- \S", text, re.M)
    return text


@pytest.mark.parametrize("name", METHODS)
def test_a_methods_docstring_has_its_formula_its_paper_and_what_differs(name: str) -> None:
    text = documented(METHODS[name].params)
    assert re.search(r"arXiv \d{4}\.\d{5}", text.split("\n\n")[0]) or not METHODS[name].paper
    assert METHODS[name].paper in text.split("\n\n")[0]
    assert len(METHODS[name].summary) < 120
    assert text.splitlines()[-1] in methods_table.page()


@pytest.mark.parametrize("policy", [*map(CACHES.get, KEEP_PART), STOPS["eotp"]], ids=[*KEEP_PART, "eotp"])
def test_a_cache_or_stop_rule_of_a_paper_says_what_it_takes_from_there(policy: object) -> None:
    text = documented(policy)
    assert re.search(r"arXiv \d{4}\.\d{5}", text)
    assert text.splitlines()[-1] in methods_table.page()


@pytest.mark.parametrize("gen_length", [33, 40, 64])
@pytest.mark.parametrize("name", METHODS)
def test_a_methods_parameters_are_found_again_in_what_it_resolves_to(name: str, gen_length: int) -> None:
    made = make_method(name, gen_length, resources=Stub())
    known = set(METHODS[name].params.model_fields)
    assert set(made.params) <= known
    again = make_method(name, gen_length, params=made.params, resources=Stub())
    assert again == made


@pytest.mark.parametrize("name", METHODS)
def test_a_stop_rule_that_a_method_does_not_go_with_is_refused_in_one_line(name: str) -> None:
    for stop in STOPS.keys() - set(METHODS[name].stops):
        said = f"method {name} does not go with stop '{stop}' (accepted: eos, run_to_end)"
        with pytest.raises(DepcapError, match=re.escape(said)):
            make_method(name, 16, stop=stop, resources=Stub())


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("localleap", {"threshold": 0.5}, "relaxed_threshold 0.75 must be at most threshold 0.5"),
        ("localleap", {"radius": -1}, "radius"),
        ("eb-sampler", {"budget": -1}, "budget"),
        ("dawn", {"threshold": 0.75}, "must be at most threshold 0.75"),
        ("wino", {"keep_threshold": 2}, "keep_threshold"),
        ("eb-sampler", {"measure": "luck"}, "measure"),
        ("klass", {"history": 0}, "history"),
        ("prophet", {"answer_start": 64}, "answer_start 64 must be below gen_length 64"),
        ("prophet", {"gaps": "1,2"}, "gaps"),
        ("dus", {"block_size": 24}, "power of two"),
        ("dream", {"steps": 65}, "steps 65 must be at most gen_length 64"),
        ("dream", {"alg": "luck"}, "alg"),
        ("dream", {"top_p": 0}, "top_p"),
        ("apd", {"weight": 1.5}, "weight"),
        ("apd", {}, "give verifier"),
        ("pearl", {"window": 0}, "window"),
        ("pearl", {}, "give verifier"),
        ("learn2pd", {}, "no filter"),
        ("llada", {"order": "alphabetical"}, "order"),
        ("llada", {"guidance": -1}, "guidance"),
    ],
)
def test_what_a_method_cannot_take_is_refused_in_one_line(
    name: str, params: dict[str, object], said: str
) -> None:
    with pytest.raises(DepcapError) as caught:
        make_method(name, 64, params=params)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_caches_that_do_not_go_with_a_method_are_refused() -> None:
    with pytest.raises(DepcapError, match=r"unknown cache 'dual' \(known: none, causal\)"):
        make_method("ar", 64, cache="dual")


@pytest.mark.parametrize("name", ["wino", "dawn", "learn2pd"])
def test_what_looks_again_at_decided_positions_does_not_go_with_a_cache_that_does_not_compute_them(
    name: str,
) -> None:
    with pytest.raises(DepcapError, match="unknown cache 'dkv'"):
        make_method(name, 64, cache="dkv", resources=Stub())
    assert "dkv" in (METHODS[name].params.__doc__ or "")


def test_parameters_cannot_be_changed() -> None:
    params = METHODS["depcap"].params()
    with pytest.raises(ValidationError):
        params.min_size = 3  # type: ignore[attr-defined]
