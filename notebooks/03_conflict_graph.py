# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Which tokens must not be unmasked together
# Two positions are in conflict if the chances of each one's token in the other's place multiply to more than
# e^gamma: D = log p_i(x_j) + log p_j(x_i) > gamma, at -16 one in ten million. DepCap unmasks confident
# positions, no two in conflict unless both are very sure.

# %%
import pandas as pd
import plotly.io as pio

import depcap
from analysis import views
from analysis.dependence import dependence
from analysis.findings import renderer
from analysis.replay import canvas_at

MODEL = "tiny-llada"
pio.renderers.default = renderer()
model = depcap.load(MODEL)
problem = (
    "Ida has 14 stamps. Ida buys 3 packs of 7 stamps. Ida gives 4 stamps to each of 2 friends. "
    "Ida doubles the number of stamps. How many stamps does Ida have now?"
)
result = depcap.generate(model, problem, record="distributions")[0]
print(result.text)

# %% [markdown]
# The step with the most conflicts: arcs above the line made a token wait, arcs below join two tokens that
# were both sure enough to be unmasked all the same.

# %%
rows = result.trace.rows()
step = max(rows, key=lambda row: len(row["edges"]))["step"]
views.conflicts(result.trace, step)

# %% [markdown]
# Is a conflict a dependence? The model can be asked: give one position each of its likeliest tokens, and
# see how far the other's distribution moves. That is their mutual information, in nats; *flips* says that
# the other token changes.

# %%
row = rows[step - 1]
candidates = row["candidates"][:8]
found = dependence(model.denoiser, canvas_at(result.trace, step - 1), candidates, values=4)
pieces = [result.trace.header.pieces[token] for token in found.tokens.tolist()]
pd.DataFrame(found.information.numpy(), pieces, pieces).round(4)

# %%
pd.DataFrame(found.scores.numpy(), pieces, pieces).round(1)

# %% [markdown]
# `depcap analyze conflicts` does this for many steps of many problems and says how well D tells dependent
# pairs from others, at every gamma.
