"""Under test: what a replay comes to, the commands, and the watchdog that finds who is stuck."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml
from journey_worlds import cart, document_with, ordered
from segment_world import NOW, number_of
from typer.testing import CliRunner

from dmat.cli import app
from dmat.journeys.definition import parse_definition
from dmat.journeys.records import JourneyVersion
from dmat.journeys.replay import replay
from dmat.journeys.replay_report import report_of
from dmat.journeys.watchdog import find_stuck

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MAIL = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter"}
SMS = {"key": "sms", "do": "send", "channel": "sms", "template": "news-sms"}


def report(world, *steps, **changes):
    document = document_with(steps=list(steps), exit_when=[], goal={"event": "ordered", "days": 7}) | changes
    version = JourneyVersion(0, 1, parse_definition(document), {}, "", NOW, "")
    return report_of(world.source, replay(world.source, 0, version, NOW - 10 * DAY, NOW))


def test_a_replay_counts_messages_consent_cost_and_who_reached_the_goal(journey_world):
    left = [cart(f"c{n}", n, NOW - 5 * DAY) for n in (1, 4, 5, 10)]
    journey_world.look(NOW, *left, ordered(1, NOW - 4 * DAY))
    found = report(journey_world, MAIL, SMS)
    assert (found.entries, found.held_out) == (4, 0)
    assert not any("goal" in line for line in report(journey_world, MAIL, goal=None).lines())
    assert found.by_step == {"mail": 3, "sms": 2}  # the fourth agreed to no mail; the fifth and tenth to SMS
    assert found.stopped == {"no consent to email": 1, "no consent to sms": 2}
    assert found.cost_micros > 0
    assert found.reached == 1
    assert 0 < found.goal_low < 0.25 < found.goal_high < 1
    assert sum(found.by_hour.values()) == 5
    assert any("4 entries" in line for line in found.lines())
    outcomes = [(each.person_id % 1000, each.step, each.left_at is not None, each.why) for each in found.outcomes]
    assert sorted(outcomes) == [
        (1, "mail", True, ""), (1, "sms", False, "no consent to sms"),
        (4, "mail", False, "no consent to email"), (4, "sms", False, "no consent to sms"),
        (5, "mail", True, ""), (5, "sms", True, ""), (10, "mail", True, ""), (10, "sms", True, ""),
    ]  # fmt: skip


def test_who_is_held_out_is_named_in_a_replay_and_gets_nothing(journey_world):
    left = [cart(f"c{n}", n, NOW - 5 * DAY) for n in range(1, 13)]
    journey_world.look(NOW, *left)
    found = report(journey_world, MAIL, holdout={"share": 0.5})
    held = [each for each in found.outcomes if each.why == "held out"]
    assert 0 < len(held) == found.held_out < 12
    assert all(each.left_at is None for each in held)
    assert "held out" not in found.stopped


def test_quiet_hours_and_the_weekly_cap_are_met_in_a_replay_as_at_the_gate(journey_world):
    night = (NOW - 5 * DAY).replace(hour=22)
    journey_world.look(NOW, cart("c1", 1, night))
    found = report(journey_world, MAIL)
    assert (found.quiet, found.by_step["mail"]) == (1, 1)
    waits = [{"key": f"w{n}", "do": "wait", "for": "1h"} for n in range(4)]
    mails = [MAIL | {"key": f"m{n}", "expires_after": "1d"} for n in range(4)]
    found = report(journey_world, *(step for pair in zip(mails, waits, strict=True) for step in pair))
    assert found.capped == 1
    assert found.stopped == {"its time would have been over": 1}


def test_who_was_due_long_ago_in_a_live_journey_is_found(journey_world):
    journey_world.start(document_with(steps=[MAIL, {"key": "w", "do": "wait", "for": "2h"}]))
    journey_world.look(NOW + HOUR + HOUR / 60, cart("c1", 1, NOW + HOUR / 60))
    assert find_stuck(journey_world.store, NOW + 4 * HOUR) == []
    [stuck] = find_stuck(journey_world.store, NOW + 5 * HOUR)
    assert (stuck.journey, stuck.step, stuck.count) == ("cart", "w", 1)
    journey_world.look(NOW + 5 * HOUR)
    assert find_stuck(journey_world.store, NOW + 9 * HOUR) == []


@pytest.fixture
def run(journey_world):
    home = str(journey_world.settings.home)

    def invoke(*arguments, code=0):
        done = CliRunner().invoke(app, [*arguments, "--home", home])
        assert done.exit_code == code, done.output
        return done.output

    return invoke


def test_a_journey_is_led_from_a_file_to_its_end_at_a_terminal(journey_world, run, tmp_path):
    file = tmp_path / "cart.yml"
    file.write_text(yaml.safe_dump(document_with(steps=[MAIL])))
    assert "it could run" in run("journeys", "check", str(file))
    assert "version 1" in run("journeys", "import", str(file))
    assert "live with version 1" in run("journeys", "start", "cart")
    before = cart("c0", 3, NOW - 5 * HOUR)  # left before the journey began
    journey_world.look(NOW + 2 * HOUR, before, cart("c1", 1, NOW + HOUR / 60))
    assert "send email: mail" in run("journeys", "show", "cart")
    assert "playbook win-back" in run("journeys", "list")
    told = tmp_path / "told.csv"
    span = ("--from", "2026-03-01", "--to", "2026-03-05")
    out = run("replay", "cart", *span, "--as-lived", "--file", str(told))
    assert "1 entries" in out
    assert "1 messages are written to" in out.replace("\n", " ")
    assert told.read_text("utf-8-sig").splitlines() == [
        "person_id,entry_key,step,channel,due_at,left_at,why",  # nobody had looked for an hour
        f"{number_of(1)},c1,mail,email,2026-03-04 14:00:00,2026-03-04 14:00:00,",
    ]
    assert "0 rows differ" in out
    for command, words in (("pause", "stands still"), ("resume", "goes on"), ("archive", "archived")):
        assert words in run("journeys", command, "cart")


def test_members_are_moved_compared_and_looked_after_at_a_terminal(journey_world, run):
    wait = {"key": "a-day", "do": "wait", "for": "23h"}
    journey_world.start(document_with(steps=[MAIL, wait, MAIL | {"key": "second"}]))
    journey_world.look(NOW + 2 * HOUR, cart("c1", 1, NOW + HOUR / 60))
    longer = parse_definition(document_with(steps=[MAIL, wait | {"for": "47h"}, MAIL | {"key": "second"}]))
    journey_world.library.change("cart", longer, "ann@shop.example")
    span = ("--from", "2026-03-04T12:00", "--to", "2026-03-07T12:00")
    assert "a day: for was 23h, is 47h" in run("journeys", "compare", "cart", *span)
    journey_world.library.start("cart", "ann@shop.example")
    assert "1 would be moved" in run("journeys", "move", "cart")
    assert [member.version for member in journey_world.members()] == [1]
    assert "1 were moved, 0 left" in run("journeys", "move", "cart", "--do")
    assert [member.version for member in journey_world.members()] == [2]
    assert "places.nowhere" in run("journeys", "move", "cart", "--place", "nowhere=end", code=1)
    assert "1 x mail, planned before" in run("journeys", "outlook", "cart")
    assert "nobody entered" in run("journeys", "lift", "cart")


def test_a_playbook_is_replayed_before_it_is_installed_and_then_installed(journey_world, run):
    out = run("replay", "win-back", "--from", "2026-03-01", "--to", "2026-03-03")
    assert "there is no active segment 'win-back-90-days'" in out.replace("\n", " ")
    journey_world.look(NOW, cart("c1", 1, NOW - DAY))
    out = run("replay", "cart-recovery", "--from", "2026-03-01", "--to", "2026-03-04")
    assert "1 x first-mail" in out  # though its messages are not there yet
    assert "is a draft" in run("journeys", "install", "win-back")
    assert "already" in run("journeys", "install", "win-back", code=1)


def test_a_file_that_is_wrong_says_where(run, tmp_path):
    file = tmp_path / "wrong.yml"
    file.write_text(yaml.safe_dump(document_with(steps=[MAIL | {"template": "nowhere"}])))
    assert "steps[0].template" in run("journeys", "check", str(file), code=1)
    assert "there is no journey" in run("journeys", "show", "nothing", code=1)
