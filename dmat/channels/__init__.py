"""Channels: the rules of e-mail, and how a message is handed to whatever provider is connected.

Belongs here: the contract of an outgoing message, the headers e-mail demands, the sandbox that sends nothing,
and what a vendor's events mean to us. Stays out: the vendors' HTTP (`dmat/connectors`) and who may be
written to (`dmat/consent`, `dmat/campaigns/gate.py`).
"""
