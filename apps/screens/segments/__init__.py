"""Segments: the list, the rule builder, and what there is to know about one segment."""
