"""Under test: what is unusual is told once, in a group, with a reason; it closes by itself, and people can quiet it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from metric_world import NOW
from quarter_world import LAST_WHOLE_DAY

from dmat.alerts.desk import AlertDesk
from dmat.alerts.judging import judge, preview
from dmat.alerts.records import acknowledge, find_alert, open_alerts, read_log, reopen, snooze
from dmat.alerts.rules import find_rule, read_rule, read_rules, remove_rule, save_rule, shipped_rules
from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.messages.alert_notice import alert_values
from dmat.messages.rendering import Renderer
from dmat.store.tables import ledger_entries

DAY = timedelta(days=1)


def look(quarter):
    return AlertDesk(quarter.settings, quarter.store, quarter.view).look()


def mails(quarter):
    with quarter.store.read() as connection:
        query = sa.select(ledger_entries.c.address, ledger_entries.c.context).order_by(ledger_entries.c.planned_at)
        return [(row.address, row.context) for row in connection.execute(query)]


@pytest.fixture
def told(quarter):
    quarter.settings.alert_emails = "Ann@shop.example bob@shop.example"
    return quarter


def test_a_usual_day_is_no_alert(told):
    found = look(told)
    assert found.judged >= 5
    assert (found.standing, found.told, dict(found.faulty)) == (0, 0, {})
    assert mails(told) == []


def test_a_collapse_is_told_once_to_everybody_in_one_mail_and_closes_by_itself(told):
    told.publish({LAST_WHOLE_DAY: 6})
    assert look(told).told == 2
    titles = {alert.rule_key: alert.title for alert in open_alerts(told.store)}
    assert titles == {
        "revenue": "Revenue: unusually low on 09 March",
        "orders": "Orders: unusually low on 09 March",
    }
    assert sorted(address for address, _ in mails(told)) == ["ann@shop.example", "bob@shop.example"]
    assert mails(told)[0][1]["title"] == "2 things need a look"
    assert look(told).told == 0
    assert len(mails(told)) == 2

    told.publish(now=NOW + DAY)
    assert look(told).standing == 0
    with told.store.read() as connection:
        assert find_alert(connection, 1).closed_at == NOW + DAY
    assert [entry["action"] for entry in read_log(told.store, 1)] == ["opened", "told", "closed"]


def test_the_words_say_how_much_and_what_was_to_be_expected(quarter):
    quarter.publish({LAST_WHOLE_DAY: 6})
    found = judge(quarter.view, quarter.settings, find_rule(quarter.store, "orders"))
    assert found.day == LAST_WHOLE_DAY
    assert found.expected.low <= 60 <= found.expected.high
    assert found.finding.words.startswith("Orders on Monday, 09 March: 6, 9")
    assert "% less than expected. Expected for a Monday:" in found.finding.words
    assert found.finding.facts["value"] == 6
    assert "metrics%3Dorders" in found.finding.link


def test_today_is_not_judged_before_it_is_over(quarter):
    quarter.publish({NOW.date(): 1})
    assert look(quarter).standing == 0


def test_a_rise_is_no_drop(quarter):
    rule = {"key": "orders", "name": "Orders", "kind": "unusual", "metric": "orders", "direction": "drop"}
    save_rule(quarter.store, quarter.settings.clock, rule, "ann")
    quarter.publish({LAST_WHOLE_DAY: 300})
    look(quarter)
    assert {alert.rule_key for alert in open_alerts(quarter.store)} == {"revenue"}


def test_a_share_under_its_line_is_told_with_the_line(quarter):
    quarter.publish(delivered=0.9)
    look(quarter)
    [alert] = open_alerts(quarter.store)
    assert alert.rule_key == "delivery"
    assert alert.words == "Delivery rate over the last 3 days: 90.0%. The line is 95.0%; below it, this is told."


def test_a_change_against_the_days_before_is_told(quarter):
    rule = {"key": "fewer", "name": "Fewer orders", "kind": "threshold", "metric": "orders", "direction": "below",
            "value": -0.2, "days": 14, "compare": "previous"}  # fmt: skip
    save_rule(quarter.store, quarter.settings.clock, rule, "ann", is_new=True)
    quarter.publish({LAST_WHOLE_DAY - number * DAY: 20 for number in range(14)})
    found = judge(quarter.view, quarter.settings, find_rule(quarter.store, "fewer"))
    assert (found.value, found.compared) == (280.0, pytest.approx(720, rel=0.1))
    assert "% less than the days before" in found.finding.words


def test_a_preview_says_on_which_days_a_rule_would_have_told(quarter):
    dark = date(2026, 2, 25)
    quarter.publish({dark: 5})
    found = preview(
        quarter.view, quarter.settings, find_rule(quarter.store, "orders"), date(2026, 2, 10), date(2026, 3, 10)
    )
    assert [each.day for each in found if each.finding] == [dark]
    assert len(found) == 28
    assert all(each.is_said for each in found)


def test_days_with_too_little_behind_them_are_not_judged(quarter):
    found = preview(
        quarter.view, quarter.settings, find_rule(quarter.store, "orders"), date(2025, 12, 15), date(2025, 12, 20)
    )
    assert [each.is_said for each in found] == [False] * 5


def test_acknowledged_and_snoozed_alerts_are_told_no_more_until_their_time(told):
    told.publish({LAST_WHOLE_DAY: 6})
    look(told)
    first, second = (alert.alert_id for alert in open_alerts(told.store))
    clock = told.settings.clock
    assert acknowledge(told.store, clock, first, "ann@shop.example", "the shop was closed").state(NOW) == "acknowledged"
    assert snooze(told.store, clock, second, NOW + timedelta(hours=2), "ann@shop.example").state(NOW) == "snoozed"
    assert look(told).told == 0
    told.settings.clock.set(NOW + timedelta(hours=3))
    assert look(told).told == 1
    assert reopen(told.store, clock, first, "bob@shop.example").state(clock.now()) == "open"
    with pytest.raises(InvalidInputError, match="until"):
        snooze(told.store, clock, second, NOW, "ann@shop.example")
    with pytest.raises(NotFoundError):
        acknowledge(told.store, clock, 99, "ann@shop.example")


def test_between_two_notices_lies_a_pause(told):
    for key in ("revenue", "orders"):
        rule = find_rule(told.store, key).model_dump() | {"severity": "warning"}
        save_rule(told.store, told.settings.clock, rule, "ann")
    told.publish({LAST_WHOLE_DAY: 6})
    look(told)
    told.settings.clock.set(NOW + timedelta(minutes=5))
    rule = {"key": "few", "name": "Few", "kind": "threshold", "metric": "orders", "direction": "below", "value": 5000}
    save_rule(told.store, told.settings.clock, rule, "ann")
    assert look(told).told == 0
    told.settings.clock.set(NOW + timedelta(minutes=31))
    assert look(told).told == 1


def test_a_rule_that_no_longer_fits_is_named_and_the_others_are_judged(quarter):
    rule = {"key": "vips", "name": "VIPs", "kind": "unusual", "metric": "orders", "segment": "vanished"}
    save_rule(quarter.store, quarter.settings.clock, rule, "ann")
    found = look(quarter)
    assert list(found.faulty) == ["vips"]
    assert "segment" in found.faulty["vips"]
    assert found.judged >= 5


def test_every_shipped_rule_can_be_asked():
    for rule in shipped_rules():
        assert read_rule(rule.model_dump()) == rule


def test_a_rule_taken_away_closes_its_alerts(quarter):
    quarter.publish({LAST_WHOLE_DAY: 6})
    look(quarter)
    remove_rule(quarter.store, quarter.settings.clock, "orders", "ann")
    assert "orders" not in {rule.key for rule in read_rules(quarter.store)}
    look(quarter)
    assert {alert.rule_key for alert in open_alerts(quarter.store)} == {"revenue"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"metric": "nonsense"}, "metrics"),
        ({"metric": ""}, "metric"),
        ({"direction": "below"}, "direction"),
        ({"kind": "threshold", "direction": "below"}, "value"),
        ({"kind": "sources"}, "metric"),
        ({"key": "No Key"}, "key"),
        ({"emails": ["ann@shop.example, bob@shop.example"]}, "emails[0]"),
        ({"false_alarm_days": 3}, "false_alarm_days"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_faulty_rule_names_its_field(quarter, changes, field):
    rule = {"key": "mine", "name": "Mine", "kind": "unusual", "metric": "orders"} | changes
    with pytest.raises(InvalidInputError) as refused:
        save_rule(quarter.store, quarter.settings.clock, rule, "ann")
    assert refused.value.field == field


def test_a_new_rule_needs_a_key_of_its_own(quarter):
    rule = {"key": "orders", "name": "Mine", "kind": "unusual", "metric": "orders"}
    with pytest.raises(ConflictError):
        save_rule(quarter.store, quarter.settings.clock, rule, "ann", is_new=True)


def test_what_is_told_is_text_whatever_a_name_holds(told):
    name = "<b>Drop</b>{{ 7 * 7 }}"
    rule = {"key": "x", "name": name, "kind": "threshold", "metric": "orders", "direction": "below", "value": 5000}
    save_rule(told.store, told.settings.clock, rule, "ann")
    look(told)
    with Renderer() as renderer:
        values = alert_values(told.settings, mails(told)[0][1], "https://shop.example/u", lambda url: url)
        mail = renderer.render("alert_notice", values)
    assert "<b>Drop" not in mail.html
    assert "&lt;b&gt;Drop" in mail.html
    assert "{{ 7 * 7 }}" in mail.text
    assert "49" not in mail.subject
