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
# # Do e-mails sell, and which one?
#
# In 2008 Kevin Hillstrom gave away the data of a real trial: 64,000 customers of a shop got an e-mail with men's goods,
# one with women's goods, or none, by chance, and were watched for two weeks. Here the trial is analysed with
# `dmat.experiments`. The data lie beside the repository (`../shared/data/hillstrom.csv`); without them it says so.

# %%
from pathlib import Path

import duckdb

from dmat.experiments.analysis import Arm, Design, Observed, analyse, breakdown
from dmat.experiments.health import sample_ratio
from dmat.experiments.incremental import increment
from dmat.experiments.metrics import Metric
from dmat.experiments.moments import Moments

places = (folder / "shared" / "data" / "hillstrom.csv" for folder in (Path.cwd(), *Path.cwd().parents))
file = next((place for place in places if place.exists()), None)
print("found the trial" if file else "the data of the trial are not there: nothing is analysed below")

# %% [markdown]
# ## What the statistics need
# Sums of each arm and metric, nothing else. Each customer counts once, whether or not he opened anything. What he spent
# in the year before (`history`) goes along as a covariate: it cannot be an effect of the mail, but explains who buys.

# %%
METRICS = {"visit": "visit", "conversion": "conversion", "revenue": "spend * 100"}
ARMS = {"No E-Mail": "none", "Mens E-Mail": "mens", "Womens E-Mail": "womens"}


def moments_of(outcome, where="true"):
    rows = duckdb.sql(
        f"""select segment, count(*), sum(y), sum(y * y), sum(c), sum(c * c), sum(y * c)
        from (select segment, ({outcome})::double as y, history as c from read_csv('{file}') where {where})
        group by segment"""
    ).fetchall()
    return {ARMS[arm]: Moments(n, y, yy, c=c, cc=cc, yc=yc) for arm, n, y, yy, c, cc, yc in rows}


def observed(where="true"):
    sums = {metric: moments_of(outcome, where) for metric, outcome in METRICS.items()}
    people = {arm: int(sums["visit"][arm].n) for arm in ARMS.values()}
    return Observed(people, {arm: {metric: sums[metric][arm] for metric in METRICS} for arm in ARMS.values()})


# %% [markdown]
# ## The plan
# No e-mail is the control, conversion decides, visits and revenue are looked at as well. One look at the end, two
# comparisons: one family.

# %%
design = Design(
    arms=(Arm("none", "no e-mail"), Arm("mens", "men's e-mail"), Arm("womens", "women's e-mail")),
    control="none",
    primary="conversion",
    inference="fixed",
    extra_metrics=(Metric("visit", "visited", "proportion"),),
)
found = analyse(design, observed()) if file else None
print(found.sentence if found else "no data")

# %% [markdown]
# ## Health first
# Were people drawn as planned? A trial that fails here is not looked at any further.

# %%
for finding in found.health if found else ():
    print(f"{finding.level:5} {finding.check}: {finding.message}")

# %% [markdown]
# ## What the e-mails did
# Difference to no e-mail, with its interval, relative lift with its own, p within the family. Both intervals exclude
# zero together or not at all.

# %%
for one in found.comparisons if found else ():
    scale, unit = (100, "points") if one.metric != "revenue" else (0.01, "dollars")
    print(
        f"{one.metric:11}{one.arm:7}{one.difference * scale:+.3f} {unit}"
        f" ({one.low * scale:+.3f} to {one.high * scale:+.3f}), lift {one.lift:+.0%}"
        f" ({one.lift_low:+.0%} to {one.lift_high:+.0%}), p = {one.p_adjusted:.1e}"
    )

# %% [markdown]
# Both e-mails beat none on visits, on conversions and on spending. The effect is that of being mailed, not of reading:
# all who were drawn count.
#
# ## Which of the two is better?
# A comparison of its own: now the women's e-mail is the control.

# %%
between = Design(
    arms=design.arms[1:], control="womens", primary="conversion", inference="fixed", extra_metrics=design.extra_metrics
)
if file:
    whole = observed()
    chosen = Observed(
        {arm: whole.assigned[arm] for arm in ("mens", "womens")},
        {arm: whole.moments[arm] for arm in ("mens", "womens")},
    )
    print(analyse(between, chosen).sentence)

# %% [markdown]
# ## For whom?
# Within segments everything is exploratory. The women's e-mail was made for those who had bought women's goods; whether
# it works better there is a question for the next trial.

# %%
groups = {"bought men's only": "mens = 1 and womens = 0", "bought women's only": "mens = 0 and womens = 1"}
if file:
    for name, part in breakdown(design, {name: observed(where) for name, where in groups.items()}).items():
        print(f"{name}: {part.sentence}\n")

# %% [markdown]
# ## What it was worth
# Spending a customer, times the customers mailed, less what would have come anyway.

# %%
if file:
    spent = moments_of(METRICS["revenue"])
    for arm in ("mens", "womens"):
        worth = increment(spent["none"], spent[arm])
        print(
            f"{arm}: {worth.total / 100:,.0f} dollars more from {spent[arm].n:,.0f} customers"
            f" ({worth.total_low / 100:,.0f} to {worth.total_high / 100:,.0f})"
        )

# %% [markdown]
# ## What a sick trial looks like
# Another published test, of a mobile game (`cookie_cats.csv`): 44,700 players in one arm, 45,489 in the other, where
# half and half was planned. Chance does that in nine of a thousand tests, so the result waits until somebody knows why.

# %%
players = file.with_name("cookie_cats.csv") if file else None
if players and players.exists():
    seen = duckdb.sql(f"select version, count(*) from read_csv('{players}') group by 1 order by 1").fetchall()
    counts = [count for _, count in seen]
    ratio = sample_ratio(counts, [1, 1])
    print(f"{counts}: chi-square {ratio.chi_square:.2f}, p = {ratio.p:.4f}: {ratio.level}")
