"""Under test: what is wrong with a document is said with its place and what is allowed, in words of people."""

from __future__ import annotations

import pytest

from dmat.errors import InvalidInputError
from dmat.loyalty.offers import parse_offer
from dmat.loyalty.rules import parse_loyalty
from dmat.routing.plan import parse_routing
from dmat.routing.reps import parse_rep

REP = {"rep_key": "ann", "name": "Ann", "email": "ann@shop.example"}
RULE = {"key": "all", "then": {"to": "anyone"}}
OFFER = {"offer_key": "tea", "name": "Tea", "kind": "percent", "value": 5}


def plan_with(**rule):
    return {"rules": [RULE | rule]}


@pytest.mark.parametrize(
    ("parse", "document", "problem", "allowed"),
    [
        (parse_rep, REP | {"capacity": "ten"}, "capacity: 'ten' is not a whole number", "a whole number, 0 to 10,000"),
        (parse_rep, REP | {"capacity": ""}, "capacity: it is empty", "a whole number, 0 to 10,000"),
        (parse_rep, REP | {"most_per_day": 9999}, "most_per_day: 9999 is too large", "0 to 1,000"),
        (parse_rep, REP | {"name": ""}, "name: it is empty", "a text, 1 to 200 characters"),
        (parse_rep, REP | {"team": "x" * 70}, "team: 70 characters are too many", "a text, 0 to 60 characters"),
        (parse_rep, REP | {"email": "ann"}, "email: 'ann' is not an address of email", "as ann@shop.example"),
        (parse_rep, REP | {"role": "boss"}, "role: 'boss' is not allowed", "rep or manager"),
        (
            parse_rep,
            REP | {"time_zone": "Mars/Base"},
            "time_zone: 'Mars/Base' is not a time zone",
            "a region and a city, as Europe/Berlin",
        ),
        (
            parse_rep,
            REP | {"slack_channel": "my one"},
            "slack_channel: 'my one' has another form",
            "as #sales or C0123456789, without spaces",
        ),
        (
            parse_rep,
            REP | {"working_hours": {"mon": ["17:00", "09:00"]}},
            "working_hours: 17:00 to 09:00 on mon are not hours of work",
            "a time and a later one, as 09:00 to 17:00",
        ),
        (
            parse_rep,
            REP | {"away": [["2026-01-01", "later"]]},
            "away: '2026-01-01 to later' is not a span of days",
            "a day and the same or a later one, as 2026-03-02 to 2026-03-06",
        ),
        (
            parse_rep,
            REP | {"territories": ["x" * 200]},
            "territories[0]: 200 characters are too many",
            "at most 110 characters",
        ),
        (parse_routing, {}, "rules: it is missing", ""),
        (parse_routing, [], "plan: it is not an object with fields", "an object with fields"),
        (parse_routing, {"rules": []}, "rules: it is empty", "1 to 200 entries"),
        (
            parse_routing,
            plan_with(then={"to": "x"}),
            "rules[0].then: 'x' is not allowed",
            "rep, territory, specialist, manager, anyone",
        ),
        (
            parse_routing,
            plan_with(then={"to": "rep", "rep": ""}),
            "rules[0].then.rep: it is empty",
            "small letters a to z, digits, -, _ and ., beginning with a letter or a digit",
        ),
        (
            parse_routing,
            plan_with(when={"score_over": "hot"}),
            "rules[0].when.score_over: 'hot' is not a number",
            "a number, 0 to 10,000",
        ),
        (
            parse_routing,
            plan_with(when={"company_sizes": ["5"]}),
            "rules[0].when.company_sizes: '5' is not known",
            "1-10, 11-50, 51-200, 201-1000, 1000+",
        ),
        (
            parse_routing,
            plan_with(colour="red"),
            "rules[0].colour: there is no such field",
            "key, name, priority, when, then, when_full",
        ),
        (parse_loyalty, {"members": "all"}, "members: 'all' is not allowed", "everybody or with_email_consent"),
        (parse_loyalty, {"holdout_share": 0.9}, "holdout_share: 0.9 is too large", "0 to 0.5"),
        (
            parse_loyalty,
            {"starts_at": "soon"},
            "starts_at: 'soon' is not a moment",
            "a moment, as 2026-03-15T09:00:00Z",
        ),
        (
            parse_loyalty,
            {"tiers": [{"key": "gold", "name": "Gold", "from_points": 5}]},
            "tiers: they do not rise",
            "the first begins at 0 points, each next one at more",
        ),
        (parse_offer, OFFER | {"value": 0}, "value: 0 percent are no offer", "1 to 100 percent"),
        (parse_offer, OFFER | {"valid_days": 0}, "valid_days: 0 is too small", "1 to 3,650"),
        (parse_offer, OFFER | {"tiers": "gold"}, "tiers: 'gold' is not a list", "a list, 0 to 20 entries"),
    ],
)
def test_a_fault_names_its_place_and_what_is_allowed(parse, document, problem, allowed):
    with pytest.raises(InvalidInputError) as raised:
        parse(document)
    error = raised.value
    assert (f"{error.field}: {error.problem}", error.allowed) == (problem, allowed)
