# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Speed against quality
# Every decoder runs on one engine and is counted in the same way, so a comparison says something about the
# methods, not about their scripts. Here are a few of them on a few problems.

# %%
from pathlib import Path
from tempfile import mkdtemp

import plotly.io as pio

import depcap
from analysis.comparison import cells, outcomes, run
from analysis.efficiency import efficiency
from analysis.findings import renderer
from analysis.pareto import pareto
from analysis.spec import specs
from analysis.summary import summary

MODEL, CACHE, LIMIT = "tiny-llada", "dual", 3
METHODS = "llada,fast-dllm,fast-dllm:threshold=0.3,depcap"
pio.renderers.default = renderer()
model = depcap.load(MODEL)

# %%
folder = Path(mkdtemp())
chosen = cells([model], ["arithmetic"], specs(METHODS), [CACHE], 256, "eos")
run(chosen, LIMIT, LIMIT, folder, lambda _cell, _done: None)
table = summary(outcomes(chosen, LIMIT, folder))
table[["method", "accuracy", "low", "high", "forwards", "seconds", "tokens_per_second"]].round(3)

# %% [markdown]
# With so few problems the intervals are wide. The dotted line joins what no other decoder beats.

# %%
pareto(table).update_layout(width=900)

# %% [markdown]
# Where do the forwards go? Of one problem, decoded three ways: how many tokens a forward yields, how many
# steps unmask a single token, and how much of a block its first forward decides.

# %%
problem = "Tom has 12 pens. Tom buys 3 packs of 4 pens. How many pens does Tom have now?"
traces = {
    method: depcap.generate(model, problem, method=method, cache=CACHE, record="scores")[0].trace
    for method in ("llada", "fast-dllm", "depcap")
}
efficiency(traces).round(2)

# %% [markdown]
# `depcap compare --methods all --limit 300 --out results/` compares them all, with paired tests.
