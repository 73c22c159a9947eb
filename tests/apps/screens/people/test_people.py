"""Under test: one person with everything that is known of them, and who may see and take it away."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from serving_fixture import NASTY, STORIES

from apps.screens.people.files import write_person
from apps.screens.people.knowing import read_person
from apps.screens.people.moment import Moment
from apps.screens.people.screen import PeopleScreen
from apps.screens.people.timeline import KINDS, by_day, narrowed, read_timeline
from dmat.store.users import User
from dmat.store.workspace_values import read_audit

ANA, CHLOE, DIEGO, IVO = 1, 3, 4, 9
ADMIN = User(1, "admin@example.com", "Admin", "admin")


def person_of(context, number: int):
    email = STORIES[number - 1].email
    rows = context.workspace.rows("select person_id from people.dim_people where email = ?", [email])
    return read_person(context, str(rows[0]["person_id"]))


def titles(context, number: int) -> list[str]:
    return [moment.title for moment in read_timeline(context, person_of(context, number))]


def test_a_person_is_told_with_address_worth_and_consent(context):
    ana = person_of(context, ANA)
    assert ana.name == "Ana Okafor"
    assert ana.record["email"] == STORIES[0].email
    assert {row["channel"] for row in ana.consents} >= {"email"}
    assert [row["source"] for row in ana.contacts][:1] == ["shopify"]


def test_the_timeline_tells_cart_mail_and_order_the_newest_first(context):
    ana = person_of(context, ANA)
    moments = read_timeline(context, ana)
    assert [moment.at for moment in moments] == sorted((moment.at for moment in moments), reverse=True)
    told = " | ".join(moment.title for moment in moments)
    assert "Cart of" in told
    assert "Ordered" in told
    assert "E-mail sent" in told
    mail = next(moment for moment in moments if moment.title.startswith("E-mail sent"))
    assert mail.message_id == STORIES[0].message_id
    assert mail.link == f"/follow?id={STORIES[0].cart_id}"


def test_who_was_held_out_or_kept_from_a_mail_is_told_so_with_the_reason(context):
    assert any(title.startswith("E-mail held out") for title in titles(context, CHLOE))
    moments = read_timeline(context, person_of(context, DIEGO))
    kept = next(moment for moment in moments if moment.title.startswith("E-mail not sent"))
    assert kept.tone == "warning"
    assert ": " in kept.detail
    assert kept.message_id == ""


def test_the_timeline_is_narrowed_to_a_kind_and_counts_all_kinds(context):
    moments = read_timeline(context, person_of(context, ANA))
    told = narrowed(moments, "order", 1, context.zone)
    counts = dict(told.counts)
    assert told.shown == 1
    assert told.fitting == counts["order"] == sum(moment.kind == "order" for moment in moments)
    assert sum(counts.values()) == len(moments)
    assert set(counts) <= set(KINDS)


def test_days_begin_at_midnight_where_the_marketers_are():
    late = Moment(datetime(2026, 11, 19, 23, 30), "web", "globe", "", "Visited")
    early = Moment(datetime(2026, 11, 19, 22, 30), "web", "globe", "", "Visited")
    days = by_day([late, early], "Europe/Berlin")
    assert [day.words for day in days] == ["Friday, 20 November 2026", "Thursday, 19 November 2026"]
    assert days[0].moments[0][0] == "00:30"


@pytest.mark.parametrize("text", ["", "x", "-1", "9" * 19, "1 or 1=1", "987654321"])
def test_an_address_that_names_nobody_gives_nobody(context, text):
    assert read_person(context, text) is None


def test_the_file_of_a_person_holds_the_record_and_the_timeline_and_is_written_down(context):
    ana = person_of(context, ANA)
    told = json.loads(write_person(context, str(ana.person_id), ADMIN))
    assert told["person"]["email"] == STORIES[0].email
    assert len(told["timeline"]) == len(read_timeline(context, ana))
    line = read_audit(context.store)[0]
    assert (line["action"], line["subject"]) == ("person exported", str(ana.person_id))
    assert write_person(context, "42", ADMIN) is None


def test_a_name_that_tries_to_be_html_is_shown_as_text(context):
    screen = PeopleScreen(context, ADMIN)
    screen.state.person = str(person_of(context, IVO).person_id)
    screen.refresh(context.pulse())()
    shown = screen.head.html + screen.card.html + screen.timeline.html + screen.beside.html
    assert NASTY not in shown
    assert "&lt;img src=x" in shown


def test_somebody_is_found_by_a_part_of_the_name(context):
    screen = PeopleScreen(context, ADMIN)
    screen.state.search = "okaf"
    screen.refresh(context.pulse())()
    assert "Ana Okafor" in screen.card.html
    assert "Ben Smith" not in screen.card.html


def test_only_who_may_take_people_away_gets_the_file(served, context):
    ana = person_of(context, ANA)
    assert served.sign_in("sales").get(f"/people-export?id={ana.person_id}").status_code == 403
    answer = served.sign_in("marketer").get(f"/people-export?id={ana.person_id}")
    assert answer.status_code == 200
    assert answer.json()["person"]["email"] == STORIES[0].email
    assert served.sign_in("marketer").get("/people-export?id=42").status_code == 404
    assert served.sign_in("analyst").get("/people").status_code == 403
