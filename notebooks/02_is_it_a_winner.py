# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Is it a winner?
#
# A test was decided, or somebody says that it is clear who wins. Here you run its analysis again from what was known
# at that moment: every decision keeps a snapshot of the plan and of the sums over people, and the same snapshot gives
# the same figures for ever.
#
# Put the id of a snapshot into `SNAPSHOT` (the monitor of a test shows it). Left empty, the newest one is taken; in a
# workspace without any, an example is.

# %%
SNAPSHOT = ""

# %%
from dataclasses import asdict

import pandas as pd

import dmat
from dmat.experiments import snapshots
from dmat.experiments.analysis import analyse
from dmat.experiments.moments import Moments
from dmat.experiments.records import read_decision, read_experiments
from dmat.experiments.results import Arm, Design, Observed
from dmat.store import open_store

w = dmat.open()
store = open_store(w.settings)

# %% [markdown]
# ## Which tests are there?

# %%
with store.read() as connection:
    tests = read_experiments(connection)
kept = [card | {"test": test.name, "experiment_id": test.experiment_id}
        for test in tests for card in snapshots.list_snapshots(store, test.experiment_id)]  # fmt: skip
pd.DataFrame(kept, columns=["snapshot_id", "test", "taken_at", "taken_by", "because", "version", "data_version"])

# %% [markdown]
# ## What was known at that moment
# The example: 23 of 123 people clicked in version A, 31 of 122 in version B. It looks like a clear win for B.

# %%
newest = max(kept, key=lambda card: card["taken_at"])["snapshot_id"] if kept else ""
snapshot = snapshots.read(store, SNAPSHOT or newest) if SNAPSHOT or newest else None
if snapshot is not None:
    design, observed = snapshot.design, snapshot.observed
else:
    design = Design((Arm("a", "Usual subject"), Arm("b", "Only today")), "a", "click", planned_n_per_arm=125)
    sums = {"a": {"click": Moments.of_proportion(123, 23)}, "b": {"click": Moments.of_proportion(122, 31)}}
    observed = Observed({"a": 123, "b": 122}, sums)
pd.DataFrame(
    [{"arm": arm, "metric": metric, "people": m.n, "sum": m.y, "sum of squares": m.yy}
     for arm, metrics in observed.moments.items() for metric, m in metrics.items()]
).set_index(["metric", "arm"]).sort_index()  # fmt: skip

# %% [markdown]
# ## The verdict in words

# %%
analysis = analyse(design, observed)
print(analysis.sentence)

# %% [markdown]
# ## The arms
# The rate (or mean, money in cents) of each arm with its interval; the chance to be the best one and what is lost on
# average if it is chosen and is not. That chance is no proof: "significant" stands in the next table.

# %%
pd.DataFrame([asdict(arm) for arm in analysis.arms]).set_index(["metric", "arm"])

# %% [markdown]
# ## Each arm against the control
# `is_significant` and the interval of the difference say the same by construction; so do difference and lift.

# %%
columns = ["difference", "low", "high", "lift", "p", "p_adjusted", "is_significant", "probability_better", "method"]
pd.DataFrame([asdict(comparison) for comparison in analysis.comparisons]).set_index(["metric", "arm"])[columns]

# %% [markdown]
# ## Can the figures be believed?
# Health comes first: whether the arms have the shares that they were to have, whether people were in two arms, and
# what each guardrail says.

# %%
for finding in (*analysis.health, *analysis.guardrails):
    print(f"{getattr(finding, 'level', None) or finding.kind:8} {finding.message}")

# %% [markdown]
# ## The same again
# The analysis has no chance in it: once more from the kept document gives every figure again, to the last digit.

# %%
again = snapshots.from_document(snapshots.as_document(design, observed))
assert again == (design, observed)
assert analyse(*again) == analysis
"the same"

# %% [markdown]
# ## What was decided then?

# %%
decision = None
if snapshot is not None:
    with store.read() as connection:
        decision = read_decision(connection, snapshot.experiment_id)
print(f"{decision.kind} {decision.arm} by {decision.decided_by}: {decision.reason}" if decision else "Nothing yet.")

# %%
store.close()
