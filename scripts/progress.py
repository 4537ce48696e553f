"""Running means of a training run, for people and plots."""

MEMORY = 50
"""Steps of a view, about, over which its means run."""
LogLine = tuple[int, int, str, float, float]
"""Step, tokens seen, view, running loss, running share of right argmaxes."""


class Progress:
    """Running means of loss and right argmaxes, and the number of steps, for each view."""

    def __init__(self, means: dict[str, tuple[float, float, int]]) -> None:
        self.means = means

    def add(self, name: str, loss: float, right: float) -> None:
        """One more step; the first ones count alike."""
        before, was_right, count = self.means.get(name, (loss, right, 0))
        share = 1 / min(count + 1, MEMORY)
        self.means[name] = (
            before + share * (loss - before), was_right + share * (right - was_right), count + 1
        )  # fmt: skip

    def lines(self) -> list[tuple[str, float, float]]:
        """View, loss, share right."""
        return [(name, round(loss, 5), round(right, 5)) for name, (loss, right, _) in self.means.items()]

    def __str__(self) -> str:
        return "; ".join(f"{name} loss {loss:.4f} right {right:.4f}" for name, loss, right in self.lines())
