"""Under test: variants, reactions, rules and parameters of links in the composer, as edits of a plan's document."""

from __future__ import annotations

import copy

import pytest

from apps.screens.campaigns.answering import split
from apps.screens.campaigns.branching import earlier_steps, evened, link_example, reaction_choices
from apps.screens.campaigns.composing import placed
from apps.screens.campaigns.coordinating import PRESETS, rule_words, shown_rules
from apps.screens.campaigns.plan_edits import edit_of
from dmat.campaigns.plan import as_document, parse_plan

STEPS = [
    {"key": "mail", "channel": "email", "template": "sale", "day": 1, "time": "10:00"},
    {"key": "text", "channel": "sms", "template": "call", "day": 3, "time": "10:00"},
]
PLAN = as_document(parse_plan({"audience": {"is_everybody": True}, "steps": STEPS}))


def edited(*edits, plan=PLAN):
    """The plan after edits, each a name and what the browser sends; it must still be whole."""
    changed = copy.deepcopy(plan)
    for name, value in edits:
        edit_of(name, value)(changed)
    return changed


def field(of, value):
    return {"of": of, "value": value}


def test_the_first_variant_makes_two_with_even_shares_and_the_next_one_shares_anew():
    two = edited(("add-variant", "mail"))["steps"][0]["variants"]
    assert [(each["key"], each["share"]) for each in two] == [("a", 0.5), ("b", 0.5)]
    three = edited(*[("add-variant", "mail")] * 2)
    assert [each["share"] for each in three["steps"][0]["variants"]] == [0.34, 0.33, 0.33]
    assert parse_plan(three).steps[0].variants[2].key == "c"


def test_of_two_variants_the_other_one_takes_the_rest():
    plan = edited(("add-variant", "mail"), ("variant", field("mail|a|share", "20")))
    assert [each["share"] for each in plan["steps"][0]["variants"]] == [0.2, 0.8]
    assert parse_plan(plan)


def test_a_variant_says_its_own_subject_and_the_last_one_alone_is_none():
    plan = edited(("add-variant", "mail"), ("variant", field("mail|b|subject", "Only today")))
    assert parse_plan(plan).steps[0].variants[1].subject == "Only today"
    assert edited(("remove-variant", "mail|b"), plan=plan)["steps"][0]["variants"] == []


@pytest.mark.parametrize("count", range(1, 7))
def test_even_shares_are_whole_percents_that_add_up(count):
    shares = [each["share"] for each in evened([{"key": str(n)} for n in range(count)])]
    assert round(sum(shares), 6) == 1
    assert all(round(share * 100, 6).is_integer() for share in shares)


def test_a_step_asks_who_did_not_open_the_one_before_and_can_stop_asking():
    plan = edited(("add-reaction", "text"))
    [reaction] = parse_plan(plan).steps[1].audience.reactions
    assert (reaction.step, reaction.did, reaction.is_not) == ("mail", "opened", True)
    clicked = edited(("reaction", field("text|0|did", "clicked")), plan=plan)
    assert parse_plan(clicked).steps[1].audience.reactions[0].is_not is False
    assert edited(("remove-reaction", "text|0"), plan=plan)["steps"][1]["audience"] is None
    assert edited(("add-reaction", "mail")) == PLAN  # nothing comes before the first step


def test_a_step_is_narrowed_to_segments_and_widened_again():
    plan = edited(("narrow", field("text|segments", "vip")), ("narrow", field("text|exclude", "staff")))
    audience = parse_plan(plan).steps[1].audience
    assert (audience.segments, audience.exclude) == (("vip",), ("staff",))
    assert edited(("widen", "text|segments|vip"), ("widen", "text|exclude|staff"), plan=plan) == PLAN


def test_only_what_a_channel_tells_is_offered():
    assert ("not:opened", "did not open") in reaction_choices("email")
    assert "opened" not in dict(reaction_choices("sms"))
    assert [step["key"] for step in earlier_steps(PLAN, "text")] == ["mail"]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_rule_to_begin_with_is_whole_and_twice_has_two_keys(preset):
    plan = parse_plan(edited(("add-rule", preset), ("add-rule", preset)))
    assert len({rule.key for rule in plan.rules}) == 2


def test_a_rule_is_changed_field_by_field_and_stays_whole():
    plan = edited(
        ("add-rule", "own"), ("rule", field("own|when.value", "12.5")), ("rule", field("own|then.do", "raise_budget")),
        ("rule", field("own|then.percent", "30")), ("rule", field("own|is_dry_run", True)),
        ("rule", field("own|when.channel", "sms")), ("rule", field("own|when.measure", "click_rate")),
    )  # fmt: skip
    [rule] = parse_plan(plan).rules
    assert (rule.when.value, rule.then.percent, rule.is_dry_run) == (0.125, 30, True)
    assert rule_words(plan["rules"][0]) == "Click rate of SMS below 12.5%: raise the budget of Retargeting by 30%"
    assert shown_rules(plan["rules"])[0]["typed"] == "12.5"


def test_a_ratio_is_no_percentage():
    plan = edited(("add-rule", "social-spike"), ("rule", field("social-spike|when.value", "3")))
    assert parse_plan(plan).rules[0].when.value == 3
    share = edited(("rule", field("social-spike|when.measure", "click_rate")), plan=plan)
    assert parse_plan(share).rules[0].when.value == 1


def test_a_rule_that_is_half_done_is_named_and_hides_nothing_else():
    plan = edited(("add-rule", "own"), ("add-rule", "own"), ("rule", field("own|when.value", "")))
    whole, findings = split(plan)
    assert [finding.place for finding in findings] == ["rules[0].when.value"]
    assert placed(findings[0].place, plan["steps"]) == "Coordination rule 1, value"
    assert [rule.key for rule in whole.rules] == ["own-2"]
    assert len(whole.steps) == 2


def test_fields_and_buttons_that_there_are_not_change_nothing():
    plan = edited(("add-rule", "own"), ("add-variant", "mail"))
    for name, value in [
        ("rule", field("own|key", "x")), ("rule", field("own|then.channel", "sms")), ("rule", field("x|name", "y")),
        ("variant", field("mail|a|key", "z")), ("narrow", field("mail|steps", "vip")), ("add-rule", "nothing"),
        ("reaction", field("text|0|step", "mail")), ("link", field("color", "red")), ("add-variant", "nothing"),
    ]:  # fmt: skip
        assert edited((name, value), plan=plan) == plan, (name, value)
    assert edit_of("delete-everything", "") is None


def test_a_campaign_says_its_own_parameters_of_links_or_none():
    plan = edited(("link", field("source", "partner")))
    assert parse_plan(plan).utm.source == "partner"
    workspace = {"source": "dmat", "medium": "{channel}"}
    assert link_example(plan, workspace, "Spring Sale") == "utm_source=partner&utm_medium=email"
    assert edited(("link", field("source", " ")), plan=plan)["utm"] is None
