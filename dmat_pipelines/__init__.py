"""VERBS on Dagster: capture, conform, decide, deliver, evaluate, and the processes that run them.

Belongs here: assets that read, call `dmat`, write, and report numbers; `definitions.py` puts them on one page.
Stays out: rules (`dmat/`), moments (`sensors/`), tables (`dbt/`), screens (`apps/`). Verbs never call each other.
"""
