"""CAPTURE: what vendors, the inbox and files hold, landed as received in `raw.*` (twice gives once).

Belongs here: reading a source page by page, landing it, and writing the outcome of each run.
Stays out: what payloads mean (`dbt/`), how a vendor is spoken to (`dmat/connectors`), and when it happens (`sensors/`).
`sources.py`, `deliveries.py` and `imports.py` are plain functions without Dagster; `assets.py` wraps them.
"""
