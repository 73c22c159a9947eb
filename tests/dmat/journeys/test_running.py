"""Under test: live journeys. Whoever is named enters once, every step is done once, and nobody hears twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from journey_worlds import cart, change_quickly, document_with, in_segment, ordered
from segment_world import NOW, number_of

from dmat.errors import ConflictError, InvalidInputError
from dmat.journeys import runner
from dmat.journeys.acting import finish_action, list_actions, take_actions
from dmat.journeys.definition import parse_definition
from dmat.journeys.machine import EXITED, WAITING
from dmat.ledger.entries import list_entries
from dmat.store.journey_tables import journey_gaps, journey_members, journey_step_counts
from dmat.store.tables import message_marks

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
MAIL = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter"}
TWO = [MAIL, {"key": "a-day", "do": "wait", "for": "23h"}, MAIL | {"key": "second"}]


def cart_journey(*steps, **changes):
    return document_with(steps=list(steps or TWO)) | changes


def test_a_cart_left_for_an_hour_is_written_to_once_however_often_somebody_looks(journey_world):
    journey_world.start(cart_journey())
    assert journey_world.look(NOW + HOUR - MINUTE, cart("c1", 1, NOW + MINUTE)).entered == 0
    for minutes in (2, 2, 5):
        journey_world.look(NOW + HOUR + minutes * MINUTE)
    assert journey_world.messages() == [(1, "mail", "planned", "04 13:01")]
    [member] = journey_world.members()
    assert (member.entry_key, member.step, member.why) == ("c1", "a-day", "wait 23 hours")
    assert member.due_at == NOW + HOUR + MINUTE + 23 * HOUR
    assert member.path == "mail@2026-03-04T13:01:00 a-day@2026-03-04T13:01:00"


def test_the_message_carries_what_the_cart_gave_and_what_the_step_says(journey_world):
    journey_world.start(cart_journey(MAIL | {"values": {"discount_code": "COMEBACK10"}}))
    line = "insert into commerce.fct_cart_lines values ('c1', 1, 'p1', 'Tent', 2, 2500, null)"
    journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE), line)
    [entry] = list_entries(journey_world.store, limit=9)
    assert entry.programme == "journey:cart"
    assert entry.occurrence == "c1"
    assert entry.context["discount_code"] == "COMEBACK10"
    assert entry.context["total"] == {"cents": 5000, "currency_code": "EUR"}
    assert entry.context["products"] == [
        {"product_id": "p1", "title": "Tent", "quantity": 2, "price_cents": 2500, "currency_code": "EUR"}
    ]
    assert (entry.template, entry.template_version, entry.context["first_name"]) == ("newsletter", 1, "Person1")


def test_it_stops_the_moment_they_buy_and_takes_back_what_has_not_left(journey_world):
    journey_world.start(cart_journey())
    journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE), cart("c2", 2, NOW + MINUTE))
    look = journey_world.look(NOW + 2 * HOUR, ordered(1, NOW + HOUR + 30 * MINUTE))
    assert (look.withdrawn, look.ended) == (1, 1)
    journey_world.look(NOW + 25 * HOUR)
    assert [message[:3] for message in journey_world.messages()] == [
        (1, "mail", "expired"), (2, "mail", "planned"), (2, "second", "planned"),
    ]  # fmt: skip
    assert {(m.person_id % 1000, m.status) for m in journey_world.members()} == {(1, EXITED), (2, "completed")}


def test_a_cart_that_was_ordered_before_its_hour_was_over_never_enters(journey_world):
    journey_world.start(cart_journey())
    look = journey_world.look(NOW + 2 * HOUR, cart("c1", 1, NOW + MINUTE, ordered_at=NOW + 30 * MINUTE))
    assert look.entered == 0


def test_what_is_told_late_begins_when_it_is_known_so_that_the_distances_stay(journey_world):
    journey_world.start(cart_journey())
    for minutes in range(0, 8 * 60, 10):
        journey_world.look(NOW + minutes * MINUTE)
    journey_world.look(NOW + 8 * HOUR, cart("c1", 1, NOW + MINUTE))
    [member] = journey_world.members()
    assert (member.entered_at, member.due_at) == (NOW + HOUR + MINUTE, NOW + 31 * HOUR)


def test_a_late_cart_that_was_ordered_meanwhile_is_not_written_to(journey_world):
    journey_world.start(cart_journey())
    for minutes in range(0, 8 * 60, 10):
        journey_world.look(NOW + minutes * MINUTE)
    journey_world.look(NOW + 8 * HOUR, cart("c1", 1, NOW + MINUTE, ordered_at=NOW + 5 * HOUR))
    assert journey_world.messages() == []
    assert [member.status for member in journey_world.members()] == [EXITED]


def test_after_standing_still_waits_end_when_it_goes_on_and_not_all_at_once(journey_world):
    journey_world.start(cart_journey())
    journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE))
    journey_world.library.pause("cart", "ann@shop.example", "holiday")
    assert journey_world.look(NOW + 30 * HOUR).count == 0
    journey_world.library.resume("cart", "ann@shop.example")
    journey_world.look(NOW + 40 * HOUR)
    assert journey_world.messages()[1][:2] == (1, "second")
    assert journey_world.messages()[1][3] == f"{NOW + 40 * HOUR:%d %H:%M}"
    with journey_world.store.read() as connection:
        gaps = connection.execute(sa.select(journey_gaps.c.from_at, journey_gaps.c.until_at)).all()
    assert (NOW + HOUR + MINUTE, NOW + 40 * HOUR) in [tuple(gap) for gap in gaps]


def test_a_process_that_keeps_looking_finds_late_news_and_looks_for_the_rest_only_since_its_last_look(
    journey_world, monkeypatch
):
    journey_world.start(cart_journey())
    kept, spans = runner.JourneyRunner(journey_world.source), []
    find_entries = runner.find_entries

    def find(source, journey_id, trigger, since, until):
        spans.append(until - since)
        return find_entries(source, journey_id, trigger, since, until)

    monkeypatch.setattr(runner, "find_entries", find)

    def look(at, *statements):
        journey_world.settings.clock.set(at)
        if statements:
            change_quickly(journey_world.settings, statements)
        return kept.look().entered

    later = NOW + 10 * HOUR
    for minutes in range(0, 600, 10):
        look(NOW + minutes * MINUTE)
    assert look(later, cart("c1", 1, later - 5 * HOUR)) == 1  # told four hours late
    assert look(later + MINUTE) == 0
    assert look(later + 2 * HOUR, cart("c2", 3, later + 30 * MINUTE)) == 1
    assert (max(spans), spans[-2]) == (10 * HOUR + 2 * HOUR, 16 * MINUTE)
    assert [member.entry_key for member in journey_world.members()] == ["c1", "c2"]


def test_killed_before_the_transaction_ends_it_is_all_done_again_and_nothing_twice(journey_world, monkeypatch):
    journey_world.start(cart_journey())
    with monkeypatch.context() as killed:

        def die(*_):
            raise KeyboardInterrupt

        killed.setattr(runner, "_write_lives", die)
        with pytest.raises(KeyboardInterrupt):
            journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE))
    assert journey_world.messages() == []
    journey_world.look(NOW + HOUR + 2 * MINUTE)
    assert journey_world.messages() == [(1, "mail", "planned", "04 13:01")]


def test_whoever_changed_a_member_meanwhile_wins_and_the_other_writes_nothing(journey_world, monkeypatch):
    journey_world.start(cart_journey())
    real = runner.lock_unchanged

    def somebody_was_faster(connection, members):
        connection.execute(sa.update(journey_members).values(revision=journey_members.c.revision + 1))
        return real(connection, members)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(runner, "lock_unchanged", somebody_was_faster)
        look = journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE))
    assert (look.moved, look.planned) == (0, 0)
    assert journey_world.messages() == []
    assert journey_world.look(NOW + HOUR + MINUTE).planned == 1


def test_questions_are_asked_as_of_their_moment(journey_world):
    branch = {"key": "vip", "do": "branch", "otherwise": "end", "cases": [
        {"when": {"kind": "all", "of": [{"kind": "segment", "segment": "vip"}, {"kind": "consent", "channel": "sms"}]},
         "go": "sms"}]}  # fmt: skip
    sms = {"key": "sms", "do": "send", "channel": "sms", "template": "news-sms"}
    journey_world.start(cart_journey(branch, sms))
    stays = [in_segment("vip", person, NOW - DAY, number=person) for person in (5, 10, 4)]
    stays += [in_segment("vip", 11, NOW + 3 * HOUR, number=90)]  # comes later
    carts = [cart(f"c{person}", person, NOW + MINUTE) for person in (4, 5, 10, 11)]
    journey_world.look(NOW + HOUR + 2 * MINUTE, *stays, *carts)
    assert [message[:2] for message in journey_world.messages()] == [(5, "sms"), (10, "sms")]


def test_a_reaction_to_a_message_leads_on(journey_world):
    steps = [*TWO[:2], {"key": "opened", "do": "branch", "otherwise": "end", "cases": [
        {"when": {"kind": "reacted", "step": "mail", "how": "opened"}, "go": "second"}]}, TWO[2]]  # fmt: skip
    journey_world.start(cart_journey(*steps))
    journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE), cart("c2", 2, NOW + MINUTE))
    [first, _] = sorted(list_entries(journey_world.store, limit=9), key=lambda entry: entry.person_id)
    row = {"message_id": first.message_id, "kind": "opened_human", "first_at": NOW + 2 * HOUR}
    with journey_world.store.write() as connection:
        connection.execute(sa.insert(message_marks).values(row))
    journey_world.look(NOW + 25 * HOUR)
    assert [message[:2] for message in journey_world.messages()] == [(1, "mail"), (1, "second"), (2, "mail")]


def test_people_who_share_an_address_get_one_message_a_step_and_day(journey_world):
    journey_world.start(cart_journey())
    same = "update people.dim_people set email = 'both@example.com' where person_id % 1000 in (1, 2)"
    journey_world.look(NOW + HOUR + MINUTE, same, cart("c1", 1, NOW + MINUTE))
    journey_world.look(NOW + 2 * HOUR + MINUTE, cart("c2", 2, NOW + HOUR))
    found = {entry.person_id % 1000: entry.reason for entry in list_entries(journey_world.store, limit=9)}
    assert found == {1: "", 2: "somebody who shares the address gets this message"}


def test_a_held_out_person_goes_the_same_way_and_nothing_is_done_for_them(journey_world):
    task = {"key": "call", "do": "create_task", "data": {"title": "Call"}}
    journey_world.start(cart_journey(MAIL, task, holdout={"share": 0.5}))
    journey_world.look(NOW + HOUR + MINUTE, *(cart(f"c{n}", n, NOW + MINUTE) for n in range(1, 13)))
    held = {member.person_id for member in journey_world.members() if member.is_holdout}
    entries = list_entries(journey_world.store, limit=99)
    assert 0 < len(held) < 12
    assert {entry.person_id for entry in entries if entry.is_holdout} == held
    tasks = take_actions(journey_world.store, "create_task")
    assert {task.person_id for task in tasks} == {number_of(n) for n in range(1, 13)} - held


def test_a_task_waits_until_somebody_says_that_it_is_done(journey_world):
    journey_world.start(cart_journey({"key": "call", "do": "create_task", "data": {"title": "Call"}}))
    journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE))
    [task] = take_actions(journey_world.store, "create_task")
    with journey_world.store.write() as connection:
        finish_action(connection, task.action_id, NOW, "spoke to them")
    assert take_actions(journey_world.store, "create_task") == []
    assert [(task.state, task.note) for task in list_actions(journey_world.store)] == [("done", "spoke to them")]


def test_a_person_merged_into_another_goes_on_as_that_one(journey_world):
    journey_world.start(cart_journey())
    journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE))
    merge = (
        f"insert into people.person_merges values ({number_of(1)}, {number_of(3)}, '{NOW + 2 * HOUR}', 'same phone')"
    )
    gone = f"delete from people.dim_people where person_id = {number_of(1)}"
    journey_world.look(NOW + 3 * HOUR, merge, gone)
    journey_world.look(NOW + 25 * HOUR)
    assert [message[:2] for message in journey_world.messages()] == [(1, "mail"), (3, "second")]


def test_of_two_who_turned_out_to_be_one_the_first_goes_on_and_nobody_hears_twice(journey_world):
    journey_world.start(cart_journey())
    journey_world.look(NOW + HOUR + 10 * MINUTE, cart("c3", 3, NOW + MINUTE), cart("c1", 1, NOW + 5 * MINUTE))
    merge = (
        f"insert into people.person_merges values ({number_of(1)}, {number_of(3)}, '{NOW + 2 * HOUR}', 'same phone')"
    )
    gone = f"delete from people.dim_people where person_id = {number_of(1)}"
    look = journey_world.look(NOW + 3 * HOUR, merge, gone)
    assert look.ended == 1
    journey_world.look(NOW + 26 * HOUR)
    first, second = journey_world.members()
    assert (first.entry_key, first.status, second.entry_key, second.status) == ("c3", "completed", "c1", EXITED)
    assert second.why == "they turned out to be somebody who is in the journey already"
    assert [message[:3] for message in journey_world.messages()] == [
        (1, "mail", "expired"), (3, "mail", "planned"), (3, "second", "planned"),
    ]  # fmt: skip


def test_an_erased_person_leaves_and_what_is_planned_is_taken_back(journey_world):
    journey_world.start(cart_journey())
    journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE))
    journey_world.look(NOW + 25 * HOUR, f"delete from people.dim_people where person_id = {number_of(1)}")
    assert [message[1:3] for message in journey_world.messages()] == [("mail", "expired")]
    assert journey_world.members()[0].why == "the person is not known any more"


@pytest.mark.parametrize(
    ("entry", "entered"),
    [
        ({"again": "always", "one_at_a_time": False}, 3),
        ({"again": "always"}, 2),
        ({"again": "never"}, 1),
        ({"again": "after", "cool_down": "20h", "one_at_a_time": False}, 2),
        ({"again": "always", "one_at_a_time": False, "most": 2}, 2),
    ],
)
def test_who_may_come_again_is_a_rule_of_the_journey(journey_world, entry, entered):
    journey_world.start(cart_journey(MAIL, {"key": "w", "do": "wait", "for": "10h"}, entry=entry))
    journey_world.look(NOW + 2 * HOUR, cart("c1", 1, NOW + MINUTE), cart("c2", 1, NOW + 30 * MINUTE))
    journey_world.look(NOW + 26 * HOUR, cart("c3", 1, NOW + 25 * HOUR - MINUTE))
    assert sum(member.status != "refused" for member in journey_world.members()) == entered
    journey_world.look(NOW + 40 * HOUR)  # who was refused does not come in later
    assert sum(member.status != "refused" for member in journey_world.members()) == entered


def test_segments_say_who_may_enter(journey_world):
    journey_world.start(cart_journey(entry={"segments": ["vip"], "exclude": ["sleepy"]}))
    stays = [in_segment("vip", n, NOW - DAY, number=n) for n in (1, 2)] + [in_segment("sleepy", 2, NOW - DAY, number=9)]
    look = journey_world.look(NOW + HOUR + MINUTE, *stays, *(cart(f"c{n}", n, NOW + MINUTE) for n in (1, 2, 3)))
    assert [member.person_id for member in journey_world.members()] == [number_of(1)]
    assert sum(look.refused.values()) == 2


def test_members_stay_on_the_version_that_they_entered(journey_world):
    journey_world.start(cart_journey())
    journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE))
    changed = parse_definition(cart_journey(MAIL | {"key": "other"}))
    journey_world.library.change("cart", changed, "ann@shop.example")
    journey_world.library.start("cart", "ann@shop.example")
    journey_world.look(NOW + 26 * HOUR, cart("c2", 2, NOW + 24 * HOUR + 50 * MINUTE))
    assert [message[:2] for message in journey_world.messages()] == [(1, "mail"), (1, "second"), (2, "other")]
    assert [member.version for member in journey_world.members()] == [1, 2]


def test_leaving_a_segment_and_entering_one_are_triggers_and_exits(journey_world):
    journey_world.start(
        document_with(
            trigger={"kind": "segment", "segment": "sleepy"}, steps=TWO, exit_when=[{"left_segment": "sleepy"}]
        )
    )
    journey_world.look(
        NOW + HOUR, in_segment("sleepy", 1, NOW + 50 * MINUTE), in_segment("sleepy", 2, NOW + 55 * MINUTE)
    )
    left = (
        f"update segments.segment_memberships set left_at = '{NOW + 2 * HOUR}', left_recorded_at = '{NOW + 2 * HOUR}'"
    )
    journey_world.look(NOW + 2 * HOUR + MINUTE, f"{left} where person_id = {number_of(1)}")
    assert [(m.person_id % 1000, m.status) for m in journey_world.members()] == [(1, EXITED), (2, WAITING)]


def test_an_event_with_conditions_starts_a_journey_once(journey_world):
    trigger = {"kind": "event", "event": "ordered", "where": [{"name": "net", "op": "at_least", "value": 5000}]}
    journey_world.start(document_with(trigger=trigger, steps=[MAIL], exit_when=[]))
    small = ordered(2, NOW + 30 * MINUTE).replace("5000", "4999")
    for _ in range(2):
        journey_world.look(NOW + HOUR, ordered(1, NOW + 50 * MINUTE), small)
    assert [message[0] for message in journey_world.messages()] == [1]


def test_a_birthday_is_at_nine_where_the_person_lives_once_a_year(journey_world):
    trigger = {"kind": "date", "field": "birthday", "at": "09:00"}
    journey_world.start(document_with(trigger=trigger, steps=[MAIL], exit_when=[]))
    born = "update people.dim_people set birthday = '1990-03-05', time_zone = 'Asia/Tokyo'"
    born += f" where person_id = {number_of(1)}"
    journey_world.look(NOW + 11 * HOUR + 59 * MINUTE, born)
    assert journey_world.messages() == []
    journey_world.look(NOW + 12 * HOUR + MINUTE)
    assert journey_world.messages() == [(1, "mail", "planned", "05 00:00")]


def test_a_schedule_takes_the_segment_as_it_was_at_its_moment(journey_world):
    trigger = {"kind": "schedule", "segment": "vip", "moment": f"{NOW + HOUR}"}
    journey_world.start(document_with(trigger=trigger, steps=[MAIL], exit_when=[]))
    stays = [in_segment("vip", 1, NOW, number=1), in_segment("vip", 2, NOW + HOUR + 2 * MINUTE, number=2)]
    journey_world.look(NOW + HOUR + 3 * MINUTE, *stays)
    journey_world.look(NOW + HOUR + 5 * MINUTE)
    assert [message[0] for message in journey_world.messages()] == [1]


def test_another_system_lets_somebody_enter_once(journey_world):
    journey_world.start(document_with(trigger={"kind": "api"}, steps=[MAIL], exit_when=[]))
    journey_world.settings.clock.set(NOW + MINUTE)
    assert journey_world.library.enter("cart", number_of(1), "ticket-7", "crm", {"discount_code": "X"}) is True
    assert journey_world.library.enter("cart", number_of(1), "ticket-7", "crm") is False
    journey_world.look(NOW + 2 * MINUTE)
    [entry] = list_entries(journey_world.store, limit=9)
    assert (entry.occurrence, entry.context["discount_code"]) == ("ticket-7", "X")


def test_a_journey_that_begins_by_itself_takes_no_entries_from_outside(journey_world):
    journey_world.start(cart_journey())
    with pytest.raises(ConflictError, match="begins by itself"):
        journey_world.library.enter("cart", number_of(1), "x", "crm")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"steps": [MAIL | {"template": "nowhere"}]}, "steps[0].template"),
        ({"steps": [MAIL | {"template": "news-sms"}]}, "steps[0].template"),
        ({"steps": [MAIL | {"code_pool": "none"}]}, "steps[0].code_pool"),
        ({"exit_when": [{"event": "sneezed"}], "steps": [MAIL]}, "exit_when[0].event"),
        ({"entry": {"segments": ["nobody"]}, "steps": [MAIL]}, "segments"),
    ],
)
def test_a_journey_that_could_not_run_is_not_switched_on(journey_world, changes, place):
    with pytest.raises(InvalidInputError) as refused:
        journey_world.start(document_with(**changes))
    assert refused.value.field == place
    assert journey_world.library.get("cart").status == "draft"


def test_archived_everybody_leaves_and_nothing_planned_goes_out(journey_world):
    journey_world.start(cart_journey())
    journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE))
    journey_world.library.archive("cart", "ann@shop.example")
    assert [message[2] for message in journey_world.messages()] == ["expired"]
    assert journey_world.members()[0].status == EXITED
    with pytest.raises(ConflictError):
        journey_world.library.start("cart", "ann@shop.example")


def test_how_many_passed_each_step_is_counted(journey_world):
    journey_world.start(cart_journey())
    journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE), cart("c2", 2, NOW + MINUTE))
    journey_world.look(NOW + 2 * HOUR, ordered(1, NOW + HOUR + 30 * MINUTE))
    journey_world.look(NOW + 25 * HOUR)
    with journey_world.store.read() as connection:
        rows = connection.execute(sa.select(journey_step_counts.c.step, journey_step_counts.c.count)).all()
    assert dict(row._tuple() for row in rows) == {"mail": 2, "a-day": 2, "second": 1}


def test_a_journey_that_fails_says_why_and_does_not_stop_the_others(journey_world):
    journey_world.start(cart_journey())
    journey_world.start(cart_journey(key="other"))
    with journey_world.store.write() as connection:
        connection.execute(sa.text("update message_templates set key = key || '-renamed'"))
    look = journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE))
    assert set(look.failed) == {"cart", "other"}
    assert all("newsletter" in why for why in look.failed.values())
