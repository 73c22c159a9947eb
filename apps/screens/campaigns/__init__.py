"""Screens of campaigns: the list, the composer, the monitor."""
