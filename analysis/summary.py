"""A comparison in one table: accuracy with its interval, cost, and paired tests against a baseline."""

from typing import Any

import numpy as np
import pandas as pd

from analysis import findings
from analysis.agreement import ratio_of_sums
from analysis.comparison import KEYS
from analysis.statistics import clustered, mcnemar, ratio
from analysis.strata import holm
from depcap.evaluation import score

TABLE = ["model", "task"]
"""What is compared with each other has these in common."""


def summary(outcomes: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """One row per decoder, in the order they were run.

    `forwards` are NFE and those of a second model (`auxiliary`) together. `difference`, `p` (McNemar),
    `forwards_ratio` and `speed_ratio` compare with the `baseline` method on the same model and task, in the
    first cache it was run with: how many times fewer forwards, how many times less time. `p_holm` is p after
    Holm's correction over a model's and task's decoders. They are missing where the baseline is; the baseline
    itself has no p. Problems of a batch share its time, so that `speed_ratio` is resampled by batches.
    """
    counted, found = outcomes.assign(forwards=outcomes["nfe"] + outcomes["auxiliary"]), []
    for keys, rows in counted.groupby(KEYS, sort=False):
        named = dict(zip(KEYS, keys, strict=True))
        base = counted[(counted.model == named["model"]) & (counted.task == named["task"])]
        found.append({**named, **_costs(rows), **_against(rows, base[base.method == baseline])})
    table = pd.DataFrame(found)
    if "p" in table:
        table["p_holm"] = table.groupby(TABLE, sort=False)["p"].transform(_corrected)
    return table


def _costs(rows: pd.DataFrame) -> dict[str, Any]:
    found, seconds = score(rows["right"].tolist()), rows["seconds"].sum()
    return {
        "n": found.n, "accuracy": found.accuracy, "low": found.ci95[0], "high": found.ci95[1],
        "nfe": rows["nfe"].mean(), "auxiliary": rows["auxiliary"].mean(),
        "forwards": rows["forwards"].mean(), "computed": rows["computed"].mean(),
        "auxiliary_computed": rows["auxiliary_computed"].mean(),
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
    forwards = ratio(both["forwards_base"], both["forwards"])
    times = clustered(ratio_of_sums, (both["seconds_base"], both["seconds"]), both["batch"])
    return {
        "difference": paired.difference, "wins": paired.wins, "losses": paired.losses,
        "p": np.nan if rows.index.equals(first.index) else paired.p,
        "forwards_ratio": forwards.value,
        "forwards_ratio_low": forwards.ci95[0], "forwards_ratio_high": forwards.ci95[1],
        "speed_ratio": times.value,
        "speed_ratio_low": times.bounds[0], "speed_ratio_high": times.bounds[1],
    }  # fmt: skip


def _corrected(ps: pd.Series) -> pd.Series:
    return pd.Series(holm([None if np.isnan(p) else p for p in ps]), ps.index)


def front(table: pd.DataFrame, cost: str, larger_is_better: bool = False) -> pd.Series:
    """Which rows no other of the same model and task beats in one respect without losing in the other."""
    sign = -1.0 if larger_is_better else 1.0

    def best(rows: pd.DataFrame) -> pd.Series:
        paid, right = sign * rows[cost].to_numpy(), rows["accuracy"].to_numpy()
        no_worse = (paid[:, None] <= paid) & (right[:, None] >= right)
        better = no_worse & ((paid[:, None] < paid) | (right[:, None] > right))
        return pd.Series(~better.any(axis=0), index=rows.index)

    return pd.concat([best(rows) for _, rows in table.groupby(TABLE, sort=False)])


def markdown(table: pd.DataFrame) -> str:
    """A table per model and task; what lies on the Pareto front of forwards is bold."""
    best, parts = front(table, "forwards"), []
    for (model, task), rows in table.groupby(TABLE, sort=False):
        shown = pd.DataFrame(_line(row, best[place]) for place, row in rows.iterrows())
        parts.append(f"### {model}, {task} ({rows['n'].max()} problems)\n\n{findings.markdown(shown)}")
    return "\n\n".join(parts) + "\n"


def _line(row: Any, best: bool) -> dict[str, str | None]:
    tested = not np.isnan(row.get("p", np.nan))
    return {
        "method": f"**`{row.method}`**" if best else f"`{row.method}`", "cache": row.cache,
        "accuracy (95 %)": f"{row.accuracy:.1%} ({100 * row.low:.1f}–{100 * row.high:.1f})",
        "Δ points (p, Holm)": f"{100 * row.difference:+.1f} ({row.p_holm:.2g})" if tested else None,
        "NFE": f"{row.nfe:.1f}", "auxiliary": f"{row.auxiliary:.1f}" if row.auxiliary else None,
        "forwards ratio": _times(row, "forwards_ratio"),
        "positions computed": f"{row.computed:,.0f}",
        "by the second": f"{row.auxiliary_computed:,.0f}" if row.auxiliary else None,
        "tokens/s": f"{row.tokens_per_second:.0f}",
        "positions/s": f"{row.positions_per_second:.0f}", "time ratio": _times(row, "speed_ratio"),
        "overlong": f"{row.overlong:.1%}",
    }  # fmt: skip


def _times(row: Any, name: str) -> str | None:
    """A ratio with its interval, where it has one."""
    if np.isnan(row.get(name, np.nan)):
        return None
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[name]:.2f}×" + ("" if np.isnan(low) else f" ({low:.2f}–{high:.2f})")
