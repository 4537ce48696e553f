"""A comparison in one table: accuracy with its interval, and cost."""

from typing import Any

import numpy as np
import pandas as pd

from analysis import findings
from analysis.comparison import KEYS
from depcap.evaluation import score

TABLE = ["model", "task"]
"""What is compared with each other has these in common."""
COSTS = {"forwards": False, "tokens_per_second": True}
"""What accuracy is weighed against, and whether more of it is better."""


def summary(outcomes: pd.DataFrame) -> pd.DataFrame:
    """One row per decoder, in the order they were run: its accuracy, and its cost per problem.

    `forwards` are NFE and `auxiliary` ones together; `seconds` are a problem's share of its batch's time.
    Times are those of one machine, the one that most of a table's decoders have run on; `timed` says for how
    many problems. Without any they are NaN.
    """
    usual = {table: _usual(rows) for table, rows in outcomes.groupby(TABLE)}
    return pd.DataFrame(
        {**dict(zip(KEYS, keys, strict=True)), **_costs(rows, rows[rows["machine"] == usual[keys[:2]]])}
        for keys, rows in outcomes.groupby(KEYS, sort=False)
    )


def _usual(rows: pd.DataFrame) -> str:
    """The machine that most decoders have run on; of several the one that decoded most."""
    decoders = rows.drop_duplicates(["machine", "method", "cache"])["machine"].value_counts()
    decodes = rows["machine"].value_counts()
    return str(max(decodes.index, key=lambda machine: (decoders[machine], decodes[machine])))


def _costs(rows: pd.DataFrame, timed: pd.DataFrame) -> dict[str, Any]:
    found, seconds = score(rows["right"].tolist()), timed["seconds"].sum() or np.nan
    nfe, auxiliary = rows["nfe"].mean(), rows["auxiliary"].mean()
    return {
        "n": found.n, "accuracy": found.accuracy, "low": found.ci95[0], "high": found.ci95[1],
        "nfe": nfe, "auxiliary": auxiliary, "forwards": nfe + auxiliary, "computed": rows["computed"].mean(),
        "auxiliary_computed": rows["auxiliary_computed"].mean(),
        "timed": len(timed), "seconds": timed["seconds"].mean(),
        "positions_per_second": timed["filled"].sum() / seconds,
        "tokens_per_second": timed["response_length"].sum() / seconds, "overlong": rows["overlong"].mean(),
    }  # fmt: skip


def front(table: pd.DataFrame, cost: str, larger_is_better: bool = False) -> pd.Series:
    """Which rows no other of the same model and task beats in one respect without losing in the other.

    One whose cost is not known (NaN) is not among them.
    """
    sign = -1.0 if larger_is_better else 1.0

    def best(rows: pd.DataFrame) -> pd.Series:
        paid, right = sign * rows[cost].to_numpy(), rows["accuracy"].to_numpy()
        no_worse = (paid[:, None] <= paid) & (right[:, None] >= right)
        better = no_worse & ((paid[:, None] < paid) | (right[:, None] > right))
        return pd.Series(~better.any(axis=0) & ~np.isnan(paid), index=rows.index)

    return pd.concat([best(rows) for _, rows in table.groupby(TABLE, sort=False)])


def fronts(table: pd.DataFrame) -> pd.DataFrame:
    """By cost, which rows are on its Pareto front."""
    return pd.DataFrame({cost: front(table, cost, larger) for cost, larger in COSTS.items()})


def markdown(table: pd.DataFrame) -> str:
    """A table of one task's decoders; a method on a Pareto front is bold, and so is what it costs there."""
    best = fronts(table)
    return findings.markdown(pd.DataFrame(_line(row, best.loc[place]) for place, row in table.iterrows()))


def _line(row: Any, best: Any) -> dict[str, str]:
    return {
        "method": _bold(f"`{row.method}`", best.any()), "cache": row.cache,
        "accuracy (95 %)": f"{row.accuracy:.1%} ({100 * row.low:.1f}–{100 * row.high:.1f})",
        "forwards": _bold(_with_second(row.nfe, row.auxiliary, ".1f"), best.forwards),
        "positions computed": _with_second(row.computed, row.auxiliary_computed, ",.0f"),
        "s/problem": told(row.seconds, "#.3g"),
        "tokens/s": _bold(told(row.tokens_per_second, ".0f"), best.tokens_per_second),
        "positions/s": told(row.positions_per_second, ".0f"), "overlong": f"{row.overlong:.1%}",
    }  # fmt: skip


def told(number: float, digits: str) -> str:
    """A number, or a dash where there is none."""
    return "–" if np.isnan(number) else f"{number:{digits}}"


def _with_second(own: float, second: float, digits: str) -> str:
    """The model's own, and a second model's where there is one."""
    return f"{own:{digits}} + {second:{digits}}" if second else f"{own:{digits}}"


def _bold(text: str, marked: bool) -> str:
    return f"**{text}**" if marked else text
