"""The tables of the doors to the web: devices, banners and in-app messages shown, webhooks that we send.

Belongs here: names, types and keys. Stays out: answering (`apps/api`).
"""

from __future__ import annotations
