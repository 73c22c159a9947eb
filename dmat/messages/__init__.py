"""Messages: templates as files, what is put into them, and the links they carry.

Belongs here: words, layout, personal fields with their fallbacks, rendering within limits, signed links.
Stays out: who gets a message and when (`dmat/campaigns`), and handing it over (`dmat/channels`).
"""
