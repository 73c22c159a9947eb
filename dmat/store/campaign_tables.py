"""The tables of campaigns: plans and their versions, frozen audiences, approvals, rules that acted.

Belongs here: names, types and keys. Stays out: what a plan may say (`dmat/campaigns`).
"""

from __future__ import annotations
