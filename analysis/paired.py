"""Every decoder of a comparison against a baseline, on the same problems."""

from typing import Any

import pandas as pd

from analysis import findings
from analysis.agreement import ratio_of_sums
from analysis.comparison import KEYS, Baseline
from analysis.statistics import clustered, mcnemar, ratio
from analysis.strata import corrected

FAMILY = ["model", "task", "baseline", "baseline_cache"]
"""Tests that are corrected together: those of one table."""
RATIOS = [f"{kind}_ratio{end}" for kind in ("forwards", "speed") for end in ("", "_low", "_high")]
DIFFERENCE = ["difference", "difference_low", "difference_high"]
COLUMNS = [*FAMILY, "method", "cache", "n", *DIFFERENCE, "wins", "losses", "p", *RATIOS]


def paired(outcomes: pd.DataFrame, baselines: list[Baseline]) -> pd.DataFrame:
    """One row per baseline, and per decoder that has run on the same model and task as it.

    `difference` is that of the accuracies, with Newcombe's interval, `wins` and `losses` are problems that
    only the decoder, or only the baseline, solves, `p` is McNemar's and `p_holm` the same after Holm's
    correction over all decoders of that model, task and baseline. `forwards_ratio` (NFE and those of a second
    model together) and `speed_ratio` say how many times fewer forwards it takes than the baseline, how many
    times less time, with bootstrap intervals: over problems, and over batches, whose problems share one
    measurement of time. Times are of the problems that one machine has decoded in both ways; NaN where there
    are none.
    """
    counted = outcomes.assign(forwards=outcomes["nfe"] + outcomes["auxiliary"])
    found = []
    for (model, task), table in counted.groupby(["model", "task"], sort=False):
        decoders = {tuple(keys[2:]): rows for keys, rows in table.groupby(KEYS, sort=False)}
        for method, cache in baselines:
            against = {"model": model, "task": task, "baseline": method, "baseline_cache": cache}
            base = decoders.get((method, cache))
            found += [
                {**against, "method": key[0], "cache": key[1], **_test(rows, base)}
                for key, rows in decoders.items()
                if base is not None and key != (method, cache)
            ]
    tests = pd.DataFrame(found, columns=COLUMNS)
    return tests.assign(p_holm=tests.groupby(FAMILY, sort=False)["p"].transform(corrected))


def _test(rows: pd.DataFrame, base: pd.DataFrame) -> dict[str, Any]:
    """One decoder against the baseline."""
    both = rows.merge(base, on="problem", suffixes=("", "_base"))
    right = mcnemar(both["right"], both["right_base"])
    forwards = ratio(both["forwards_base"], both["forwards"])
    timed = both[both["machine"] == both["machine_base"]]
    times = clustered(ratio_of_sums, (timed["seconds_base"], timed["seconds"]), timed["batch"])
    ratios = (forwards.value, *forwards.ci95, times.value, *times.bounds)
    return {
        "n": len(both), **dict(zip(DIFFERENCE, (right.difference, *right.ci95), strict=True)),
        "wins": right.wins, "losses": right.losses, "p": right.p, **dict(zip(RATIOS, ratios, strict=True)),
    }  # fmt: skip


def against(tests: pd.DataFrame) -> list[str]:
    """One task's tests in Markdown, a table per baseline; a difference with p below 0.05 is bold."""
    parts = []
    for (method, cache), rows in tests.groupby(FAMILY[2:], sort=False):
        shown = pd.DataFrame(_line(row, method) for _, row in rows.iterrows())
        parts += [f"Against `{method}`, cache {cache}:", findings.markdown(shown)]
    return parts


def _line(row: Any, baseline: str) -> dict[str, str]:
    points, low, high = (f"{100 * row[name]:+.1f}" for name in DIFFERENCE)
    shown = f"**{points}**" if row.p_holm < 0.05 else points
    return {
        "method": f"`{row.method}`", "cache": row.cache, "Δ points": f"{shown} ({low} to {high})",
        "only it right": str(row.wins), f"only `{baseline}` right": str(row.losses),
        "p (McNemar)": f"{row.p:.2g}", "p (Holm)": f"{row.p_holm:.2g}",
        "fewer forwards": _times(row, "forwards_ratio"), "less time": _times(row, "speed_ratio"),
    }  # fmt: skip


def _times(row: Any, name: str) -> str:
    """A ratio with its interval, where it has one."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if pd.isna(row[name]):
        return "–"
    return f"{row[name]:.2f}×" + ("" if pd.isna(low) else f" ({low:.2f}–{high:.2f})")
