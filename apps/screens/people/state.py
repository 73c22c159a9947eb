"""What the reader of a person looks at: whom, which kind of moments, how many, and what was searched."""

from __future__ import annotations

import param


class PeopleState(param.Parameterized):
    """Kept in the page's address, except how many moments are shown."""

    person = param.String(default="", doc="Number of the person; empty for the list.")
    kind = param.String(default="", doc="Which kind of moments is shown; empty for all.")
    search = param.String(default="", doc="What was searched.")
    most = param.Integer(default=50, doc="How many moments are shown.")
