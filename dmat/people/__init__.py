"""What colleagues know of a person beyond what systems tell.

Belongs here: notes and tasks. Stays out: who is who (dbt resolves it, `people.dim_people`), consent
(`dmat/consent`), tags and values that journeys set (`dmat/journeys/properties.py`).
"""
