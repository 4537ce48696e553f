"""Why a position was or was not unmasked in a step, as a code and in words."""

from typing import NamedTuple


class Reason(NamedTuple):
    """`words` has places for the step's numbers and the method's parameters, filled in by the reader."""

    committed: bool
    label: str
    words: str


REASONS: dict[str, Reason] = {
    "committed_high": Reason(
        True, "sure", "unmasked: its confidence {confidence} is at least τ_high = {tau_high}"
    ),
    "committed_greedy": Reason(
        True,
        "no conflict",
        "unmasked in round {round}: its confidence {confidence} is at least τ_low = {tau_low} and it"
        " conflicts with none of the tokens chosen before it",
    ),
    "committed_forced": Reason(
        True,
        "forced",
        "unmasked as the most confident of the block ({confidence}): every step unmasks something",
    ),
    "committed_threshold": Reason(
        True, "confident", "unmasked: its confidence {confidence} is at least the threshold {threshold}"
    ),
    "committed_factor": Reason(
        True,
        "confident",
        "unmasked: its confidence {confidence} passes the bound for its rank (factor {factor})",
    ),
    "committed_near": Reason(
        True,
        "near a sure one",
        "unmasked: its confidence {confidence} is at least {relaxed_threshold}, and a position within"
        " {radius} reaches {threshold}",
    ),
    "committed_accepted": Reason(
        True, "taken for final", "unmasked: the filter takes it for final (above {threshold})"
    ),
    "committed_agreed": Reason(
        True, "agreed", "unmasked: the mixture with the causal model agrees with the draft up to here"
    ),
    "committed_verified": Reason(
        True, "verified", "unmasked: it was drafted and is what the verifier says here"
    ),
    "committed_corrected": Reason(
        True, "corrected", "unmasked: the verifier's token, where the draft had another"
    ),
    "committed_induced": Reason(
        True,
        "attends to a sure one",
        "unmasked: its confidence {confidence} is at least {induced_threshold}, and it attends to a decided"
        " token that is sure",
    ),
    "committed_independent": Reason(
        True,
        "independent",
        "unmasked: its confidence {confidence} is at least {low_threshold}, and nothing chosen in this"
        " way attends to it or is attended to by it",
    ),
    "committed_budget": Reason(
        True,
        "in the budget",
        "unmasked: among the surest, whose entropies the budget of {budget} nats allows",
    ),
    "committed_still": Reason(
        True,
        "still",
        "unmasked: its confidence {confidence} exceeds {threshold} and its distribution has kept still for"
        " {history} steps",
    ),
    "committed_early": Reason(
        True, "settled", "unmasked with all that was left: the two best tokens lie far enough apart"
    ),
    "committed_turn": Reason(True, "its turn", "unmasked: its turn in the fixed order of the block"),
    "committed_drawn": Reason(True, "drawn", "unmasked: drawn at random for this step"),
    "committed_scheduled": Reason(
        True, "in the schedule", "unmasked: within what the time schedule allows this step"
    ),
    "committed_quota": Reason(
        True, "in the quota", "unmasked: its confidence {confidence} is among the highest of this step"
    ),
    "blocked_by_high": Reason(
        False,
        "conflict",
        "waits: conflicts with {cause_token} at {cause} (D = {d} > γ = {gamma}), which is sure",
    ),
    "blocked_by_pick": Reason(
        False,
        "conflict",
        "waits: conflicts with {cause_token} at {cause} (D = {d} > γ = {gamma}), which is more confident",
    ),
    "below_tau_low": Reason(False, "unsure", "waits: its confidence {confidence} is below τ_low = {tau_low}"),
    "below_threshold": Reason(
        False, "unsure", "waits: its confidence {confidence} is below the threshold {threshold}"
    ),
    "below_factor": Reason(
        False, "unsure", "waits: its confidence {confidence} fails the bound for its rank (factor {factor})"
    ),
    "not_accepted": Reason(
        False, "not taken for final", "waits: the filter does not take it for final (not above {threshold})"
    ),
    "not_agreed": Reason(
        False, "not agreed", "waits: at or after the first token on which the mixture disagrees"
    ),
    "not_verified": Reason(False, "not verified", "waits: the verifier has not come this far"),
    "not_independent": Reason(
        False, "unsure or dependent", "waits: too unsure ({confidence}), or tied by attention to a chosen one"
    ),
    "beyond_cap": Reason(
        False,
        "beyond the cap",
        "waits: its confidence {confidence} exceeds {threshold}, but a step may unmask only so many",
    ),
    "beyond_budget": Reason(
        False, "beyond the budget", "waits: the entropy budget of {budget} nats is spent"
    ),
    "not_still": Reason(
        False,
        "unsure or moving",
        "waits: confident (> {threshold}, here {confidence}) and still for {history} steps is what it takes",
    ),
    "later_turn": Reason(False, "later", "waits: its turn in the fixed order of the block comes later"),
    "not_drawn": Reason(False, "not drawn", "waits: not drawn at random for this step"),
    "beyond_schedule": Reason(
        False, "beyond the schedule", "waits: beyond what the time schedule allows this step"
    ),
    "beyond_quota": Reason(
        False, "beyond the quota", "waits: other positions are more confident than {confidence}"
    ),
}
CODES: tuple[str, ...] = tuple(REASONS)
"""Codes in a fixed order: `UnmaskPolicy.explain` gives indices into this."""


def code(name: str) -> int:
    """The index of a reason code."""
    return CODES.index(name)
