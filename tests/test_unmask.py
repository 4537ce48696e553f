"""Which proposals are unmasked, and the reason given for each."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from depcap.methods.dream import Schedule, filtered
from depcap.methods.eb_sampler import EntropyBudget
from depcap.methods.grid import Ordered, checkerboard, dilated
from depcap.methods.localleap import Anchored
from depcap.methods.prophet import EarlyCommit, Progress
from depcap.methods.wino import Revocable
from depcap.reasons import CODES, REASONS
from depcap.types import Block, Canvas, Proposal, Selection, Window
from depcap.unmask import ConflictFree, Factor, Quota, Threshold, at_least_one

confidences = st.lists(st.floats(0.01, 1.0), min_size=1, max_size=12)


def proposal(confidence: list[float], eligible: list[bool] | None = None, start: int = 5) -> Proposal:
    """A row whose positions each propose their own token, at these confidences."""
    size = len(confidence)
    rows = []
    for place, value in enumerate(confidence):
        others = math.log(max(1 - value, 1e-9) / size)
        rows.append([math.log(value) if token == place else others for token in range(size + 1)])
    return of_log_probs(torch.tensor([rows], dtype=torch.float64), eligible, start)


def of_log_probs(log_probs: torch.Tensor, eligible: list[bool] | None = None, start: int = 5) -> Proposal:
    width = log_probs.shape[1]
    window = Window.span(torch.tensor([start]), torch.tensor([start + width]))
    may = torch.tensor([eligible or [True] * width])
    best = log_probs.max(dim=2)
    confidence = torch.where(may, best.values.exp(), -math.inf)
    return Proposal(window, best.indices, confidence, log_probs, may)


def block(size: int, step: int = 0) -> Block:
    return Block(torch.tensor([5]), torch.tensor([5 + size]), torch.tensor([0]), torch.tensor([step]))


def pick(policy: Any, made: Proposal, at: Block) -> Selection:
    """What a policy selects in its first step."""
    canvas = Canvas(torch.zeros(len(at.end), int(at.end.max()), dtype=torch.long), at.start, at.end, 0)
    return policy.select(made, at, policy.init(canvas))[0]


def chosen(selection: Selection) -> list[int]:
    return selection.unmask[0].nonzero().flatten().tolist()


def explained(policy: object, made: Proposal, size: int = 9) -> tuple[list[str], list[int], list[int]]:
    selection = at_least_one(pick(policy, made, block(size)), made)
    codes, cause, rounds = policy.explain(made, selection)
    return [CODES[code] for code in codes[0]], cause[0].tolist(), rounds[0].tolist()


# Golden vectors

S0 = {0: 0.97, 1: 1e-5, 2: 1e-9}
S1 = {1: 0.90, 0: 1e-6}
S2 = {2: 0.85, 0: 1e-9, 1: 1e-9}
S3 = {2: 0.88, 0: 1e-9, 1: 1e-9, 3: 0.05}
S4 = {4: 0.5}


def golden() -> Proposal:
    rows = []
    for known in (S0, S1, S2, S3, S4):
        rest = (1 - sum(known.values())) / (6 - len(known))
        rows.append([math.log(known.get(token, rest)) for token in range(6)])
    return of_log_probs(torch.tensor([rows], dtype=torch.float64))


def test_golden_reveal() -> None:
    made = golden()
    selection = pick(ConflictFree(0.8, 0.95, -16.0), made, block(5))
    assert made.tokens.tolist() == [[0, 1, 2, 2, 4]]
    assert chosen(selection) == [0, 1, 3]
    d = selection.evidence["scores"][0]
    pairs = [d[0, 1], d[0, 2], d[0, 3], d[1, 2], d[1, 3], d[2, 3]]
    wanted = [-25.3284, -41.4465, -41.4465, -24.4122, -24.4122, -0.2904]
    np.testing.assert_allclose(pairs, wanted, rtol=0, atol=1e-4)


def test_golden_reveal_explained() -> None:
    codes, cause, rounds = explained(ConflictFree(0.8, 0.95, -16.0), golden())
    assert codes == [
        "committed_high",
        "committed_greedy",
        "blocked_by_pick",
        "committed_greedy",
        "below_tau_low",
    ]
    assert cause == [-1, -1, 8, -1, -1]
    assert rounds == [-1, 1, -1, 1, -1]


@pytest.mark.parametrize(
    ("confidence", "count"),
    [
        ([0.9, 0.1], 2), ([0.9, 0.6], 2), ([0.99, 0.95, 0.7, 0.2], 2), ([0.99, 0.95, 0.9, 0.2], 4),
        ([0.99, 0.95, 0.9, 0.85], 4), ([0.3], 1), ([0.99, 0.98, 0.97, 0.96, 0.5, 0.4], 4),
    ],
)  # fmt: skip
def test_golden_factor(confidence: list[float], count: int) -> None:
    assert len(chosen(pick(Factor(1.0), proposal(confidence), block(9)))) == count


@pytest.mark.parametrize(
    ("size", "steps", "schedule"), [(32, 10, [4, 4, 3, 3, 3, 3, 3, 3, 3, 3]), (7, 3, [3, 2, 2])]
)
def test_golden_schedule(size: int, steps: int, schedule: list[int]) -> None:
    made = proposal([0.5] * size)
    assert [len(chosen(pick(Quota(steps), made, block(size, i)))) for i in range(steps)] == schedule


# Rules


@given(confidences, st.floats(0.01, 1))
def test_threshold_takes_exactly_the_confident(confidence: list[float], tau: float) -> None:
    made = proposal(confidence)
    wanted = [i for i, value in enumerate(made.confidence[0].tolist()) if value >= tau]
    assert chosen(pick(Threshold(tau), made, block(9))) == wanted


def test_a_confidence_equal_to_the_threshold_is_enough() -> None:
    made = of_log_probs(torch.tensor([[[0.5, 0.5], [0.25, 0.75]]], dtype=torch.float64).log())
    assert chosen(pick(Threshold(0.5), made, block(2))) == [0, 1]
    assert chosen(pick(ConflictFree(0.5, 0.5), made, block(2))) == [0, 1]


@given(confidences, st.floats(0.05, 5))
def test_factor_scans_ranks_up_to_the_first_failure_unless_it_is_the_last(
    confidence: list[float], factor: float
) -> None:
    made = proposal(confidence)
    values = made.confidence[0].tolist()
    order = sorted(range(len(values)), key=lambda i: (-values[i], i))
    count = len(order)
    for n in range(2, len(order)):
        if made.confidence[0, order[n - 1]] < 1 - factor / (n + 1):
            count = n - 1
            break
    assert chosen(pick(Factor(factor), made, block(12))) == sorted(order[:count])


@given(confidences, st.integers(1, 12))
def test_quota_empties_the_block_in_its_steps_the_most_confident_first(
    confidence: list[float], steps: int
) -> None:
    left = [True] * len(confidence)
    for step in range(steps):
        made = proposal(confidence, left)
        picked = chosen(pick(Quota(steps), made, block(len(confidence), step)))
        values = made.confidence[0]
        waiting = [i for i, may in enumerate(left) if may and i not in picked]
        assert all(values[i] >= values[j] for i in picked for j in waiting)
        left = [may and i not in picked for i, may in enumerate(left)]
    assert not any(left)


POLICIES = [
    Quota(3), Threshold(0.4), Factor(1.0), ConflictFree(0.3, 0.7, -5.0), Anchored(0.6, 0.3, 2),
    EntropyBudget(0.5), EarlyCommit(12, (3,), None, (3.0, 2.0, 1.0)), Ordered(dilated(16)),
]  # fmt: skip
"""Those that want nothing but log-probabilities."""


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@given(confidence=confidences, data=st.data())
def test_only_eligible_positions_are_chosen(
    policy: object, confidence: list[float], data: st.DataObject
) -> None:
    eligible = data.draw(st.lists(st.booleans(), min_size=len(confidence), max_size=len(confidence)))
    picked = chosen(pick(policy, proposal(confidence, eligible), block(12)))
    assert all(eligible[i] for i in picked)


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@given(confidence=confidences)
def test_every_position_is_given_a_reason_that_says_whether_it_was_unmasked(
    policy: object, confidence: list[float]
) -> None:
    made = proposal(confidence)
    selection = at_least_one(pick(policy, made, block(12)), made)
    codes = policy.explain(made, selection)[0][0]
    committed = [REASONS[CODES[code]].committed for code in codes]
    assert committed == selection.unmask[0].tolist()


@pytest.mark.parametrize("policy", [Threshold(0.9), ConflictFree(0.9, 0.95)], ids=repr)
def test_a_row_where_nothing_is_chosen_unmasks_its_most_confident_leftmost(policy: object) -> None:
    made = proposal([0.3, 0.6, 0.6, 0.2])
    selection = at_least_one(pick(policy, made, block(4)), made)
    assert chosen(selection) == [1]
    assert CODES[policy.explain(made, selection)[0][0, 1]] == "committed_forced"


def test_nothing_is_forced_where_nothing_is_eligible_or_something_was_chosen() -> None:
    done = proposal([0.9, 0.9], [False, False])
    assert chosen(at_least_one(Selection(torch.zeros(1, 2, dtype=torch.bool)), done)) == []
    made = proposal([0.95, 0.1])
    assert not at_least_one(pick(Threshold(0.9), made, block(2)), made).forced.any()


# Reasons


def test_reasons_of_the_simple_rules() -> None:
    made = proposal([0.95, 0.5, 0.3])
    assert explained(Threshold(0.4), made)[0] == [
        "committed_threshold",
        "committed_threshold",
        "below_threshold",
    ]
    assert explained(Factor(0.5), made)[0] == ["committed_factor", "below_factor", "below_factor"]
    assert explained(Quota(3), made, 3)[0] == ["committed_quota", "beyond_quota", "beyond_quota"]


def test_sure_positions_are_unmasked_even_when_they_conflict_and_block_the_rest() -> None:
    same = torch.tensor([[[0.97, 0.02, 0.01], [0.96, 0.03, 0.01], [0.85, 0.1, 0.05]]]).log()
    codes, cause, rounds = explained(ConflictFree(0.8, 0.95, -16.0), of_log_probs(same))
    assert codes == ["committed_high", "committed_high", "blocked_by_high"]
    assert cause == [-1, -1, 5]
    assert rounds == [-1, -1, -1]


def test_a_sure_rival_is_named_before_a_chosen_one() -> None:
    shared = {"sure": [0.96, 0.02, 0.02], "pick": [1e-9, 0.9, 0.1], "waits": [0.1, 0.05, 0.85]}
    made = of_log_probs(torch.tensor([[shared["pick"], shared["waits"], shared["sure"]]]).log())
    codes, cause, _ = explained(ConflictFree(0.8, 0.95, -10.0), made)
    assert codes == ["committed_greedy", "blocked_by_high", "committed_high"]
    assert cause == [-1, 7, -1]


def test_the_most_confident_candidate_below_tau_low_is_forced_and_the_rest_are_unsure() -> None:
    assert explained(ConflictFree(0.8, 0.95), proposal([0.2, 0.5, 0.4]))[0] == [
        "below_tau_low", "committed_forced", "below_tau_low",
    ]  # fmt: skip


def test_pairs_are_those_up_to_the_last_eligible_position() -> None:
    """A window that looks far ahead, for a block's end, costs no more pairs than the block has."""
    near = pick(ConflictFree(), made := proposal([0.9] * 9, [True] * 3 + [False] * 6), block(3))
    assert near.evidence["conflict"].shape == (1, 3, 3)
    assert near.unmask.shape == (1, 9)
    assert all(part.shape == (1, 9) for part in ConflictFree().explain(made, near))
    nothing = pick(ConflictFree(), proposal([0.9] * 9, [False] * 9), block(3))
    assert not nothing.unmask.any()


def test_rounds_are_numbered_from_one() -> None:
    p = [[0.9, 0.099, 0.001], [0.1, 0.85, 0.05], [1e-9, 0.2, 0.8]]
    codes, _, rounds = explained(ConflictFree(0.7, 0.95, -8.0), of_log_probs(torch.tensor([p]).log()))
    assert codes == ["committed_greedy", "blocked_by_pick", "committed_greedy"]
    assert rounds == [1, -1, 2]


@given(st.lists(confidences, min_size=2, max_size=4))
def test_ragged_rows_in_one_batch_give_what_single_rows_give(rows: list[list[float]]) -> None:
    width = max(map(len, rows))
    singles = [proposal(row) for row in rows]
    vocab = width + 1
    log_probs = torch.full((len(rows), width, vocab), -20.0, dtype=torch.float64)
    tokens = torch.zeros((len(rows), width), dtype=torch.long)
    confidence = torch.full((len(rows), width), -math.inf, dtype=torch.float64)
    for i, one in enumerate(singles):
        size = len(rows[i])
        log_probs[i, :size, : size + 1] = one.log_probs[0]
        tokens[i, :size], confidence[i, :size] = one.tokens[0], one.confidence[0]
    start = torch.full((len(rows),), 5)
    end = start + torch.tensor([len(row) for row in rows])
    window, zero = Window.span(start, end), torch.zeros_like(start)
    batch = Proposal(window, tokens, confidence, log_probs, window.valid)
    for policy in POLICIES:
        together = pick(policy, batch, Block(start, end, zero, zero))
        explained_together = policy.explain(batch, together)
        for i, one in enumerate(singles):
            size = len(rows[i])
            alone = pick(policy, one, block(size))
            assert torch.equal(together.unmask[i, :size], alone.unmask[0])
            for left, right in zip(explained_together, policy.explain(one, alone), strict=True):
                assert torch.equal(left[i, :size], right[0])


# Rules of single methods


def test_near_an_anchor_less_confidence_is_enough() -> None:
    made = proposal([0.8, 0.3, 0.95, 0.3, 0.8, 0.8])
    codes, _, _ = explained(Anchored(0.9, 0.75, 2), made, 6)
    assert codes == [
        "committed_near", "below_threshold", "committed_threshold", "below_threshold", "committed_near",
        "below_threshold",
    ]  # fmt: skip


def test_without_an_anchor_nothing_is_near_one() -> None:
    assert chosen(pick(Anchored(0.9, 0.5, 4), proposal([0.8, 0.7]), block(2))) == []


@pytest.mark.parametrize(
    ("size", "levels"),
    [(1, (0,)), (2, (0, 0)), (4, (0, 1, 0, 1)), (8, (0, 2, 1, 2, 0, 2, 1, 2))],
)
def test_the_dilated_grid_halves_its_gaps(size: int, levels: tuple[int, ...]) -> None:
    assert dilated(size) == levels


def test_a_checkerboard_has_two_steps() -> None:
    assert checkerboard(5) == (0, 1, 0, 1, 0)


def test_the_lowest_level_that_is_still_masked_has_its_turn() -> None:
    made = proposal([0.9] * 4, [False, True, False, True])
    assert chosen(pick(Ordered(dilated(4)), made, block(4))) == [1, 3]


@pytest.mark.parametrize(
    ("steps", "counts"), [(256, [0, *[1] * 254, 2]), (128, [1, *[2] * 126, 3]), (64, [3, *[4] * 62, 5])]
)
def test_dreams_schedule_unmasks_as_published(steps: int, counts: list[int]) -> None:
    left, seen = 256, []
    schedule = Schedule(steps, 1e-3, "confidence", 0.0, 0)
    for step in range(steps):
        made = proposal([0.5] * left)
        picked = chosen(schedule.select(made, block(left, step), [])[0])
        seen.append(len(picked))
        left -= len(picked)
    assert seen == counts


def test_dreams_origin_unmasks_each_position_with_the_schedules_probability() -> None:
    schedule = Schedule(4, 1e-3, None, 0.0, 7)
    canvas = Canvas(torch.zeros(1, 4000, dtype=torch.long), torch.tensor([0]), torch.tensor([4000]), 1)
    made = proposal([0.5, 0.5])
    wide = made.log_probs[:, :1].expand(1, 4000, 3)
    picked = schedule.select(of_log_probs(wide), block(4000, 0), schedule.init(canvas))[0]
    assert abs(len(chosen(picked)) / 4000 - 0.25) < 0.03


@pytest.mark.parametrize(
    ("ends", "taken"), [([False, False, True, True], [2]), ([True] * 4, [0, 1, 2, 3])], ids=["some", "all"]
)
def test_prophet_does_not_look_at_what_fills_the_row_after_the_response(
    ends: list[bool], taken: list[int]
) -> None:
    """End tokens are sure from the first step on; the two unsure words before them are not settled."""
    confidence = [0.999999 if end else 0.6 for end in ends]
    end, word = len(ends), 0
    log_probs = torch.full((1, len(ends), len(ends) + 1), -30.0, dtype=torch.float64)
    for place, (value, is_end) in enumerate(zip(confidence, ends, strict=True)):
        log_probs[0, place, end if is_end else word] = math.log(value)
        log_probs[0, place, word + 1] = math.log(1 - value)
    policy = EarlyCommit(100, (end,), None, (7.5, 5.0, 2.5))
    assert chosen(pick(policy, of_log_probs(log_probs), block(4))) == taken
    assert chosen(pick(replace(policy, end_ids=()), of_log_probs(log_probs), block(4)))  # it may be unknown


@pytest.mark.parametrize(("taken", "settled"), [(31, False), (32, True), (66, True)])
def test_prophets_progress_counts_the_step_it_is_in(taken: int, settled: bool) -> None:
    """Of 100 positions the second third begins with step 33, whose progress is 0.33."""
    policy = EarlyCommit(100, (), None, (99.0, 0.0, 0.0))
    state = Progress(torch.tensor([5]), torch.tensor([taken]))
    picked = policy.select(proposal([0.5, 0.6, 0.7]), block(1), state)[0]
    assert chosen(picked) == ([0, 1, 2] if settled else [0])


def test_what_a_filter_removes_is_not_drawn_however_low_the_temperature() -> None:
    log_probs = torch.tensor([[[0.1, 0.5, 0.4]]], dtype=torch.float64).log()
    assert filtered(log_probs / 1e-7, 0.4, None).argmax() == 1
    assert filtered(log_probs / 1e-7, 1.0, 1).argmax() == 1


def test_wino_says_when_a_confident_position_has_to_wait() -> None:
    made = proposal([0.9] * 9 + [0.2])
    doubted = replace(made, doubt=made.log_probs)
    canvas = Canvas(torch.zeros(1, 20, dtype=torch.long), torch.tensor([5]), torch.tensor([15]), 1)
    policy = Revocable(0.7, 0.9)
    selection, _ = policy.select(doubted, block(10), policy.init(canvas))
    codes = [CODES[c] for c in policy.explain(doubted, selection)[0][0].tolist()]
    assert codes == ["committed_threshold"] * 7 + ["beyond_cap"] * 2 + ["below_threshold"]


def test_an_entropy_budget_of_nothing_is_one_position_however_small_its_entropy() -> None:
    """Beside a large entropy a small one is lost in float32: all of both would seem to be the larger."""
    sure, unsure = [0.0, -23.0, -23.0], [0.8, 0.1, 0.1]
    both = torch.stack([torch.tensor(sure), torch.tensor(unsure).log()])
    assert chosen(pick(EntropyBudget(0.0), of_log_probs(both[None]), block(2))) == [0]
