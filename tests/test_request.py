"""What a decode hangs on: enough to tell one run's journal from another's."""

from pathlib import Path
from typing import Any

import pytest
from tiny import sharp_filter, write_text_checkpoint

import depcap
from depcap import DepcapError
from depcap.evaluation import evaluate
from depcap.filter import random_filter, save_filter
from depcap.request import Settings, identity


def test_the_identity_of_a_decode_is_its_weights_its_method_and_its_settings(llada: depcap.Model) -> None:
    assert set(identity(llada, Settings())) == {
        "weights", "dtype", "method", "params", "cache", "stop", "gen_length", "temperature", "seed",
    }  # fmt: skip


@pytest.mark.parametrize("method", ["apd", "pearl"])
def test_the_verifier_and_its_weights_are_part_of_it(
    llada: depcap.Model, causal: depcap.Model, method: str
) -> None:
    verifier = str(causal.folder)
    made = identity(llada, Settings(method, params={"verifier": verifier}))
    assert made["params"]["verifier"] == verifier
    assert made["helpers"] == {"verifier": causal.weights}


def test_a_verifier_that_was_not_named_is_named(llada: depcap.Model, causal: depcap.Model) -> None:
    class Known(depcap.Model):
        def verifier(self, _name: str | None) -> Any:
            return super().verifier(str(causal.folder))

    known = Known(llada.name, llada.denoiser, llada.tokenizer, llada.folder, llada.weights)
    for method in ("apd", "pearl"):
        assert identity(known, Settings(method))["params"]["verifier"] == str(causal.folder)


def test_a_trace_says_what_helped(llada: depcap.Model, causal: depcap.Model) -> None:
    verifier = str(causal.folder)
    for method, params, helpers in (
        ("llada", {}, {}),
        ("apd", {"verifier": verifier}, {"verifier": causal.weights}),
        ("learn2pd", {}, {"filter": sharp_filter().fingerprint}),
    ):
        result = depcap.generate(llada, [[1]], method, gen_length=4, record="decisions", **params)[0]
        assert result.trace is not None
        assert result.trace.header.helpers == helpers


def test_a_journal_of_another_filter_is_refused(tmp_path: Path) -> None:
    folder, out = write_text_checkpoint(tmp_path / "model"), tmp_path / "log.jsonl"
    model, settings = depcap.load(str(folder), "cpu"), Settings("learn2pd", gen_length=8)
    save_filter(sharp_filter(), folder, model.weights)
    evaluate(model, "arithmetic", 1, settings, out=out)
    save_filter(random_filter(5), folder, model.weights)
    with pytest.raises(DepcapError, match=r"another run \(helpers"):
        evaluate(model, "arithmetic", 1, settings, out=out)
