"""What colleagues know of a person beyond what systems tell, and the numbers under which a person is known.

Belongs here: notes and tasks, those numbers. Stays out: who is who (dbt resolves it, `people.dim_people`), consent
(`dmat/consent`), tags and values that journeys set (`dmat/journeys/properties.py`).
"""
