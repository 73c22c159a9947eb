"""How long after the moment at which a window closes the leaving is written, with the stream process really running.

`segments.flip_p50_s`, `segments.flip_p95_s`: 120 segments with windows of 2 to 240 hours over visits, on a clock that
goes as fast as the real one: the seconds from the moment at which somebody's window closes to when the log has it.
Nothing new arrives meanwhile, so that time alone moves people; how many it must move is counted by SQL.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from benchmarks.freshness import micro_batch
from benchmarks.measure import Row, measured, percentile
from benchmarks.workspace import built
from dmat.segments.catalogue import read_catalogue
from dmat.segments.library import Library
from dmat.segments.rules import parse
from dmat.settings import Settings, load_settings
from dmat.store import open_store
from dmat.warehouse import Workspace, writer

WATCHED_SECONDS, SETTLING_SECONDS = 180, 60
HOURS = range(2, 242, 2)
_MUST_LEAVE = """
    select count(*) from (
        select last_visits.person_id, hours.range
        from (
            select person_id, max(started_at) as last_at from engagement.fct_visits
            where person_id in (select person_id from people.dim_people) and started_at <= ? group by person_id
        ) as last_visits, range(2, 242, 2) as hours
        where last_at + to_hours(hours.range) > ? and last_at + to_hours(hours.range) <= ?
    )
"""


def make_segments(settings: Settings, workspace: Workspace) -> None:
    """Set the segments up."""
    store = open_store(settings)
    library = Library(store, settings.clock, lambda: read_catalogue(workspace))
    for hours in HOURS:
        window = {"last": {"amount": hours, "unit": "hours"}}
        rule = parse({"where": {"event": "visited", "did": True, "window": window}})
        library.create(name=f"Visited within {hours} hours", rule=rule, by="bench")
    store.close()


def written(settings: Settings, since: datetime, until: datetime) -> list[float]:
    """Seconds of each leaving whose moment lies in the span: from that moment to when it was written."""
    query = """
        select epoch(recorded_at - valid_at) from raw.segment_changes
        where cause = 'time' and change = 'left' and valid_at > ? and valid_at <= ?
    """
    with writer(settings) as connection:
        return [row[0] for row in connection.execute(query, [since, until]).fetchall()]


def run(people: int, size: str) -> list[Row]:
    """Let time pass over a workspace of `people`."""
    settings = built(f"flips-{size}", people)
    settings = load_settings(home=settings.home, hot_capture_seconds=3600.0)
    workspace = Workspace(settings)
    make_segments(settings, workspace)
    settings.clock.set(settings.clock.now(), speed=1.0)
    with micro_batch(settings) as pid, measured(pid) as cost:
        time.sleep(SETTLING_SECONDS)
        since = settings.clock.now()
        until = since + timedelta(seconds=WATCHED_SECONDS)
        time.sleep(WATCHED_SECONDS + SETTLING_SECONDS)
    delays = written(settings, since, until)
    expected = int(workspace.rows(_MUST_LEAVE.replace("count(*)", "count(*) as n"), [since, since, until])[0]["n"])
    assert len(delays) == expected, f"{len(delays)} leavings were written, {expected} were due"
    return [
        Row("segments.flip_p50_s", size, percentile(delays, 0.5), "s", rounds=len(delays), checked=True),
        Row(
            "segments.flip_p95_s", size, percentile(delays, 0.95), "s", 60.0, rounds=len(delays), cpu_s=cost.cpu_s,
            peak_rss_mb=cost.peak_rss_mb, checked=True,
        ),
    ]  # fmt: skip
