"""Scoring: what a lead's behaviour is worth, said in words, and told to sales when it crosses the line.

Belongs here: the matrix and what was changed of it, leads and what they did at our own doors, the live score, alerts.
Stays out: the ledger of points and its sums (`dbt/models/marts/scores`), who gets which lead (`dmat/routing`).
"""
