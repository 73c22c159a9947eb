"""DECIDE: who should get what next, written as intents into the ledger; nothing leaves from here.

Belongs here: reading the published tables, asking `dmat` what is due, planning it in the ledger, reporting numbers.
Stays out: the rules (`dmat/campaigns`, `dmat/consent`), handing over (`deliver`), when it happens (`sensors/`).
`carts.py` and `campaigns.py` are plain functions without Dagster; `assets.py` wraps them.
"""
