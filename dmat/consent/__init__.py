"""Consent: may this person be written to, on this channel, for this purpose, now? Yes, or no and why.

Belongs here: permission, suppression of addresses, unsubscribing. Stays out: frequency and quiet hours
(`dmat/campaigns/pace.py`); the order in which everything is asked (`dmat/campaigns/gate.py`).
"""
