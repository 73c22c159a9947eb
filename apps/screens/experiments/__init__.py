"""Experiments: tests in the making, under way, decided, and what was learned from them."""
