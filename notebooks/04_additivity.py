# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Is last-block influence additive?
# DepCap judges every token of a candidate block by how far the last block moved its own distribution. Their
# sum is A = sum of KL(P_i || Q_i), P with the last block in place, Q with it masked again. What the last
# block did to all of them together is the divergence of the joint distributions, J = KL(P || Q). The gap has
# two parts: J − A = (J − A') + (A' − A), where A' is the sum with the marginals that the two joints have
# themselves. J − A' is what dependence between the candidates does; A' − A is how far the model's one-shot
# marginals are from its own joint's.

# %%
from pathlib import Path
from tempfile import mkdtemp

import pandas as pd
import plotly.io as pio

import depcap
from analysis.additivity import enumerated
from analysis.additivity_study import point_figures
from analysis.agreement import ratio_of_sums
from analysis.blocks import LEFT_TO_RIGHT, Plan
from analysis.findings import renderer
from analysis.studies import choose_study
from analysis.study import measure, record
from depcap.models.toy import common_cause, exclusive_or
from depcap.request import Settings

MODEL, LIMIT = "tiny-llada", 2
pio.renderers.default = renderer()

# %% [markdown]
# Two cases that can be done in the head. A fair bit that both candidates copy: each learns ln 2, both
# together also only ln 2, so the sum counts it twice. An exclusive or: neither learns anything alone,
# together they learn ln 2.

# %%
for toy in (common_cause(), exclusive_or()):
    mask = toy.mask_id
    exact = enumerated(toy, [1, mask, mask], [mask, mask, mask], [1, 2])
    print(f"J = {exact.total:.4f}, A = {exact.proxy:.4f}, gap {exact.gap:+.4f}")

# %% [markdown]
# With a real model J cannot be enumerated. It is estimated by drawing histories in P and showing them to
# both worlds; every conditional is summed over the whole vocabulary.

# %%
model, folder = depcap.load(MODEL), Path(mkdtemp())
paths = record(model, "arithmetic", LIMIT, Settings(gen_length=96), folder, LIMIT, lambda _done: None)
study = choose_study("additivity", Plan((4, 8), (LEFT_TO_RIGHT,), samples=2, baselines=False))
blocks = measure(study, model, paths, None, 0, lambda _done: None)
blocks[["decode", "block", "candidates", "masked_again", "joint", "additive", "standard_error"]].round(3)

# %% [markdown]
# The verdict is computed from the numbers, and says so when they are too few, as they are here.

# %%
finding = study.conclude(blocks)
print(finding.verdict)
finding.figures["Joint influence against the sum"]

# %%
finding.tables["Parts of the gap"].round(3)

# %% [markdown]
# `depcap analyze additivity --limit 60 --out results/` does this for as many blocks as it takes, with
# intervals over prompts, strata, orders and baselines. Here are the blocks of such a study that count, which
# is published with its [finding](../docs/results/additivity.md).

# %%
published = pd.read_parquet("../docs/results/additivity/tiny-llada/additivity.parquet").query("in_verdict")
print(f"{len(published)} blocks: sum J / sum A = {ratio_of_sums(published.joint, published.additive):.2f}")
point_figures(published)["Joint influence against the sum"]
