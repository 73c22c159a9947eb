"""Under test: rules from their form, in the units that people type; what a rule says of itself and of the past."""

from __future__ import annotations

from datetime import timedelta

import pytest
from metric_world import NOW
from quarter_world import LAST_WHOLE_DAY

from apps.context import Context
from apps.screens.alerts.drafting import Draft, changed, choices_of, draft_of, rule_of_form, typed_value
from apps.screens.alerts.standing import read_standing, rule_words, snoozed_until, try_rule
from apps.screens.analytics.desk import desk_of
from dmat.alerts.desk import AlertDesk
from dmat.alerts.rules import shipped_rules
from dmat.errors import InvalidInputError
from dmat.metrics.question import Filter


@pytest.fixture
def context(quarter):
    quarter.publish({LAST_WHOLE_DAY: 6})
    return Context(quarter.settings, quarter.view, quarter.store)


def test_a_rule_is_typed_in_per_cent_and_whole_amounts():
    form = {"name": "Fewer orders!", "metric": "orders", "kind": "unusual", "direction": "drop", "least_change": "12,5",
            "emails": "a@shop.example, b@shop.example"}  # fmt: skip
    rule = rule_of_form(form)
    assert (rule.key, rule.least_change, rule.false_alarm_days) == ("fewer-orders", 0.125, 1000)
    assert rule.emails == ("a@shop.example", "b@shop.example")
    line = {"name": "x", "kind": "threshold", "line_direction": "above", "value": "5"}
    assert rule_of_form(line | {"metric": "revenue"}).value == 500
    assert rule_of_form(line | {"metric": "click_rate"}).value == 0.05
    assert rule_of_form(line | {"metric": "revenue", "compare": "year"}).value == 0.05
    assert rule_of_form(line | {"metric": "orders"}).direction == "above"


@pytest.mark.parametrize(
    ("changes", "field"), [({"value": "much"}, "value"), ({"metric": ""}, "metric"), ({"name": ""}, "name")]
)
def test_what_is_wrong_in_a_form_is_named(changes, field):
    with pytest.raises(InvalidInputError) as refused:
        rule_of_form({"name": "x", "kind": "threshold", "metric": "orders", "value": "5"} | changes)
    assert refused.value.field == field


def test_every_shipped_rule_says_what_it_watches():
    words = {rule.key: rule_words(rule) for rule in shipped_rules()}
    assert words["delivery"] == "Delivery rate over 3 days is below 95%."
    assert words["lead-velocity"].endswith("over 30 days fell by more than 20% against the days before.")
    assert "by 10% at least. Chance alone: once in 1,000 days." in words["revenue"]


@pytest.mark.parametrize(
    ("metric", "compare", "typed"),
    [("revenue", "", "12.5"), ("click_rate", "", "2.5"), ("orders", "year", "-20"), ("orders", "", "7")],
)
def test_a_rule_that_is_changed_keeps_what_its_form_does_not_have(metric, compare, typed):
    form = {"name": "x", "kind": "threshold", "metric": metric, "value": typed, "compare": compare, "days": "5"}
    old = rule_of_form(form).model_copy(
        update={"filters": (Filter(dimension="country", values=("ES",)),), "is_active": False}
    )
    assert typed_value(old) == typed
    found = rule_of_form(form | {"name": "New name", "value": typed_value(old), "segment": "vip"}, draft_of(old))
    assert found == old.model_copy(update={"name": "New name", "segment": "vip"})


def test_words_name_segments_and_say_which_way():
    rule = rule_of_form({"name": "x", "kind": "threshold", "metric": "orders", "line_direction": "above", "value": "10",
                         "compare": "previous", "segment": "vip"})  # fmt: skip
    assert rule_words(rule, {"segment": {"vip": "Best customers"}}) == (
        "Orders of Best customers over 7 days rose by more than 10% against the days before."
    )


def test_a_rule_is_narrowed_to_values_that_its_figure_has(context):
    desk = desk_of(context)
    draft = changed(Draft(), "choose-dimension", "country")
    offered = choices_of(draft, desk)
    assert "country" in {each.key for each in offered.dimensions}
    assert "segment" not in {each.key for each in offered.dimensions}
    first, *_ = offered.values
    draft = changed(draft, "choose-value", first.key)
    assert [each.key for each in choices_of(draft, desk).chips] == [f"country:{first.key[1:]}"]
    rule = rule_of_form({"name": "Here", "kind": "threshold", "metric": "orders", "value": "5"}, draft)
    assert rule.filters == (Filter(dimension="country", values=(first.key[1:],)),)
    assert first.key not in {
        each.key for each in choices_of(changed(draft, "choose-dimension", "country"), desk).values
    }
    assert changed(draft, "drop-filter", f"country:{first.key[1:]}").filters == ()
    assert changed(draft, "choose-metric", "ad_spend").filters == ()
    assert changed(draft, "choose-dimension", "no-such").asking == ""


def test_a_name_without_latin_letters_makes_a_rule():
    form = {"name": "注文", "kind": "threshold", "metric": "orders", "value": "5"}
    assert [rule_of_form(form, keys=keys).key for keys in ((), ("rule", "revenue"))] == ["rule", "rule-2"]
    assert rule_of_form(form | {"name": "Fewer orders in Spain!"}).key == "fewer-orders-in-spain"


def test_what_was_refused_stays_typed():
    form = {"name": "Fewer", "metric": "orders", "kind": "threshold", "value": "much"}
    draft = Draft(filters=(("country", "ES"),)).typed(form, "it is no number")
    assert (draft.fields["value"], draft.filters, draft.problem) == ("much", (("country", "ES"),), "it is no number")
    assert draft.fields["days"] == ""


def test_words_say_of_which_part_a_figure_is():
    filters = (Filter(dimension="country", values=("ES", "FR")), Filter(dimension="campaign", values=("7",)))
    rule = rule_of_form({"name": "x", "kind": "threshold", "metric": "orders", "value": "10"})
    rule = rule.model_copy(update={"filters": filters})
    assert rule_words(rule, {"campaign": {"7": "Spring"}}) == (
        "Orders (country: ES or FR, campaign: Spring) over 7 days is below 10."
    )


def test_a_rule_is_tried_on_the_past_before_it_is_kept(context):
    rule = rule_of_form({"name": "Orders", "metric": "orders", "kind": "unusual", "direction": "drop"})
    tried = try_rule(context, rule)
    assert [day for day, _ in tried.told] == ["9 March"]
    assert tried.judged_count > 50
    value, low, width, told = [line["data"] for line in tried.course.options["series"]]
    assert value[-1] == told[-1] == 6 < low[-1]
    assert told[:-1] == [None] * 89
    assert [at for at, name in enumerate(low) if name is not None] == [at for at, name in enumerate(width) if name]
    assert tried.course.summary == "Orders day by day; told on 1 of 90 days."
    with pytest.raises(InvalidInputError):
        try_rule(context, next(rule for rule in shipped_rules() if rule.kind == "sources"))


def test_a_line_over_the_past_is_drawn_and_a_change_has_none(context):
    line = {"name": "Orders", "metric": "orders", "kind": "threshold", "value": "100", "days": "7"}
    tried = try_rule(context, rule_of_form(line))
    limit, value, told = [each["data"] for each in tried.course.options["series"]]
    assert set(limit) == {100}
    assert [at for at, each in enumerate(told) if each is not None] == [
        at for at, each in enumerate(value) if each is not None and each < 100
    ]
    assert try_rule(context, rule_of_form(line | {"compare": "previous", "value": "-90"})).course is None


def test_what_stands_open_is_listed_with_the_rules(context):
    AlertDesk(context.settings, context.store, context.workspace).look()
    found = read_standing(context)
    assert {alert.rule_key for alert in found.standing} == {"orders", "revenue"}
    assert len(found.rules) == len(shipped_rules())
    assert snoozed_until(context, "24") == NOW + timedelta(days=1)
    with pytest.raises(InvalidInputError):
        snoozed_until(context, "99")
