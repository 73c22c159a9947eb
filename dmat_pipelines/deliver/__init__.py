"""Deliver: what is planned leaves, through the gate, once.

Belongs here: draining the ledger. Stays out: planning (`dmat_pipelines/decide`), the rules (`dmat/campaigns/gate.py`),
the states (`dmat/ledger`).
"""
