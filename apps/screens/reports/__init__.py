"""The screen of reports: those there are, when each is made and who gets it, what was made, and its files.

Belongs here: layout, what clicks do, files. Stays out: what a report says (`dmat/reports`).
"""
