"""Under test: the gate beyond consent: purposes, priorities, people's own caps, countries, channels, warm-up."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sending_fixtures import NOON, grant, new_entry

from dmat.campaigns.facts import read_facts
from dmat.campaigns.gate import judge, make_gate
from dmat.campaigns.programmes import pause_programme
from dmat.campaigns.ramp import Ramp, end_ramp, set_ramp
from dmat.consent.permission import Decision, find_granted, find_permissions, record_decisions
from dmat.consent.suppression import Suppression, address_hash, suppress
from dmat.errors import InvalidInputError
from dmat.ledger.entries import get_entry
from dmat.ledger.post import Move, move, plan_entries
from dmat.store.sets import among
from dmat.store.tables import consents, last_replies
from dmat.store.web_tables import personal_caps


def plan(store, *entries, consent=True):
    with store.write() as connection:
        if consent:
            record_decisions(
                connection,
                {
                    Decision(entry.person_id, entry.channel, "marketing", True, NOON - timedelta(days=9), "form")
                    for entry in entries
                },
                NOON,
            )
        return plan_entries(connection, entries, NOON)


def ask(settings, store, message_ids, now=NOON):
    entries = [get_entry(store, message_id) for message_id in message_ids]
    with store.write() as connection:
        verdicts = make_gate(settings)(connection, entries, now)
    return [verdicts[message_id] for message_id in message_ids]


def sent(store, person=1, count=1, at=NOON - timedelta(days=1), **changes):
    entries = [new_entry(person, occurrence=f"sent-{at}-{n}", expires_at=None, **changes) for n in range(count)]
    ids = plan(store, *entries)
    with store.write() as connection:
        for state in ("claimed", "handed_over"):
            move(connection, [Move(i, state, "test", {"handed_over_at": at, "claimed_at": at}) for i in ids], at)
    return ids


def test_thousands_of_values_are_asked_about_at_once(both_stores):
    with both_stores.write() as connection:
        record_decisions(connection, (grant(number) for number in range(1, 7001)), NOON)
        assert find_granted(connection, range(2, 9000), "email") == set(range(2, 7001))
        assert connection.execute(consents.select().where(among(connection, consents.c.person_id, []))).all() == []


@pytest.mark.parametrize(("decisions", "granted"), [
    ([("marketing", True, 1)], True),
    ([("marketing", True, 1), ("events", False, 2)], False),
    ([("events", True, 1)], True),
    ([("events", True, 1), ("marketing", False, 2)], False),
    ([("events", True, 2), ("marketing", False, 1)], True),
    ([("marketing", False, 1)], False),
    ([("product_news", True, 1)], False),
    ([], False),
])  # fmt: skip
def test_a_purpose_follows_its_own_decision_unless_marketing_was_refused_later(both_stores, decisions, granted):
    with both_stores.write() as connection:
        record_decisions(
            connection,
            [Decision(1, "email", purpose, yes, NOON + timedelta(hours=h)) for purpose, yes, h in decisions],
            NOON,
        )
        assert find_permissions(connection, [1], "email", "events")[1].is_granted is granted
        assert (1 in find_granted(connection, [1], "email", "events")) is granted


def test_what_somebody_asked_for_needs_no_consent_and_knows_no_cap_and_no_night(settings, store):
    sent(store, count=3)
    entry = new_entry(1, purpose="transactional", is_holdout=False, occurrence="order-1")
    night = NOON + timedelta(hours=11)
    assert [v.state for v in ask(settings, store, plan(store, entry, consent=False), night)] == ["claimed"]


@pytest.mark.parametrize(("reason", "state"), [
    ("unsubscribed", "claimed"), ("bounced", "suppressed"), ("erased", "suppressed"), ("complained", "suppressed"),
])  # fmt: skip
def test_what_somebody_asked_for_never_goes_to_a_dead_or_erased_address(settings, store, reason, state):
    with store.write() as connection:
        suppress(connection, [Suppression("person1@example.com", "email", reason)], NOON)
    ids = plan(store, new_entry(1, purpose="transactional"), consent=False)
    assert [v.state for v in ask(settings, store, ids)] == [state]


def test_a_stop_by_text_message_ends_everything_on_that_channel(settings, store):
    with store.write() as connection:
        suppress(connection, [Suppression("+4915112345678", "sms", "unsubscribed")], NOON)
    entry = new_entry(1, channel="sms", address="+4915112345678", purpose="transactional")
    assert [v.state for v in ask(settings, store, plan(store, entry, consent=False))] == ["suppressed"]


def test_a_message_whose_next_place_is_after_its_own_end_is_expired_at_once(settings, store):
    sent(store, count=3)
    short = new_entry(1, occurrence="short", expires_at=NOON + timedelta(days=3))
    long = new_entry(1, occurrence="long", expires_at=NOON + timedelta(days=30))
    answers = ask(settings, store, plan(store, short, long))
    assert [verdict.state for verdict in answers] == ["expired", "planned"]
    assert answers[0].reason.startswith("3 messages in seven days are enough, and later is too late | not before ")
    assert answers[1].at > NOON + timedelta(days=3)


def test_messages_of_other_channels_count_for_the_week_and_what_was_asked_for_does_not(settings, store):
    sent(store, count=2, channel="sms", address="+4915112345678")
    sent(store, count=5, at=NOON - timedelta(days=2), purpose="transactional")
    first, second = plan(store, *(new_entry(1, occurrence=each, expires_at=None) for each in "ab"))
    assert [v.state for v in ask(settings, store, [first, second])] == ["claimed", "planned"]


def test_of_two_messages_the_more_important_one_takes_the_last_place(settings, store):
    sent(store, count=2)
    small, large = ({"occurrence": name, "expires_at": None} for name in ("low", "high"))
    low, high = plan(store, new_entry(1, **small), new_entry(1, **large, priority=5))
    assert [v.state for v in ask(settings, store, [low, high])] == ["planned", "claimed"]


def test_a_more_important_message_that_is_planned_keeps_its_place(settings, store):
    sent(store, count=2)
    due = NOON + timedelta(days=2)
    high = new_entry(1, occurrence="high", programme="campaign:7", priority=5, not_before=due, expires_at=None)
    low, _ = plan(store, new_entry(1, occurrence="low", expires_at=None), high)
    [verdict] = ask(settings, store, [low])
    assert (verdict.state, verdict.at) == ("planned", due + timedelta(minutes=1))
    assert "a more important message keeps this place" in verdict.reason
    pause_programme(store, "campaign:7", "", NOON)
    assert [v.state for v in ask(settings, store, [low])] == ["claimed"]


def test_a_place_is_not_kept_when_there_is_room_for_both(settings, store):
    sent(store, count=1)
    high = new_entry(1, occurrence="high", priority=5, not_before=NOON + timedelta(days=2), expires_at=None)
    low, _ = plan(store, new_entry(1, occurrence="low"), high)
    assert [v.state for v in ask(settings, store, [low])] == ["claimed"]


@pytest.mark.parametrize(("most", "days", "state"), [(1, 7, "planned"), (2, 7, "claimed"), (1, 30, "planned")])
def test_a_persons_own_wish_is_kept_when_it_is_stricter(settings, store, most, days, state):
    sent(store, count=1, at=NOON - timedelta(days=6 if days == 7 else 20))
    [message_id] = plan(store, new_entry(1, expires_at=None))
    with store.write() as connection:
        row = {"person_id": 1, "most": most, "days": days, "source": "page", "decided_at": NOON}
        connection.execute(personal_caps.insert().values(row))
    [verdict] = ask(settings, store, [message_id])
    assert verdict.state == state
    if state == "planned":
        assert f"the person wants at most {most} messages in {days} days" in verdict.reason


def text_message(number=1, country="FR", zone="Europe/Paris", address="+33612345678", **changes):
    context = {"country_code": country, "time_zone": zone}
    return new_entry(number, channel="sms", address=address, context=context, expires_at=None, **changes)


@pytest.mark.parametrize(("now", "country", "zone", "at"), [
    ("2026-03-04 12:00", "FR", "Europe/Paris", None),
    ("2026-03-04 19:30", "FR", "Europe/Paris", "2026-03-05 07:00"),  # 20.30 h: the country's rule
    ("2026-03-07 18:59", "FR", "Europe/Paris", None),  # Saturday
    ("2026-03-08 12:00", "FR", "Europe/Paris", "2026-03-09 07:00"),  # Sunday
    ("2026-04-04 20:00", "FR", "Europe/Paris", "2026-04-07 06:00"),  # Saturday before Easter: Sunday, Monday
    ("2026-05-01 10:00", "FR", "Europe/Paris", "2026-05-02 06:00"),
    ("2026-07-14 10:00", "FR", "Europe/Paris", "2026-07-15 06:00"),
    ("2026-03-08 12:00", "DE", "Europe/Berlin", None),
    ("2026-03-04 12:30", "US", "America/New_York", "2026-03-04 13:00"),
    ("2026-03-04 03:15", "IN", "Asia/Kolkata", "2026-03-04 03:30"),  # 8.45 h: not quiet any more, but not 9 yet
])  # fmt: skip
def test_advertising_by_text_message_keeps_to_the_countrys_hours_and_days(settings, store, now, country, zone, at):
    [message_id] = plan(store, text_message(country=country, zone=zone))
    [verdict] = ask(settings, store, [message_id], datetime.fromisoformat(now))
    assert verdict.at == (datetime.fromisoformat(at) if at else None)
    assert verdict.state == ("planned" if at else "claimed")


def test_a_countrys_rule_is_named_and_is_found_by_the_number_when_no_country_is_known(settings, store):
    [message_id] = plan(store, text_message(country=None, zone="Europe/Paris"))
    [verdict] = ask(settings, store, [message_id], datetime(2026, 3, 8, 12))
    assert "FR allows advertising from 8 to 20 h, not on Sundays and public holidays" in verdict.reason


def test_a_countrys_rule_of_text_messages_does_not_hold_for_mail_and_for_what_was_asked_for(settings, store):
    ids = plan(store, new_entry(1, context={"country_code": "FR", "time_zone": "Europe/Paris"}, expires_at=None),
               text_message(2, purpose="transactional"))  # fmt: skip
    assert [v.state for v in ask(settings, store, ids, datetime(2026, 3, 8, 12))] == ["claimed", "claimed"]


def test_whatsapp_takes_free_words_only_within_a_day_after_the_person_wrote(settings, store):
    address = "+4915112345678"
    [message_id] = plan(store, new_entry(1, channel="whatsapp", address=address))
    [verdict] = ask(settings, store, [message_id])
    assert (verdict.state, "did not write within 24 hours" in verdict.reason) == ("suppressed", True)
    for hours, state in ((25, "suppressed"), (23, "claimed")):
        with store.write() as connection:
            connection.execute(last_replies.delete())
            row = {"address_hash": address_hash(address), "channel": "whatsapp"}
            connection.execute(last_replies.insert().values(row | {"replied_at": NOON - timedelta(hours=hours)}))
        assert [v.state for v in ask(settings, store, [message_id])] == [state]


def test_whatsapp_takes_a_template_at_any_time(settings, store):
    ids = plan(store, new_entry(1, channel="whatsapp", address="+4915112345678", template="spring", locale="de"))
    assert [v.state for v in ask(settings, store, ids)] == ["claimed"]


def test_a_new_sender_is_warmed_up_a_little_more_every_day(both_settings, both_stores):
    settings, store = both_settings, both_stores
    set_ramp(store, Ramp("sandbox", "*", NOON.date(), first=3, growth=2, days=10), NOON, "ann")
    set_ramp(store, Ramp("sandbox", "gmail.com", NOON.date(), first=1, growth=2, days=10), NOON, "ann")
    entries = [new_entry(n, address=f"p{n}@gmail.com", expires_at=None) for n in (1, 2)]
    entries += [new_entry(n, expires_at=None) for n in (3, 4, 5)]
    ids = plan(store, *entries)
    found = ask(settings, store, ids)
    assert [v.state for v in found] == ["claimed", "planned", "claimed", "claimed", "planned"]
    assert found[1].reason.endswith("the warm-up of sandbox to gmail.com is full for today")
    assert found[4].reason.endswith("the warm-up of sandbox is full for today")
    assert found[1].at == found[4].at == datetime(2026, 3, 5)
    assert [v.state for v in ask(settings, store, ids[3:], NOON + timedelta(hours=1))] == ["planned", "planned"]
    tomorrow = [v.state for v in ask(settings, store, ids, NOON + timedelta(days=1))]
    assert tomorrow == ["claimed"] * 5
    end_ramp(store, "sandbox", "*", NOON, "ann")
    end_ramp(store, "sandbox", "gmail.com", NOON, "ann")
    assert {v.state for v in ask(settings, store, ids)} == {"claimed"}


def test_a_held_out_person_waits_for_the_warm_up_as_the_others_and_takes_nothing_of_it(settings, store):
    set_ramp(store, Ramp("sandbox", "*", NOON.date(), first=1), NOON, "ann")
    ids = plan(store, new_entry(1, is_holdout=True), new_entry(2), new_entry(3, is_holdout=True))
    assert [v.state for v in ask(settings, store, ids)] == ["held_out", "claimed", "planned"]


def test_a_ramp_grows_ends_and_says_what_it_takes(store):
    ramp = Ramp("sendgrid", "*", date(2026, 3, 4), first=200, growth=1.5, days=3)
    assert [ramp.allowance(date(2026, 3, day)) for day in (3, 4, 5, 6, 7)] == [0, 200, 300, 450, None]
    with pytest.raises(InvalidInputError, match="growth"):
        set_ramp(store, Ramp("sendgrid", "*", date(2026, 3, 4), growth=11), NOON, "ann")


def test_one_channel_of_a_campaign_can_be_paused(settings, store):
    ids = plan(store, new_entry(1), text_message(2, country="DE", zone="Europe/Berlin"))
    pause_programme(store, "cart_recovery/email", "too few opens", NOON)
    found = ask(settings, store, ids)
    assert [v.state for v in found] == ["planned", "claimed"]
    assert "the channel is paused (too few opens)" in found[0].reason


def test_a_message_in_the_app_needs_no_record_but_a_no_is_a_no(settings, store):
    entries = [new_entry(n, channel="in_app", address=f"person:{n}") for n in (1, 2)]
    ids = plan(store, *entries, consent=False)
    with store.write() as connection:
        record_decisions(connection, [Decision(2, "in_app", "marketing", False, NOON)], NOON)
    assert [v.state for v in ask(settings, store, ids)] == ["claimed", "suppressed"]
    assert [v.state for v in ask(settings, store, ids, NOON + timedelta(hours=11))] == ["claimed", "suppressed"]


def test_a_batch_is_judged_as_each_of_its_messages_alone(settings, store):
    """Most of a batch pass together; whoever a question may keep back is asked all of them, in order."""
    night = {"time_zone": "Asia/Tokyo", "country_code": "JP"}
    entries = [
        new_entry(1), new_entry(2, address="nobody"), new_entry(3), new_entry(4), new_entry(5, context=night),
        new_entry(6, channel="sms", address="+33612345678"), new_entry(7, programme="resting"),
        new_entry(8, step="resting"), new_entry(9), new_entry(10), new_entry(11, purpose="transactional"),
        new_entry(12, purpose="transactional", address="nobody"), new_entry(13, is_holdout=True),
    ]  # fmt: skip
    ids = plan(store, *(entry for entry in entries if entry.person_id != 4))
    ids += plan(store, entries[3], consent=False)
    pause_programme(store, "resting", "stock", NOON)
    with store.write() as connection:
        suppress(connection, [Suppression("person3@example.com", "email", "bounced")], NOON)
        connection.execute(personal_caps.insert().values(person_id=9, most=0, days=7, decided_at=NOON))
    with store.write() as connection:
        given = [get_entry(store, message_id) for message_id in ids]
        together = make_gate(settings)(connection, given, NOON)
        facts = read_facts(connection, settings, given, NOON)
        assert together == {entry.message_id: judge(entry, facts) for entry in given}
    assert len({(verdict.state, verdict.reason) for verdict in together.values()}) >= 8
