"""The studies by name, and what of them a user can choose."""

from collections.abc import Callable

from analysis import additivity_study, boundaries, calibration, conflicts
from analysis.blocks import LEFT_TO_RIGHT, ORDERS, Plan
from analysis.study import Study
from depcap.choices import choose
from depcap.errors import DepcapError

STUDIES: dict[str, Callable[[Plan], Study]] = {
    "additivity": additivity_study.study,
    "boundaries": boundaries.study,
    "conflicts": lambda _plan: conflicts.study(),
    "calibration": lambda _plan: calibration.study(),
}
MAX_SIZE, MAX_SAMPLES = 256, 1_024


def choose_study(name: str, plan: Plan) -> Study:
    """A study by name, with a plan."""
    return choose(STUDIES, name, "question")(plan)


def plan(sizes: str, orders: str, samples: int) -> Plan:
    """A plan from what a user wrote: sizes and orders separated by commas."""
    try:
        numbers = tuple(sorted({int(size) for size in sizes.split(",") if size.strip()}))
    except ValueError:
        numbers = ()
    if not numbers or not 1 <= min(numbers) <= max(numbers) <= MAX_SIZE:
        raise DepcapError(f"sizes {sizes!r}: whole numbers from 1 to {MAX_SIZE}, separated by commas")
    chosen = tuple(dict.fromkeys(order.strip() for order in orders.split(",")))
    for order in chosen:
        if order not in ORDERS:
            raise DepcapError(f"unknown order {order!r} (known: {', '.join(ORDERS)})")
    if LEFT_TO_RIGHT not in chosen:
        raise DepcapError(f"orders must hold {LEFT_TO_RIGHT}: the verdict is on it")
    if not 2 <= samples <= MAX_SAMPLES:
        raise DepcapError(f"samples {samples} must be from 2 to {MAX_SAMPLES:,}")
    return Plan(numbers, chosen, samples)
