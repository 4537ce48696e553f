"""A comparison in one table: accuracy with its interval, cost, and paired tests against a baseline."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.comparison import KEYS
from analysis.statistics import mcnemar, ratio
from depcap.evaluation import score

COLUMNS = {
    "accuracy": "accuracy (95 %)", "difference": "Δ points (p)", "nfe": "NFE", "auxiliary": "auxiliary",
    "computed": "positions computed", "nfe_ratio": "NFE ratio", "tokens_per_second": "tokens/s",
    "positions_per_second": "positions/s", "speed_ratio": "time ratio", "overlong": "overlong",
}  # fmt: skip


def summary(outcomes: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """One row per decoder, in the order they were run.

    `difference`, `p` (McNemar), `nfe_ratio` and `speed_ratio` compare with the `baseline` method on the same
    model and task, in the first cache it was run with: how many times fewer forwards, how many times less
    time. They are missing where the baseline is.
    """
    found = []
    for keys, rows in outcomes.groupby(KEYS, sort=False):
        named = dict(zip(KEYS, keys, strict=True))
        base = outcomes[(outcomes.model == named["model"]) & (outcomes.task == named["task"])]
        found.append({**named, **_costs(rows), **_against(rows, base[base.method == baseline])})
    return pd.DataFrame(found)


def _costs(rows: pd.DataFrame) -> dict[str, Any]:
    found, seconds = score(rows["right"].tolist()), rows["seconds"].sum()
    return {
        "n": found.n, "accuracy": found.accuracy, "low": found.ci95[0], "high": found.ci95[1],
        "nfe": rows["nfe"].mean(), "auxiliary": rows["auxiliary"].mean(), "computed": rows["computed"].mean(),
        "positions_per_second": rows["filled"].sum() / seconds,
        "tokens_per_second": rows["response_length"].sum() / seconds, "overlong": rows["overlong"].mean(),
    }  # fmt: skip


def _against(rows: pd.DataFrame, base: pd.DataFrame) -> dict[str, Any]:
    """Paired with the baseline in the first cache it was run with."""
    if base.empty:
        return {}
    first = base[base.cache == base.cache.iloc[0]]
    both = rows.merge(first, on="problem", suffixes=("", "_base"))
    paired = mcnemar(both["right"], both["right_base"])
    found: dict[str, Any] = {
        "difference": paired.difference, "wins": paired.wins, "losses": paired.losses, "p": paired.p,
    }  # fmt: skip
    for name, column in (("nfe_ratio", "nfe"), ("speed_ratio", "seconds")):
        times = ratio(both[f"{column}_base"], both[column])
        found |= {name: times.value, f"{name}_low": times.ci95[0], f"{name}_high": times.ci95[1]}
    return found


def front(table: pd.DataFrame, cost: str, larger_is_better: bool = False) -> pd.Series:
    """Which rows no other of the same model and task beats in one respect without losing in the other."""
    sign = -1.0 if larger_is_better else 1.0

    def best(rows: pd.DataFrame) -> pd.Series:
        paid, right = sign * rows[cost].to_numpy(), rows["accuracy"].to_numpy()
        no_worse = (paid[:, None] <= paid) & (right[:, None] >= right)
        better = no_worse & ((paid[:, None] < paid) | (right[:, None] > right))
        return pd.Series(~better.any(axis=0), index=rows.index)

    return pd.concat([best(rows) for _, rows in table.groupby(["model", "task"], sort=False)])


def markdown(table: pd.DataFrame) -> str:
    """A table per model and task; what lies on the Pareto front of NFE is bold."""
    on_front, parts = front(table, "nfe"), []
    for (model, task), rows in table.groupby(["model", "task"], sort=False):
        head = ["method", "cache", *COLUMNS.values()]
        lines = [head, ["---"] * len(head), *(_line(row, on_front[place]) for place, row in rows.iterrows())]
        body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        parts.append(f"### {model}, {task} ({int(rows['n'].max())} problems)\n\n{body}")
    return "\n\n".join(parts) + "\n"


def _line(row: Any, on_front: bool) -> list[str]:
    label = f"**`{row.method}`**" if on_front else f"`{row.method}`"
    compared = not np.isnan(row.get("p", np.nan))
    return [
        label, row.cache, f"{row.accuracy:.1%} ({100 * row.low:.1f}–{100 * row.high:.1f})",
        f"{100 * row.difference:+.1f} ({row.p:.2g})" if compared else "–", f"{row.nfe:.1f}",
        f"{row.auxiliary:.1f}" if row.auxiliary else "–", f"{row.computed:,.0f}",
        _times(row, "nfe_ratio") if compared else "–", f"{row.tokens_per_second:.0f}",
        f"{row.positions_per_second:.0f}", _times(row, "speed_ratio") if compared else "–",
        f"{row.overlong:.1%}",
    ]  # fmt: skip


def _times(row: Any, name: str) -> str:
    return f"{row[name]:.2f}× ({row[f'{name}_low']:.2f}–{row[f'{name}_high']:.2f})"
