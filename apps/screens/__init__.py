"""The screens, each in a folder of its own: `state.py` (parameters), `data.py` (queries), `screen.py` (layout).

Belongs here: which screens there are and who may open them. Stays out: what a part looks like (`parts/`).
"""

from __future__ import annotations

from dataclasses import dataclass

PLANNERS = ("admin", "marketer", "analyst")
ROLES = ("admin", "marketer", "analyst", "sales", "manager")
SALES = ("admin", "marketer", "sales", "manager")
SEE_PEOPLE = ("admin", "marketer", "sales", "manager")


@dataclass(frozen=True)
class Entry:
    """A screen as the menu knows it: its address, its words, its icon, and the roles that may open it."""

    path: str
    title: str
    icon: str
    roles: tuple[str, ...]
    words: str


SCREENS = (
    Entry("/home", "Home", "home", ROLES, "start overview figures revenue what needs me"),
    Entry("/people", "People", "person", SEE_PEOPLE, "customer contact profile timeline 360 history consent"),
    Entry("/segments", "Segments", "people", ("admin", "marketer", "analyst"), "audience groups rules builder people"),
    Entry("/campaigns", "Campaigns", "megaphone", PLANNERS, "send schedule steps monitor pause approve holdout"),
    Entry("/journeys", "Journeys", "route", PLANNERS, "automation workflow canvas playbook replay nurturing"),
    Entry("/experiments", "A/B tests", "flask", PLANNERS, "experiments split winner variants subject learned"),
    Entry("/leads", "Leads", "bolt", SALES, "sales score queue reps routing rules territory matrix manager team"),
    Entry("/loyalty", "Loyalty", "coins", ("admin", "marketer"), "members points tiers offers holdout win-back"),
    Entry("/templates", "Templates", "mail", ("admin", "marketer", "analyst"), "mail editor drag drop preview text"),
    Entry("/codes", "Codes and links", "tag", PLANNERS, "discount code pool coupon upload utm parameters domains"),
    Entry("/calendar", "Calendar", "calendar", PLANNERS, "month week plan clash fatigue"),
    Entry("/analytics", "Analytics", "chart", PLANNERS, "figures revenue roi funnel cohorts attribution reports"),
    Entry("/reports", "Reports", "list", PLANNERS, "pdf digest summary monthly schedule mail export"),
    Entry("/alerts", "Alerts", "warning", PLANNERS, "anomaly unusual threshold rule acknowledge snooze slack"),
    Entry("/follow", "Follow one cart", "cart", ("admin", "marketer", "analyst"), "cart path recovery mail events raw"),
    Entry("/health", "Health", "pulse", ("admin", "marketer", "analyst"), "sources runs refused queue versions"),
)


def entry_of(path: str) -> Entry | None:
    """The screen at `path`, also for the addresses that belong to it (`/home/ws`)."""
    first = "/" + path.strip("/").split("/")[0]
    return next((entry for entry in SCREENS if entry.path == first), None)


def visible_to(role: str) -> tuple[Entry, ...]:
    """The screens a role may open, in the order of the menu."""
    return tuple(entry for entry in SCREENS if role in entry.roles)
