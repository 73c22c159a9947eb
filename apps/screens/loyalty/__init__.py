"""The screen of the loyalty programme: what it brings in, members by tier, offers, its rules."""
