"""Calendar: month, week and list of what is planned, with days that can be dragged.

Belongs here: what is synced. Stays out: the component itself (`assets/calendar`), which entries there are, and whether
one may move (`dmat/campaigns/calendar.py`).
"""

from __future__ import annotations

import param

from apps.parts.bundled import Bundled, address_of, script_of

_SCRIPT = script_of("calendar.js")


class Calendar(Bundled):
    """The calendar of one reader. Times in it are the workspace's, written without a zone."""

    entries = param.List(default=[], doc="id, title, start, channel, tone, time, words, warning, editable.")
    view = param.Selector(default="month", objects=["month", "week", "list"])
    date = param.String(default="", doc="A day of the shown month or week, as 2026-11-21.")
    today = param.String(default="", doc="The workspace's now, which may be virtual.")
    warned = param.List(default=[], doc="Days with a clash or with many messages to the same people.")

    _address = address_of(_SCRIPT)
    _bundle = _SCRIPT
    _esm = _SCRIPT
