"""Alerts: what a marketer should hear of without looking, once, with a reason and a link.

Belongs here: what is unusual (`forecast.py`), rules, judging them, what stands open, who is told and how seldom.
Stays out: the figures themselves (`dmat/metrics`), sending mails (the ledger) and screens.
"""
