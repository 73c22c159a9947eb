"""Loyalty: points in double entry, tiers that follow from them, offers with validity and redemption.

Belongs here: the rules of the programme, the ledger of points, tiers, offers and who holds which. Stays out: mails
about them (journeys), figures (`dbt/models/marts/loyalty`).
"""
