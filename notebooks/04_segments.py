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
# # Whom do we mean?
#
# A segment is a question about people that is asked again and again. Here you ask one in the way you would filter a
# data frame, look at who answers to it, compare it with another one, and see how a kept segment grew. Only the last
# step of "Keep it" would write something, and it is left to you.

# %%
import dmat

w = dmat.open()
print(f"Published version {w.version.number}, data as of {w.version.data_as_of:%d %B %Y %H:%M} UTC")

# %% [markdown]
# ## Which segments are there?
# Those that marketers built and those that came as files, with their size at the last look and their rule in words.

# %%
w.segments()

# %% [markdown]
# ## Ask as you would filter a data frame
# The condition is read as a rule, checked against what the warehouse knows, and put into words.

# %%
buyers = w.segment_from("orders_count >= 2 and has_email_consent")
buyers

# %%
buyers.members(["country_code", "lifecycle", "orders_count", "revenue_cents"]).head(10)

# %% [markdown]
# ## What people did
# Events need the rule itself: here, who spent more than 100 in the last 60 days. Money is in whole units of the
# currency, time counts back from now.

# %%
spenders = w.segment_from(
    {
        "version": 1,
        "where": {
            "event": "ordered",
            "measure": "sum",
            "property": "net",
            "op": "greater_than",
            "value": 100,
            "window": {"last": {"amount": 60, "unit": "days"}},
        },
    }
)
spenders

# %% [markdown]
# The same from the tables, by hand: the rule must find exactly these people.

# %%
by_hand = w.sql(
    """
    select person_id from commerce.fct_orders
    where status not in ('cancelled', 'credit_note', 'adjustment') and person_id is not null
      and ordered_at > ?::timestamp - interval 60 day and ordered_at <= ?::timestamp
    group by person_id having sum(net_cents) > 10000
    """,
    [w.settings.clock.now(), w.settings.clock.now()],
)
assert abs(len(by_hand) - len(spenders)) <= 1  # a make-believe clock may tick between two questions
len(by_hand)

# %% [markdown]
# ## From a data frame of people
# Any list of people with a column `person_id` or `email` becomes a rule about their addresses (who shares one comes
# along); kept as a static segment it stays that list.

# %%
best = w.sql(
    "select person_id, email from people.dim_people where email is not null order by revenue_cents desc limit 20"
)
top_twenty = w.segment_from(best)
len(top_twenty)

# %% [markdown]
# ## Keep it
# `top_twenty.save("Top twenty", kind="static")` would keep it: it then has versions, an owner, and whoever uses it is
# known. To keep this notebook a reader, it stays a comment.

# %%
# top_twenty.save("Top twenty", kind="static", by="me@shop.example")

# %% [markdown]
# ## How do two segments differ, and how did one grow?
# With the first two kept segments, if there are two.

# %%
keys = w.segments().key.tolist()
w.compare(*keys[:2]) if len(keys) > 1 else "Keep two segments first."

# %%
w.segment(keys[0]).growth().tail(14) if keys else "Keep a segment first."
