"""Acceptance of drafts by their place in the window, and what PEARL makes of it."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor

import depcap
from analysis.acceptance import acceptance, tokens_per_round
from depcap import DepcapError
from depcap.models.loading import Model
from depcap.speculative import Speculation, speculate
from depcap.types import Answer, Canvas, Query
from depcap.verifier import Verifier

SYMBOLS = 9


@dataclass(frozen=True, eq=False)
class Scripted:
    """Says a fixed token at every position, whatever else is there."""

    script: Tensor  # [L]
    causal: bool
    mask_id: int = SYMBOLS
    end_ids: tuple[int, ...] = (SYMBOLS + 1,)
    vocab_size: int = SYMBOLS + 2

    def new_store(self, _batch: int, _length: int) -> None:
        return None

    def __call__(self, _ids: Tensor, query: Query, _store: None) -> Answer:
        said = torch.nn.functional.one_hot(self.script[query.read.positions], self.vocab_size)
        return Answer(said.double().log_softmax(dim=2), query.compute.sum(dim=1))


@pytest.mark.parametrize(("chance", "expected"), [(0.5, 1.304), (0.7, 1.735), (0.9, 2.765)])
def test_equal_chances_give_the_published_form(chance: float, expected: float) -> None:
    window, power = 4, chance**4
    formula = (1 - power) / ((1 - chance) * (1 + chance - power))
    assert tokens_per_round([chance] * window) == pytest.approx(formula)
    assert formula == pytest.approx(expected, abs=5e-4)


def test_a_drafter_that_is_never_right_gives_a_token_per_round_and_a_perfect_one_a_window() -> None:
    assert tokens_per_round([0.0, 0.5]) == tokens_per_round([0.0]) == 1
    assert tokens_per_round([1.0] * 5) == 5


@pytest.mark.parametrize("chances", [(0.9, 0.9, 0.9, 0.9), (0.95, 0.8, 0.6), (0.7,)])
def test_decoding_yields_what_the_chances_promise(chances: tuple[float, ...]) -> None:
    """A drafter with these chances: right or wrong is drawn for every place of every window it drafts."""
    length, generator = 3_000, torch.Generator().manual_seed(0)
    truth = torch.randint(SYMBOLS, (length,), generator=generator)

    class Drafter(Scripted):
        def __call__(self, ids: Tensor, query: Query, store: None) -> Answer:
            width = query.read.positions.shape[1]
            right = torch.rand(width, generator=generator) < torch.tensor(chances)[:width]
            at = query.read.positions[0]
            script = truth.clone()
            script[at] = torch.where(right, truth[at], (truth[at] + 1) % SYMBOLS)
            return Scripted(script, causal=False)(ids, query, store)

    start = torch.zeros(1, dtype=torch.long)
    canvas = Canvas(torch.full((1, length), SYMBOLS), start, start + length, SYMBOLS)
    method = Speculation(Verifier(Scripted(truth, causal=True)), len(chances), draft_steps=1)
    rounds = sum(1 for _ in speculate(Drafter(truth, causal=False), canvas, method))
    assert length / rounds == pytest.approx(tokens_per_round(chances), rel=0.04)


@pytest.fixture(scope="session")
def traces(small: dict[str, Model], causal: Model) -> dict[str, list[depcap.Trace]]:
    def decoded(drafter: Model) -> list[depcap.Trace]:
        rows = depcap.generate(
            drafter, [[5, 1, 7], [2]], "pearl", gen_length=23, stop="run_to_end", record="scores",
            verifier=str(causal.folder), window=4,
        )  # fmt: skip
        return [row.trace for row in rows]

    return {"itself": decoded(causal), "llada": decoded(small["llada"])}


def test_what_a_model_drafts_for_itself_stands_at_every_offset(traces: dict[str, list[depcap.Trace]]) -> None:
    table = acceptance(traces["itself"])
    assert table["offset"].tolist() == [1, 2, 3, 4]
    assert (table["acceptance"] == 1).all()
    assert table["checked"].sum() == 2 * 23
    assert table["checked"].tolist() == [12, 12, 12, 10]  # 23 = 5 windows and 3 more, in two rows


def test_rounds_tell_the_same_story(traces: dict[str, list[depcap.Trace]]) -> None:
    """Every draft checked is a token, and every one that fell a round without trust after it."""
    table = acceptance(traces["llada"])
    rows = [row for trace in traces["llada"] for row in trace.rows()]
    assert table["checked"].sum() == sum(len(row["committed"]) for row in rows) == 2 * 23
    fallen = (table["checked"] * (1 - table["acceptance"])).sum()
    corrected = sum(row["reason"].count("committed_corrected") for row in rows)
    assert round(fallen) == corrected > 0
    for trace in traces["llada"]:
        for row, after in zip(trace.rows(), islice(trace.rows(), 1, None), strict=False):
            if "committed_corrected" in row["reason"]:
                assert len(after["positions"]) == 1  # only the first of a new window


def test_other_traces_are_refused(small: dict[str, Model], causal: Model, tmp_path: Path) -> None:
    other = depcap.generate(small["llada"], [[1]], "llada", gen_length=4, record="scores")[0].trace
    bare = depcap.generate(
        small["llada"], [[1]], "pearl", gen_length=4, record="decisions", verifier=str(causal.folder)
    )[0].trace
    for trace in (other, bare):
        with pytest.raises(DepcapError, match="method pearl"):
            acceptance([trace])
