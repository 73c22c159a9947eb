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
# # Where did this cart's money come from?
#
# A cart was left, a mail went out, an order came back. This notebook walks one such cart from what the shop said to
# the figure on Home, table by table, with nothing in between that you cannot look at. It only reads.

# %%
import dmat

w = dmat.open()
print(f"Published version {w.version.number}, data as of {w.version.data_as_of:%d %B %Y %H:%M} UTC")

# %% [markdown]
# ## Which carts came back?
# One row for each cart that got a place in the programme, also those held out by chance. The rule of what counts as
# recovered stands in the description of `evaluation.cart_recoveries`.

# %%
recoveries = w.sql("""
    select cart_id, person_id, message_id, is_holdout, state, cart_total_cents / 100 as cart_total,
           messaged_at, is_recovered, recovered_at, recovered_cents / 100 as recovered, currency_code
    from evaluation.cart_recoveries
    order by is_recovered desc, recovered_cents desc nulls last, cart_id
""")
recoveries.drop(columns=["person_id", "message_id"]).head(10)

# %% [markdown]
# ## The cart we follow
# The recovered one with the largest order; where none came back yet, the first that was planned.

# %%
cart = recoveries.iloc[0]
cart

# %% [markdown]
# ## What did the shop say about it?
# Every version of the checkout as it was received, with the run that loaded it.

# %%
raw = w.sql(
    """
    select record_updated_at, _loaded_at, _run_id, payload
    from raw.shopify_abandoned_checkouts
    where payload like '%' || ? || '%'
    order by record_updated_at, _loaded_at
    """,
    [cart.cart_id],
)
raw

# %% [markdown]
# ## What is it in our tables?

# %%
w.sql("select * from commerce.fct_carts where cart_id = ?", [cart.cart_id]).T

# %%
w.sql(
    "select title, quantity, unit_price_cents / 100 as unit_price from commerce.fct_cart_lines where cart_id = ?",
    [cart.cart_id],
)

# %% [markdown]
# ## Whose is it, and how do we know?
# The contacts that were found to be the same person.

# %%
w.sql(
    "select source, source_contact_id, full_name, created_at from people.person_contacts"
    " where person_id = ? order by created_at",
    [int(cart.person_id)],
)

# %% [markdown]
# ## May we write to this person?

# %%
w.sql(
    "select channel, is_granted, decided_at, source from consent.person_channel_consent where person_id = ?",
    [int(cart.person_id)],
)

# %% [markdown]
# ## What did we promise, and what became of it?
# The message in the ledger, then everything the provider told us about it.

# %%
w.sql("select * from deliveries.fct_messages where message_id = ?", [cart.message_id]).T

# %%
w.sql(
    "select occurred_at, event_type, is_machine from engagement.fct_message_events where message_id = ? order by 1",
    [cart.message_id],
)

# %% [markdown]
# ## And the order?

# %%
w.sql(
    """
    select o.ordered_at, o.net_cents / 100 as net, o.currency_code, o.discount_code, o.cart_id = r.cart_id as same_cart
    from evaluation.cart_recoveries as r
    join commerce.fct_orders as o on o.order_id = r.recovered_order_id
    where r.cart_id = ?
    """,
    [cart.cart_id],
)

# %% [markdown]
# ## Does the figure on Home add up?
# The sum over carts must equal the summary, currency by currency.

# %%
added_up = w.sql("""
    select currency_code, sum(recovered_cents) filter (where is_recovered and not is_holdout) as recovered_cents
    from evaluation.cart_recoveries group by 1 order by 1
""")
summary = w.sql("select currency_code, recovered_cents from evaluation.cart_recovery_summary order by 1")
both = added_up.merge(summary, on="currency_code", suffixes=("_by_cart", "_in_summary")).fillna(0)
assert (both.recovered_cents_by_cart == both.recovered_cents_in_summary).all()
both
