"""Webhooks of each vendor: one file each, with `verify` (is it from them?) and `elements` (what does it say?).

Belongs here: what a vendor's own pages say of its webhooks, and the one registry. Stays out: what an event changes
(`dmat/ledger/receive.py`), asking and sending (`dmat/connectors`).
"""
