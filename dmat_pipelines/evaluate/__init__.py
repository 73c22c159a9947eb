"""EVALUATE: what came of it, and whether the numbers agree with each other.

Belongs here: reconciling the store, the ledger and the warehouse; checks on the tables that people trust.
Stays out: the tables themselves (`dbt/models/marts/evaluation`) and statistics (`dmat/experiments`).
`reconcile.py` is plain functions without Dagster; `assets.py` wraps them as asset checks.
"""
