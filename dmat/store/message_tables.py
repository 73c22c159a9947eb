"""The tables of messages: templates and their versions, blocks, discount codes given away.

Belongs here: names, types and keys. Stays out: what a template may say (`dmat/messages`).
"""

from __future__ import annotations
