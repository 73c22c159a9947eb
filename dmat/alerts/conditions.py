"""Conditions of the workspace itself: campaigns that stopped, sources that fail or are late, counters that disagree.

Belongs here: from the store and the tables of operations to findings. Stays out: figures (`judging.py`); mending
anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from dmat.alerts.findings import Finding
from dmat.alerts.rules import AlertRule
from dmat.campaigns.programmes import paused_programmes
from dmat.campaigns.records import INCOMPLETE, RUNNING, read_campaigns
from dmat.outgoing.endpoints import Endpoints
from dmat.settings import Settings
from dmat.source_names import PUSHED, named
from dmat.store.campaign_tables import campaigns
from dmat.store.engine import Store
from dmat.warehouse import Workspace

LATE = timedelta(hours=26)
MANY = 3
"""So many late sources are one alert."""
NEEDED = ("operations.source_freshness", "operations.capture_runs")
_SOURCES = """
    with runs as (
        select source, resource, error, finished_at,
            row_number() over (partition by source, resource order by finished_at desc, started_at desc) as place
        from operations.capture_runs
    )

    select fresh.source, fresh.resource, fresh.last_loaded_at, fresh.last_checked_at, coalesce(runs.error, '') as error
    from operations.source_freshness as fresh
    left join runs on fresh.source = runs.source and fresh.resource = runs.resource and runs.place = 1
    order by fresh.source, fresh.resource
"""
Condition = Callable[[Settings, Store, Workspace, AlertRule], Iterator[Finding]]


def look_at_campaigns(settings: Settings, store: Store, view: Workspace, rule: AlertRule) -> Iterator[Finding]:
    """Campaigns that the guard or a person stopped while they ran, and such that ended without adding up."""
    with store.read() as connection:
        found = read_campaigns(connection, campaigns.c.status.in_((RUNNING, INCOMPLETE)))
        paused = paused_programmes(connection)
    for each in found:
        link = f"/campaigns?id={each.campaign_id}"
        subject = f"campaign {each.campaign_id}"
        if each.status == INCOMPLETE:
            words = f"The campaign ended and its messages do not add up: {each.status_reason}"
            yield Finding(rule.key, subject, rule.severity, f"{each.name} did not add up", words, link)
        elif each.programme in paused:
            words = f"The campaign sends nothing: {paused[each.programme] or 'no reason was given'}"
            yield Finding(rule.key, subject, rule.severity, f"{each.name} is paused", words, link)


def look_at_sources(settings: Settings, store: Store, view: Workspace, rule: AlertRule) -> Iterator[Finding]:
    """Sources whose last reading failed or lies too far back, and receivers of webhooks that take nothing."""
    rows = view.rows(_SOURCES) if set(NEEDED) <= set(view.tables()) else []
    late: dict[str, Finding] = {}
    for source, found in _by_source(rows).items():
        failing = [row for row in found if row["error"]]
        checked = [row["last_checked_at"] for row in found if row["last_checked_at"] is not None]
        subject, name = f"source {source}", named(source)
        if failing:
            first = failing[0]
            words = f"{first['resource']}: {str(first['error'])[:300]}"
            words += f" ({len(failing) - 1} more parts of it fail)" if len(failing) > 1 else ""
            yield Finding(rule.key, subject, rule.severity, f"{name} cannot be read", words, "/health")
        elif source not in PUSHED and checked and settings.clock.now() - max(checked) > LATE:
            words = f"It was last read on {max(checked):%d %B, %H:%M} UTC, more than a day ago."
            late[source] = Finding(rule.key, subject, rule.severity, f"{name} is late", words, "/health")
    yield from late.values() if len(late) < MANY else [_all_late(rule, late)]
    for endpoint in Endpoints(settings, store).troubled():
        words = endpoint.disabled_because or f"It has taken nothing since {endpoint.failing_since:%d %B, %H:%M} UTC."
        title = f"{endpoint.name} takes no webhooks"
        yield Finding(rule.key, f"webhooks to {endpoint.name}"[:200], rule.severity, title, words, "/health")


def _all_late(rule: AlertRule, sources: Iterable[str]) -> Finding:
    """Many late at once have one cause: whatever reads them stands still."""
    names = [named(source) for source in sources]
    words = f"Nothing was read for more than a day from {', '.join(names)}. Does Dagster run, and its schedules?"
    return Finding(rule.key, "sources", rule.severity, f"{len(names)} sources are late", words, "/health")


def _by_source(rows: list[dict[str, Any]]) -> Mapping[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["source"], []).append(row)
    return found


CONDITIONS: Mapping[str, Condition] = {"campaigns": look_at_campaigns, "sources": look_at_sources}
