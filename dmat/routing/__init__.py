"""Routing: which sales rep gets which lead, why, and what happens when nobody answers.

Belongs here: reps and their hours, rules as data, the decision and its explanation, assignments, the clock of answers.
Stays out: scores (`dmat/scoring`), the vendors' APIs (`dmat/connectors`).
"""
