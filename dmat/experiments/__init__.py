"""Experiments: which of several ways works better, how sure that is, and what it cost to find out.

Belongs here: the plan of a test, who is in which arm, the statistics (pure functions of moments), health, and the
decision with its reason. Stays out: sending (`dmat/ledger`), campaigns (`dmat/campaigns`), tables (`dbt`), screens.
Modules of statistics need numpy only when they are imported; scipy is loaded at the first number
(`dmat/experiments/special.py`).
"""
