"""The store: the small transactional database of a workspace, on SQLite or PostgreSQL.

Belongs here: the tables, opening and migrating them, users and sign-ins, the inbox, settings that people change.
Stays out: the warehouse (`dmat/warehouse.py`) and the rules that decide what is written (`dmat/ledger`,
`dmat/consent`). Screens and doors write only here.

>>> store = open_store(settings)
>>> with store.write() as connection:  # BEGIN IMMEDIATE; commits at the end, rolls back on an error
...     connection.execute(...)
"""

from __future__ import annotations

from dmat.store.engine import Store, open_store, upgrade

__all__ = ["Store", "open_store", "upgrade"]
