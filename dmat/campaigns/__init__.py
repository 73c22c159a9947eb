"""Campaigns: who is to get which message, and when it may leave.

Belongs here: planning, hold-outs, pace (quiet hours, frequency), programmes and their switch, and the one gate.
Stays out: consent (`dmat/consent`), writing the ledger (`dmat/ledger/post.py`), words (`dmat/messages`).
"""
