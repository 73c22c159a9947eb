"""Who may do what: the scopes of each role and of machines' tokens, and the caller that carries them.

Belongs here: names of scopes, which role has which, and the question "may this caller?". Stays out: cookies and
headers (`apps/api/callers.py`), passwords (`users.py`), how tokens are kept (`tokens.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from dmat.errors import InvalidInputError, NotPermittedError
from dmat.store.users import User

SCOPES = {
    "segments:read": "see segments, their rules, sizes and history; count a rule",
    "segments:write": "make, change and delete segments",
    "people:read": "see who is in a segment, with personal columns",
    "consent:write": "ask people for their consent, and set up purposes",
    "web:write": "say who a visitor of the site is, register devices",
    "webhooks:write": "set up addresses that are told what happens here",
    "people:write": "write notes about people, give tasks, end them",
    "people:export": "take the members of a segment away as a file",
    "templates:read": "see templates of messages, preview and check them",
    "templates:write": "make and change templates, send tests of them",
    "codes:read": "see pools of discount codes and how many are left",
    "codes:write": "make pools of discount codes, add codes, let returned ones be given again",
    "leads:read": "see leads, their scores and who has them",
    "leads:write": "take leads in, note what they did, change their status",
    "leads:route": "change the score matrix, sales reps and rules of routing; hand leads over",
    "loyalty:read": "see members of the loyalty programme, their points and offers",
    "loyalty:write": "change points, tiers and offers of the loyalty programme",
    "campaigns:read": "see campaigns, their plans and results",
    "campaigns:write": "make and change campaigns",
    "campaigns:send": "submit, start, pause, resume and cancel campaigns",
    "analytics:read": "see figures, ask questions of them, take answers away as files",
    "analytics:write": "keep and share questions, notes on days, rules of alerts, reports and who gets them",
    "tests:read": "see tests, their plans and results",
    "tests:write": "make and change tests",
    "tests:decide": "start, pause and stop tests, say which variation wins",
    "campaigns:approve": "say yes or no to what somebody else planned",
}

ROLE_SCOPES: dict[str, frozenset[str]] = {
    "admin": frozenset(SCOPES),
    "marketer": frozenset(SCOPES),
    "analyst": frozenset(
        {
            "segments:read",
            "segments:write",
            "templates:read",
            "codes:read",
            "campaigns:read",
            "tests:read",
            "analytics:read",
            "analytics:write",
        }
    ),
    "sales": frozenset(
        {
            "segments:read",
            "people:read",
            "people:write",
            "templates:read",
            "campaigns:read",
            "leads:read",
            "leads:write",
            "analytics:read",
        }
    ),
    "manager": frozenset(
        {
            "segments:read",
            "people:read",
            "people:write",
            "templates:read",
            "campaigns:read",
            "leads:read",
            "leads:write",
            "leads:route",
            "analytics:read",
            "analytics:write",
        }
    ),
}


@dataclass(frozen=True)
class Caller:
    """Somebody who asks: a signed-in user, or a machine with a token; `name` goes into the audit trail."""

    name: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether the caller has a scope."""
        return scope in self.scopes

    def require(self, scope: str) -> None:
        """Let the caller go on, or not.

        Raises:
            NotPermittedError: names the scope that is missing and the roles that have it.
        """
        if scope not in self.scopes:
            roles = ", ".join(role for role, scopes in ROLE_SCOPES.items() if scope in scopes)
            raise NotPermittedError(f"this needs the scope {scope} (roles that have it: {roles})")


def caller_of_user(user: User) -> Caller:
    """A signed-in user with the scopes of the role."""
    return Caller(user.email, ROLE_SCOPES.get(user.role, frozenset()))


def checked_scopes(scopes: list[str]) -> list[str]:
    """The scopes, each once, sorted.

    Raises:
        InvalidInputError: there is none, or one that is not a scope.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        problem = f"{unknown[0]!r} is not a scope" if unknown else "a token needs at least one"
        raise InvalidInputError("scope", problem, ", ".join(SCOPES))
    return sorted(set(scopes))
