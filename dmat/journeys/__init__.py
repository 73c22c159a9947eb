"""Journeys: what happens to one person after the other, from a trigger over waits and branches to an end.

Belongs here: definitions and their versions, the machine that moves a member on, members, running them set by set,
replaying them on the past, playbooks. Stays out: whether a message may leave (`dmat/campaigns/gate.py`), the ledger
(`dmat/ledger`), who calls the runner and when (`dmat_pipelines/decide/journeys.py`).
"""
