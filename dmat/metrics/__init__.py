"""The metric layer: each figure defined once, asked for in one way, traced down to its rows and people.

Belongs here: the catalogue (read from `dbt/metrics/*.yml`), questions, their SQL, answers, the lineage of a figure,
who is behind it, saved questions, notes on days. Stays out: tables (`dbt/models`), layout (`apps`), reports and alerts
(`dmat/reports`, `dmat/alerts`), which ask their questions here.
"""
