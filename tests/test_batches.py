"""Training batches: one length each, about so many tokens, and rows as often as problems are drawn."""

from itertools import islice
from random import Random

import pytest
import torch

from scripts.batches import END_ID, Mixture, Source, batches


def short_or_long(rng: Random) -> tuple[str, str]:
    """Every fourth problem is long."""
    length = 20 if rng.random() < 0.75 else 100
    return "?\n", f"{rng.randrange(10**length):0{length}}"


SOURCE = Source(short_or_long, 640, (32, 128), (1.0,))


def test_rows_occur_as_often_as_problems() -> None:
    drawn = list(islice(batches(SOURCE, seed=0, first_step=0), 400))
    counts = {length: sum(len(b.ids) for b in drawn if b.ids.shape[1] == length) for length in (32, 128)}
    assert 0.7 < counts[32] / sum(counts.values()) < 0.8
    assert all(batch.ids.numel() == 640 for batch in drawn)


def test_a_step_draws_the_same_wherever_a_run_begins() -> None:
    whole = [batch.ids for batch in islice(batches(SOURCE, 3, 0), 6)]
    later = [batch.ids for batch in islice(batches(SOURCE, 3, 4), 2)]
    assert all(map(torch.equal, whole[4:], later))
    assert not torch.equal(whole[0], whole[1])


def test_a_row_is_prompt_response_and_end_tokens() -> None:
    source = Source(Mixture(0.5), 2_000, (512,), (1.0,))
    batch = next(batches(source, 0, 0))
    place = torch.arange(512)
    assert ((batch.ids == END_ID) == (place >= batch.end[:, None])).all()
    assert (batch.start > 0).all()
    assert (batch.start < batch.end).all()


def test_stretched_rows_have_longer_tails() -> None:
    source = Source(lambda _rng: ("?\n", "9" * 20), 640, (32, 64, 128), (0.5, 0.25, 0.25))
    drawn = list(islice(batches(source, 0, 0), 400))
    rows = {length: sum(len(b.ids) for b in drawn if b.ids.shape[1] == length) for length in source.lengths}
    shares = [rows[length] / sum(rows.values()) for length in source.lengths]
    assert shares == pytest.approx(source.stretch, abs=0.06)


def test_a_problem_that_fits_no_row_is_drawn_again() -> None:
    source = Source(lambda rng: ("?\n", "9" * rng.choice((20, 40))), 64, (32,), (1.0,))
    assert [int(batch.end.max()) for batch in islice(batches(source, 0, 0), 20)] == [22] * 20
