"""The screen of alerts: what stands open and what people do about it, and the rules with a look at the past.

Belongs here: layout and what clicks do. Stays out: what is unusual (`dmat/alerts`).
"""
