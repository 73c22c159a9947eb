"""Reports: questions put together on pages, on paper, in tables and in mails, on demand or by a schedule.

Belongs here: what a report is, the fifty that every workspace has, making one from the published figures, its files.
Stays out: the figures (`dmat/metrics`), sending (the ledger) and screens.

A report that was made keeps its figures: a file of it can be made again later and says the same.
"""
