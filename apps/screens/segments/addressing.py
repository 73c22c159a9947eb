"""The page's address: what it asks for, and keeping it in step so that it can be shared and reloaded.

Belongs here: reading and writing the query. Stays out: what the values mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import panel as pn

from apps.screens.follow.screen import asked_for as asked_for


def remember(values: Mapping[str, str]) -> None:
    """Put values into the address without loading the page anew; empty ones are left out."""
    if pn.state.location:
        parts = {name: value for name, value in values.items() if value}
        pn.state.location.search = f"?{urlencode(parts)}" if parts else ""


def leave_for(address: str) -> None:
    """Load another page of ours."""
    if pn.state.location:
        path, _, query = address.partition("?")
        pn.state.location.param.update(pathname=path, search=f"?{query}" if query else "", reload=True)
