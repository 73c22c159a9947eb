"""What the screens of leads show: the view, the lead that is open, what the list is narrowed to.

Belongs here: parameters, as the address has them. Stays out: queries and layout.
"""

from __future__ import annotations

import param

MINE, WAITING, ALL, TEAM, RULES, MATRIX = "mine", "waiting", "all", "team", "rules", "matrix"
QUEUES = (MINE, WAITING, ALL)
AT_ONCE = 50


class LeadState(param.Parameterized):
    """One reader's place."""

    view = param.String(default="")
    lead = param.String(default="", doc="number of the lead that was opened")
    search = param.String(default="")
    status = param.String(default="")
    rep = param.String(default="", doc="key of the rep whose leads are shown in place of one's own")
    most = param.Integer(default=AT_ONCE, bounds=(1, None), doc="how many leads of the list are shown")
    days = param.Integer(default=30, bounds=(1, 366))

    def address(self) -> dict[str, str]:
        """The query of the address."""
        return {
            "view": self.view, "id": self.lead, "search": self.search, "status": self.status, "rep": self.rep,
            "days": "" if self.days == 30 else str(self.days),
        }  # fmt: skip
