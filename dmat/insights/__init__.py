"""Insights: what moved, and which part of the whole explains it, in words; deterministic.

Belongs here: shares of a change, choosing the dimension that explains it, sentences. Stays out: the figures
(`dmat/metrics`), forecasts (`dmat/alerts`).
"""
