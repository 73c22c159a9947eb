"""Under test: a process that runs journeys is killed again and again in the middle of its work: no step is done twice
and none is left out, no message is planned twice, no action is asked for or carried out twice.

Real processes, killed at random moments while they write (kill -9); the clock stands at the moment that is lived, so
whatever one process leaves the next one does. DMAT_CHAOS=full takes more members and more kills.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from journey_worlds import open_world
from segment_world import NOW, number_of

from dmat.journeys.known import read_known
from dmat.journeys.members import read_members
from dmat.journeys.properties import read_properties
from dmat.journeys.replay import differences, replay
from dmat.loyalty.ledger import balances
from dmat.store.journey_tables import journey_actions, journey_members, journey_requests, journey_step_counts
from dmat.store.ledger_tables import ledger_entries

ROOT = Path(__file__).resolve().parents[2]
IS_LARGE = os.environ.get("DMAT_CHAOS") == "full"  # read before the fixtures clear DMAT_ variables
MEMBERS, KILLS = (30_000, 40) if IS_LARGE else (240, 3)
AT_ONCE = 500 if IS_LARGE else 24  # members a transaction: kills fall between and into them
HOUR = timedelta(hours=1)
WORKER = """
import sys
from datetime import datetime
from dmat.journeys import carrying, runner
from dmat.journeys.entries import Source
from dmat.segments.desk import Desk
from dmat.settings import load_settings
from dmat.store import open_store

runner.MEMBERS_AT_ONCE = int(sys.argv[3])
settings = load_settings(sys.argv[1])
settings.clock.set(datetime.fromisoformat(sys.argv[2]))
store = open_store(settings)
source = Source(settings, store, Desk(settings, store))
print("begins", flush=True)
while True:
    done = runner.JourneyRunner(source).look().count
    done += carrying.carry_out(source)
    if not done:
        break
print("ends", flush=True)
"""
MAIL = {"do": "send", "channel": "email", "template": "newsletter"}
DOCUMENT = {
    "key": "chaos", "name": "Chaos", "trigger": {"kind": "api"}, "entry": {"one_at_a_time": False},
    "holdout": {"share": 0, "reason": "a test"},
    "steps": [
        MAIL | {"key": "first"}, {"key": "tag", "do": "add_tag", "data": {"tag": "seen"}},
        {"key": "an-hour", "do": "wait", "for": "1h"}, MAIL | {"key": "second"},
        {"key": "call", "do": "create_task", "data": {"title": "Call"}},
        {"key": "points", "do": "add_points", "data": {"points": 1}},
    ],
}  # fmt: skip
PASSED = ["first", "tag", "an-hour", "second", "call", "points"]


@pytest.fixture
def chaos_world(world):
    found = open_world(world)
    yield found
    found.store.close()


def begin(chaos_world):
    """Everybody asks to enter, many times each."""
    chaos_world.start(DOCUMENT)
    journey = chaos_world.library.get("chaos")
    rows = [
        {"journey_id": journey.journey_id, "entry_key": f"e{n:06d}", "person_id": number_of(n % 12 + 1),
         "context": json.dumps({}), "at": NOW + timedelta(minutes=1)}
        for n in range(MEMBERS)
    ]  # fmt: skip
    with chaos_world.store.write() as connection:
        connection.execute(sa.insert(journey_requests), rows)
    return journey


def start(chaos_world, moment):
    command = [sys.executable, "-c", WORKER, str(chaos_world.settings.home), moment.isoformat(), str(AT_ONCE)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert worker.stdout.readline().strip() == "begins"
    return worker


def progress(store):
    with store.read() as connection:
        counted = [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (journey_members, ledger_entries)
        ]
        done = sa.select(sa.func.count()).where(journey_actions.c.state == "done")
        return sum(counted) + connection.execute(done).scalar_one()


def kill_in_the_middle(chaos_world, worker, draw):
    """Kill a worker after it got a random part further; False: it ended before."""
    goal = progress(chaos_world.store) + draw.randint(1, MEMBERS // 4)
    while worker.poll() is None:
        if progress(chaos_world.store) >= goal:
            time.sleep(draw.random() / 50)  # somewhere within what it does next
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            return True
        time.sleep(0.005)
    return False


def live_through(chaos_world, moments, draw):
    """Every moment is lived, with kills in between; gives how many there were."""
    kills = 0
    for number, moment in enumerate(moments, 1):
        wanted = KILLS * number // len(moments)
        while True:
            worker = start(chaos_world, moment)
            if kills < wanted and kill_in_the_middle(chaos_world, worker, draw):
                kills += 1
                continue
            out, _ = worker.communicate()
            assert (worker.returncode, out.strip()) == (0, "ends")
            break
    return kills


def test_nothing_is_done_twice_and_nothing_is_left_out_however_often_it_is_killed(chaos_world):
    journey = begin(chaos_world)
    kills = live_through(chaos_world, [NOW + timedelta(minutes=2), NOW + HOUR * 1.1], random.Random(6))
    assert kills > 1
    with chaos_world.store.read() as connection:
        members = read_members(connection)
        sent = connection.execute(sa.select(ledger_entries.c.occurrence, ledger_entries.c.step)).all()
        actions = connection.execute(
            sa.select(journey_actions.c.member_id, journey_actions.c.step, journey_actions.c.state)
        ).all()
        counts = dict(
            row._tuple()
            for row in connection.execute(sa.select(journey_step_counts.c.step, journey_step_counts.c.count))
        )
    assert (len(members), {member.status for member in members}) == (MEMBERS, {"completed"})
    assert all([part.partition("@")[0] for part in member.path.split()] == PASSED for member in members)
    assert counts == dict.fromkeys(PASSED, MEMBERS)
    assert Counter(Counter((row.occurrence, row.step) for row in sent).values()) == {1: 2 * MEMBERS}
    assert len({(row.member_id, row.step) for row in actions}) == len(actions) == 3 * MEMBERS
    left = Counter(row.state for row in actions if row.step != "call")
    assert left["done"] + left["doing"] == 2 * MEMBERS
    assert left["doing"] <= kills  # what a killed process was about to do is left to a person, never done twice
    with chaos_world.store.read() as connection:
        points = balances(connection, [number_of(n) for n in range(1, 13)])
    undone = sum(row.step == "points" and row.state == "doing" for row in actions)
    assert MEMBERS - undone <= sum(points.values()) <= MEMBERS
    assert [each.name for each in read_properties(chaos_world.store, number_of(1))] == ["seen"]
    known, version = read_known(chaos_world.source, journey), chaos_world.library.version("chaos")
    found = replay(chaos_world.source, journey.journey_id, version, journey.started_at, NOW + 3 * HOUR, known)
    assert differences(chaos_world.source, found) == []
