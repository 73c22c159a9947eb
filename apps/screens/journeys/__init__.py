"""Journeys on the screen: list, canvas and step list, people inside, trying out on the past, versions and effect."""
