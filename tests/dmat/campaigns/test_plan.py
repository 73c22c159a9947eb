"""Under test: a plan is whole in itself or refused with the place, and the same plan has the same hash."""

from __future__ import annotations

from datetime import datetime

import pytest

from dmat.campaigns.plan import as_document, parse_plan, plan_hash, plan_schema
from dmat.errors import InvalidInputError

MAIL = {"key": "mail", "channel": "email", "template": "sale"}


def place_of(document: dict) -> str:
    with pytest.raises(InvalidInputError) as refused:
        parse_plan(document)
    return refused.value.field


def test_times_with_a_zone_become_utc_without_one():
    plan = parse_plan({"starts_at": "2026-03-15T09:00:00+01:00", "steps": [MAIL | {"at": "2026-03-15T10:00:00Z"}]})
    assert (plan.starts_at, plan.steps[0].at) == (datetime(2026, 3, 15, 8), datetime(2026, 3, 15, 10))


def test_a_plan_written_as_json_and_read_again_is_the_same():
    plan = parse_plan({"steps": [MAIL | {"day": 2, "clock": "best_hour"}], "rules": [RULE]})
    assert parse_plan(as_document(plan)) == plan
    assert plan_hash(parse_plan(as_document(plan))) == plan_hash(plan)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"stepps": []}, "stepps"),
        ({"steps": [{"key": "mail", "channel": "email"}]}, "steps[0]"),
        ({"steps": [MAIL, MAIL]}, "steps"),
        ({"steps": [MAIL | {"channel": "fax"}]}, "steps[0].channel"),
        ({"steps": [MAIL | {"day": 1, "time": "24:00"}]}, "steps[0].time"),
        ({"steps": [MAIL | {"clock": "person"}]}, "steps[0]"),
        ({"steps": [MAIL | {"subject": "Sale\r\nBcc: everybody@example.com"}]}, "steps[0].subject"),
        ({"steps": [MAIL | {"from_email": "a@b.example\nBcc: c@d.example"}]}, "steps[0].from_email"),
        ({"steps": [MAIL | {"banner": {"headline": "Sale"}}]}, "steps[0]"),
        ({"steps": [{"key": "b", "channel": "banner"}]}, "steps[0]"),
        ({"steps": [{"key": "b", "channel": "banner", "banner": {"headline": "x", "url": "javascript:alert(1)"}}]},
         "steps[0].banner.url"),
        ({"holdout": {"share": 0}}, "holdout"),
        ({"starts_at": "2026-03-15T00:00:00Z", "ends_at": "2026-03-14T00:00:00Z"}, ""),
        ({"steps": [MAIL | {"variants": [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.4}]}]}, "steps[0]"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_place(document, place):
    assert place_of(document) == (place or "plan")


def test_the_schema_names_every_part_of_a_plan():
    assert {"audience", "steps", "holdout", "approval", "rules", "budget_cents"} <= set(plan_schema()["properties"])


RULE = {
    "key": "weak",
    "when": {"measure": "open_rate", "channel": "email", "comparison": "below", "value": 0.2},
    "then": {"do": "pause_channel", "channel": "email"},
}
