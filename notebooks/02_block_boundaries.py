# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Where a block ends
# DepCap ends the next block where the last one stops mattering: the *last-block influence* of a position is
# how far decoding the last block moved its distribution (a KL divergence), and the block is the leading run
# of positions whose scaled influence exceeds `lambda_u` times their scaled entropy.

# %%
import plotly.io as pio

import depcap
from analysis import views
from analysis.findings import renderer
from analysis.openings import openings
from analysis.signals import CURVES
from analysis.swaps import depcap_rule

MODEL = "tiny-llada"
pio.renderers.default = renderer()
model = depcap.load(MODEL)
problem = (
    'def result_of(nums, limit):\n    """Compute the sum of the numbers in nums that are divisible by 4 and '
    "greater than limit, each decreased by 10, or 0 if there are none. "
    'Return the larger of the result and 14."""\n'
)
result = depcap.generate(model, problem, gen_length=128, record="distributions")[0]
print(result.text)
print(result.block_sizes)

# %% [markdown]
# The first block has no last block before it and takes the smallest size. Here is the second: the score is
# the difference of the two curves, and the line marks where the block ends.

# %%
views.boundary(result.trace, 1)

# %% [markdown]
# `lambda_u` weighs uncertainty against influence: a larger one mostly makes shorter blocks.

# %%
for weight in (0.0, 0.6, 1.2, 2.4):
    other = depcap.generate(model, problem, gen_length=128, lambda_u=weight)[0]
    print(f"lambda_u {weight}: blocks {other.block_sizes}, {other.nfe} forwards")

# %% [markdown]
# What would other signals have said at the same openings? `A` is the exact sum of divergences that DepCap
# estimates from the top K tokens, `J` the divergence of the joint distributions, and *entropy only* ignores
# the last block altogether.

# %%
rule = depcap_rule(model, result.trace, samples=2, seed=0)
for opening in openings(result.trace)[:2]:
    found = rule.lengths(opening.after, opening.before, opening.start, CURVES)
    print(opening.start, {signal: length.size for signal, length in found.items()})

# %% [markdown]
# `depcap analyze boundaries` asks this of many problems, and decodes each again with every signal in
# charge.
