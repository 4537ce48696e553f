# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A first decode, and its trace
# A diffusion language model starts from a row of masks and unmasks many positions at once. This notebook
# decodes one problem with DepCap and looks at what was recorded.
#
# Everything here runs on the bundled model on any laptop. On a GPU, change one line: `MODEL =
# "GSAI-ML/LLaDA-8B-Instruct"`.

# %%
import plotly.io as pio

import depcap
from analysis import views
from analysis.efficiency import per_step
from analysis.findings import renderer

MODEL = "tiny-llada"
pio.renderers.default = renderer()
model = depcap.load(MODEL)

# %%
problem = (
    "Ida has 14 stamps. Ida buys 3 packs of 7 stamps. Ida gives 4 stamps to each of 2 friends. "
    "Ida doubles the number of stamps. How many stamps does Ida have now?"
)
result = depcap.generate(model, problem, record="distributions")[0]
print(result.text)

# %% [markdown]
# The result says what it cost. One token per step would take as many forwards as there are tokens.

# %%
print(f"{result.response_length} tokens in {result.nfe} forwards, blocks of {result.block_sizes}")

# %% [markdown]
# The trace has a row per step. It can be saved as a Parquet file (`depcap decode --trace`), opened in the
# app, and every canvas can be rebuilt from it.

# %%
per_step(result.trace)

# %% [markdown]
# Each row below is a position of the block that took longest, each column a step. A dot marks the step that
# unmasked it: positions are filled where the model is sure, not from left to right.

# %%
longest = int(per_step(result.trace)["block"].mode()[0])
views.timeline(result.trace, longest)

# %% [markdown]
# The same problem with one token per step gives what the model says when it is never hurried.

# %%
slow = depcap.generate(model, problem, method="llada")[0]
print(slow.text)
print(f"{slow.response_length} tokens in {slow.nfe} forwards")
