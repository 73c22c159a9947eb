"""How long it takes to count people: previews, all segments again, the next version; and what it costs elsewhere.

`segments.preview_p95_ms`: four conditions on fields, values never asked before, columns in memory; with count,
breakdown by country and lifecycle, reachability, counts of conditions, sample. `..._cold_ms`: the same when no other
column is in memory than country and lifecycle. `..._events_p95_ms`: three windows of events and a field. Beside them
the SQL of the same rule on DuckDB.
`segments.recount200_s`: 200 segments with entered and left when nothing is kept but columns and events;
`..._again_s`: a minute later, with what is kept. `segments.incremental_10k_events_s`: from a new published version with
10,000 new events to entered and left of all 200. `segments.peak_rss_mb`: of this process, with DuckDB in it.
`segments.listmonk_style_ms`, `..._mautic_style_ms`: the questions of these schemas on PostgreSQL, as a ratio to ours.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import duckdb

from benchmarks import postgres
from benchmarks.measure import Row, percentile
from benchmarks.segment_warehouse import (
    CATALOGUE,
    NOW,
    add_events,
    attribute_rule,
    event_rule,
    last,
    make,
    point_to,
    segment_rules,
)
from dmat.segments.compiler import compile_rule
from dmat.segments.engine import Engine
from dmat.segments.passes import Passes
from dmat.segments.rules import EVERYBODY, Rule, parse
from dmat.warehouse import Workspace

ROUNDS, COLD_ROUNDS, EVENT_ROUNDS, WARMING = 100, 9, 40, 15
T = TypeVar("T")
CENTS = 50_000
LISTMONK_RULE = parse(
    {"where": {"any": [{"all": [
        {"field": "country_code", "op": "one_of", "value": ["DE", "GB"]},
        {"field": "revenue_cents", "op": "at_least", "value": CENTS // 100},
        {"field": "orders_count", "op": "at_least", "value": 2},
    ]}, {"field": "lifecycle", "op": "equals", "value": "opportunity"}]}}
)  # fmt: skip
MAUTIC_RULE = parse(
    {"where": {"all": [
        {"field": "country_code", "op": "one_of", "value": ["DE", "GB"]},
        {"field": "revenue_cents", "op": "at_least", "value": CENTS // 100},
        {"event": "visited", "did": True, "window": last(30)},
    ]}}
)  # fmt: skip


@dataclass
class Timed:
    """Wall and CPU milliseconds of each round."""

    wall: list[float]
    cpu: list[float]

    @staticmethod
    def none() -> Timed:
        return Timed([], [])

    def run(self, ask: Callable[[], T]) -> T:
        """One round."""
        wall, cpu = time.perf_counter(), time.process_time()
        answer = ask()
        self.wall.append((time.perf_counter() - wall) * 1000)
        self.cpu.append((time.process_time() - cpu) * 1000)
        return answer

    def row(self, name: str, size: str, goal: float | None, other: Timed | None, baseline: str = "") -> Row:
        """The p95 in milliseconds; the ratio is of CPU time, as the machine may be busy."""
        ratio = percentile(other.cpu, 0.95) / percentile(self.cpu, 0.95) if other else None
        return Row(
            name, size, percentile(self.wall, 0.95), "ms", goal, baseline=baseline, ratio=ratio,
            cpu_s=percentile(self.cpu, 0.95) / 1000, rounds=len(self.wall), checked=True,
        )  # fmt: skip


def engine_of(settings: Any) -> Engine:
    """The engine over a generated warehouse."""
    return Engine(Workspace(settings, is_resident=True), settings.clock, read=lambda workspace: CATALOGUE)


def by_sql(workspace: Workspace, rule: Rule, now: Any = NOW) -> dict[str, int]:
    """Count by country, as one query of DuckDB over flat columns."""
    compiled = compile_rule(rule, CATALOGUE, now)
    sql = compiled.sql.replace('"p"."person_id"', '"p"."country_code", count(*)', 1) + " group by 1"
    found = workspace.cursor().execute(sql, list(compiled.parameters)).fetchall()
    return {country: count for country, count in found}


def previews(engine: Engine, make_rule: Callable[[random.Random], Rule], rounds: int) -> tuple[Timed, Timed]:
    """Ours and DuckDB's, in turns, on rules that were never asked before."""
    draw, ours, theirs = random.Random(5), Timed.none(), Timed.none()
    for _ in range(WARMING):
        engine.preview(make_rule(draw))
    for _ in range(rounds):
        rule = make_rule(draw)
        answer = ours.run(lambda rule=rule: engine.preview(rule))
        counted = theirs.run(lambda rule=rule: by_sql(engine.workspace, rule))
        assert dict(answer.by_country) == counted, f"{answer.by_country} is not {counted}"
    return ours, theirs


def cold_previews(engine: Engine) -> Timed:
    """A preview when neither columns nor answers are in memory; who is who stays."""
    draw, timed = random.Random(6), Timed.none()
    engine.preview(EVERYBODY)
    for _ in range(COLD_ROUNDS):
        engine.drop_arrays()
        rule = attribute_rule(draw)
        answer = timed.run(lambda rule=rule: engine.preview(rule))
        assert dict(answer.by_country) == by_sql(engine.workspace, rule)
    return timed


def recount(engine: Engine, size: str) -> tuple[list[Row], Passes, dict[str, Rule]]:
    """All of 200 segments, from nothing kept and again a minute later."""
    rules, anew, again = segment_rules(200), Timed.none(), Timed.none()
    passes = Passes(engine)
    passes.run(rules, now=NOW)
    for round_ in range(1, 8):
        engine.drop_answers()
        anew.run(lambda round_=round_: passes.run(rules, now=NOW + timedelta(minutes=2 * round_)))
        result = again.run(lambda round_=round_: passes.run(rules, now=NOW + timedelta(minutes=2 * round_ + 1)))
    _check_sizes(engine, rules, result)
    sql = Timed.none()
    for rule in list(rules.values())[:20]:
        sql.run(lambda rule=rule: by_sql(engine.workspace, rule))
    total = 10 * sum(sql.cpu) / 1000
    found = []
    for name, timed, goal in (("segments.recount200_s", anew, 2.0), ("segments.recount200_again_s", again, None)):
        cpu = percentile(timed.cpu, 0.5) / 1000
        found.append(
            Row(name, size, percentile(timed.wall, 0.5) / 1000, "s", goal, baseline="200 queries of DuckDB",
                ratio=total / cpu, cpu_s=cpu, rounds=7, checked=True)
        )  # fmt: skip
    return found, passes, rules


def _check_sizes(engine: Engine, rules: dict[str, Rule], result: Any) -> None:
    for key in list(rules)[::13]:
        counted = sum(by_sql(engine.workspace, rules[key], result.at).values())
        assert result.sizes[key] == counted, f"{key}: {result.sizes[key]} is not {counted}"


def incremental(engine: Engine, settings: Any, passes: Passes, rules: dict[str, Rule], size: str) -> Row:
    """A new version with 10,000 new events, then another."""
    timed, before = Timed.none(), passes.run(rules, now=NOW + timedelta(hours=1)).sizes
    for number in (2, 3, 4):
        add_events(settings, number)
        point_to(settings, number)
        moment = NOW + timedelta(hours=1, seconds=number)
        result = timed.run(lambda moment=moment: passes.run(rules, now=moment))
        _check_sizes(engine, rules, result)
        for key, change in result.changes.items():
            moved = len(change.entered) - len(change.left)
            assert result.sizes[key] == before[key] + moved, f"{key} does not add up"
        before = result.sizes
    return Row(
        "segments.incremental_10k_events_s", size, percentile(timed.wall, 0.5) / 1000, "s", 1.0,
        cpu_s=percentile(timed.cpu, 0.5) / 1000, rounds=3, checked=True,
    )  # fmt: skip


def others(engine: Engine, settings: Any, size: str) -> list[Row]:
    """The same two questions in the schemas of listmonk and Mautic on PostgreSQL, in turns with ours."""
    folder = postgres.programs()
    if folder is None:
        return []
    asked = {"cents": CENTS, "now": NOW, "since": NOW - timedelta(days=30)}
    found = []
    with postgres.server(folder) as connection:
        with duckdb.connect(str(settings.warehouse_dir / "serving" / "v1.duckdb"), read_only=True) as source:
            postgres.fill(connection, source)
        for name, sql, rule in (
            ("listmonk", postgres.LISTMONK, LISTMONK_RULE),
            ("mautic", postgres.MAUTIC, MAUTIC_RULE),
        ):
            ours, theirs = Timed.none(), Timed.none()
            for _ in range(7):
                engine.drop_answers()
                answer = ours.run(lambda rule=rule: engine.preview(rule))
                counted = theirs.run(lambda sql=sql: dict(connection.execute(sql, asked).fetchall()))
                assert dict(answer.by_lifecycle) == counted, f"{answer.by_lifecycle} is not {counted}"
            value = percentile(theirs.wall, 0.5)
            ratio = value / percentile(ours.wall, 0.5)
            found.append(
                Row(f"segments.{name}_style_ms", size, value, "ms", baseline="our preview of the same",
                    ratio=ratio, rounds=7, checked=True)
            )  # fmt: skip
    return found


def run(people: int, size: str) -> list[Row]:
    """Make the warehouse, ask it everything."""
    settings = make(people, size)
    engine = engine_of(settings)
    engine.refresh()
    cold = cold_previews(engine)
    warm, flat = previews(engine, attribute_rule, ROUNDS)
    events, flat_events = previews(engine, event_rule, EVENT_ROUNDS)
    rows = [
        warm.row("segments.preview_p95_ms", size, {"10m": 50.0}.get(size, 10.0), flat, "duckdb flat"),
        cold.row("segments.preview_cold_ms", size, 100.0, None),
        events.row("segments.preview_events_p95_ms", size, 200.0, flat_events, "duckdb, events"),
    ]
    again, passes, rules = recount(engine, size)
    rows += [*again, incremental(engine, settings, passes, rules, size)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    rows.append(Row("segments.peak_rss_mb", size, peak, "MB", 1000.0, peak_rss_mb=peak, checked=True))
    rows.append(Row("segments.arrays_mb", size, engine.nbytes / 1e6, "MB", checked=True))
    settings.clock.set(NOW)
    point_to(settings, 1)
    engine = engine_of(settings)
    if size != "10m":
        rows += others(engine, settings, size)
    return rows
