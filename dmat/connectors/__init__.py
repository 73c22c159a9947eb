"""Vendors: one file each, and everything we know of a vendor is in its one file.

Belongs here: addresses, keys, paging, cursors, limits, the fields we ask for, and what each answer means.
Stays out: landing (`dmat/landing.py`), the rules of e-mail or SMS (`dmat/channels`), and what payloads mean (`dbt/`).
"""
