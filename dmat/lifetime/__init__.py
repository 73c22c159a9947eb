"""Customer lifetime value: how often a customer will buy, and for how much.

Belongs here: models of repeat purchases and of their value, fitted by maximum likelihood, and what they expect of
single customers; plain mathematics on arrays. Stays out: counting orders (`dbt/models/marts/customers`).

Frequency is the number of repeat purchases, recency the time from the first purchase to the last, age the time from the
first purchase to now; one unit of time throughout.
"""
