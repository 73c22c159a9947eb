"""CONFORM: raw tables -> staging, intermediate and mart tables, by dbt.

Belongs here: how dbt is run. Stays out: the SQL and its rules (`dbt/`), and Dagster's view of it
(`dmat_pipelines/tables.py`).
"""
