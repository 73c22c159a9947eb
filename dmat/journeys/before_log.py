"""Who came into a segment and left it before anybody wrote that down: its rule, asked of days that are past.

Belongs here: a rule as it is meant at a moment of the past, and who moved from day to day. Stays out: what was written
down (`dmat/segments/history.py`), where a journey lives by it (`entries.py`).

Events count up to the moment, and so do the orders that fields of people sum up. Other fields, consent and scores have
no past here and are as they are now. It is asked once a day, at noon of the workspace.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from dmat.campaigns.pace import find_zone
from dmat.errors import NotFoundError
from dmat.journeys.machine import local_moment
from dmat.segments.catalogue import Catalogue
from dmat.segments.checking import check
from dmat.segments.compiler import compile_rule
from dmat.segments.desk import Desk, is_frozen
from dmat.segments.rules import All, AnyOf, Attribute, Event, Not, Rule, Sequence
from dmat.segments.tree import AnyNode, Duration, LastWindow

ORDERED = "ordered"
UNTIL_NOW = LastWindow(last=Duration(amount=100, unit="years"))
_OF_ORDERS = {"orders_count": "count", "first_order_at": "first", "last_order_at": "last"}
_A_DAY, _NOON = timedelta(days=1), time(12)


def log_begins(desk: Desk, key: str) -> datetime | None:
    """When somebody was first written down in a segment whose rule can be asked of the past; None: never, or it cannot.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    try:
        if is_frozen(desk.library.get(key)):
            return None
    except NotFoundError:
        return None
    query = "select min(recorded_at) from segments.segment_memberships where segment_key = ?"
    first = desk.workspace.cursor().execute(query, [key]).fetchone()
    found: datetime | None = first[0] if first else None
    return found


def members_then(desk: Desk, key: str, at: datetime) -> set[int]:
    """For whom the rule of a segment was true at a moment of the past.

    Raises:
        NotFoundError: there is no such segment. InvalidRuleError: its rule does not fit the catalogue any more.
    """
    catalogue, active = desk.catalogue(), desk.library.list()
    rules = {each.key: as_then(each.rule, catalogue) for each in active}
    frozen = [each.key for each in active if is_frozen(each)]
    rule, zone = as_then(desk.library.get(key).rule, catalogue), desk.settings.workspace_time_zone
    compiled = compile_rule(rule, catalogue, at, zone, segments=rules, frozen=frozen)
    rows = desk.workspace.cursor().execute(compiled.sql, list(compiled.parameters)).fetchall()
    return {int(row[0]) for row in rows}


class Past:
    """Who moved in and out of one segment before anybody wrote it down; for one replay, which asks span after span.

    Args:
        desk: the segments of a workspace.
        key: which one.

    Attributes:
        begins: when it was first written down, see `log_begins`; the last look is then.
    """

    def __init__(self, desk: Desk, key: str) -> None:
        self._desk, self._key = desk, key
        self._last: tuple[datetime, set[int]] | None = None
        self.begins = log_begins(desk, key)

    def moves(self, has_entered: bool, since: datetime, until: datetime) -> Iterator[tuple[int, datetime]]:
        """Who came in (else: who left) with `since < look <= until`, as far as nobody had begun to write it down."""
        if self.begins is None:
            return
        zone = self._desk.settings.workspace_time_zone
        for earlier, look in _looks(zone, since, min(until, self.begins), self.begins):
            old, now = self._members(earlier), self._members(look)
            for person in sorted(now - old if has_entered else old - now):
                yield person, look

    def _members(self, at: datetime) -> set[int]:
        """A look is kept, as the next one is compared with it."""
        if self._last is None or self._last[0] != at:
            self._last = at, members_then(self._desk, self._key, at)
        return self._last[1]


def _looks(zone: str, since: datetime, until: datetime, begins: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Noons with the noon before; the moment at which writing begins is the last one."""
    place = find_zone(zone)
    day = since.replace(tzinfo=UTC).astimezone(place).date() - _A_DAY
    earlier = local_moment(day, _NOON, place)
    while earlier < until:
        day += _A_DAY
        look = min(local_moment(day, _NOON, place), begins)
        if since < look <= until:
            yield earlier, look
        earlier = max(look, earlier + timedelta(microseconds=1))


def as_then(rule: Rule, catalogue: Catalogue) -> Rule:
    """A rule whose events count up to the moment that it is asked of, and not those that came later."""
    return rule.model_copy(update={"where": _node(rule.where, catalogue)})


def _node(node: AnyNode, catalogue: Catalogue) -> AnyNode:
    if isinstance(node, (All, AnyOf)):
        return node.model_copy(update={"children": tuple(_node(child, catalogue) for child in node.children)})
    if isinstance(node, Not):
        return Not.model_validate({"not": _node(node.child, catalogue)})
    if isinstance(node, (Event, Sequence)):
        return node if node.window else node.model_copy(update={"window": UNTIL_NOW})
    if isinstance(node, Attribute) and node.field in _OF_ORDERS:
        counted = Event(
            event=ORDERED, measure=_OF_ORDERS[node.field], op=node.op, value=node.value, window=UNTIL_NOW
        )  # fmt: skip
        return node if check(Rule(where=counted), catalogue, {}) else counted
    return node
