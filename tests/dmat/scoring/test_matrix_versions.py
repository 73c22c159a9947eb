"""Under test: lines of the score matrix are changed together, versioned, taken back, and tried on the leads."""

from __future__ import annotations

from datetime import timedelta

import pytest
from lead_world import LEAD_NOON, lead_row, point

from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.scoring.leads import take_in
from dmat.scoring.live import note_activity, score_of, scores_of
from dmat.scoring.matrix import change_rule, read_matrix
from dmat.scoring.matrix_versions import change_matrix, drafted, effect_of, list_versions, restore_version

LATER = LEAD_NOON + timedelta(days=30)


def matrix(world):
    with world.store.read() as connection:
        return read_matrix(connection)


def test_several_lines_are_one_version_with_who_and_why(lead_world):
    store = lead_world.store
    changes = {"email_open": {"points": 3}, "demo_request": {"points": 60, "half_life_days": None}}
    assert change_matrix(store, changes, LEAD_NOON, "ann", "opens say little", expected=0) == 1
    [version] = list_versions(store)
    assert (version.version, version.created_by, version.note) == (1, "ann", "opens say little")
    assert version.document["demo_request"] == {"points": 60, "half_life_days": None, "is_active": True}
    assert matrix(lead_world)["email_open"].points == 3
    assert change_matrix(store, changes, LEAD_NOON, "ann") == 1
    change_rule(store, "email_open", LEAD_NOON, "bob", points=2)
    assert [each.version for each in list_versions(store)] == [2, 1]
    with pytest.raises(ConflictError, match="at version 2, not 1"):
        change_matrix(store, changes, LEAD_NOON, "ann", expected=1)


def test_going_back_is_a_new_version(lead_world):
    store = lead_world.store
    change_matrix(store, {"email_open": {"points": 3}}, LEAD_NOON, "ann")
    change_matrix(store, {"email_open": {"is_active": False}}, LEAD_NOON, "ann")
    assert restore_version(store, 1, LEAD_NOON, "ann") == 3
    assert (matrix(lead_world)["email_open"].points, matrix(lead_world)["email_open"].is_active) == (3, True)
    assert restore_version(store, 0, LEAD_NOON, "ann") == 4
    assert matrix(lead_world)["email_open"].points == 5
    with pytest.raises(NotFoundError):
        restore_version(store, 99, LEAD_NOON, "ann")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"nothing": {"points": 1}}, "action"),
        ({"email_open": {"points": 5_000}}, "email_open.points"),
        ({"email_open": {"half_life_days": 0.01}}, "email_open.half_life_days"),
    ],
)
def test_a_line_out_of_bounds_is_named(lead_world, changes, field):
    with pytest.raises(InvalidInputError) as refused:
        change_matrix(lead_world.store, changes, LEAD_NOON, "ann")
    assert refused.value.field == field
    assert list_versions(lead_world.store) == []


def test_a_draft_is_tried_on_the_ledger_of_the_leads(lead_world):
    points = [
        point("a", 1, "demo_request", 50, half=60),
        point("b", 1, "email_open", 5),
        point("c", 2, "email_open", 5),
    ]
    lead_world.publish(points, [lead_row(None, 1, "a@example.com"), lead_row(None, 2, "b@example.com")])
    now, view = matrix(lead_world), lead_world.view
    assert effect_of(view, now, LEAD_NOON).qualified_count == 1
    changed = drafted(now, {"email_open": {"points": 40}, "demo_request": {"is_active": False}})
    found = effect_of(view, changed, LEAD_NOON)
    assert (found.leads_count, found.hot_count, found.cold_count, found.qualified_count) == (2, 2, 0, 0)
    assert effect_of(view, changed, LATER).hot_count == 0  # half of 40 is left after a half-life
    assert effect_of(view, drafted(changed, {"email_open": {"half_life_days": None}}), LATER).hot_count == 2


def test_without_tables_nothing_is_reckoned(lead_world):
    assert effect_of(lead_world.view, matrix(lead_world), LEAD_NOON) is None


def test_scores_of_many_are_those_of_each(lead_world):
    points = [point("a", 1, "demo_request", 50, half=60), point("b", 2, "email_open", 5)]
    given = [{"email": f"{n}@example.com", "company_size": "1000+"} for n in "abc"]
    ids = [take_in(lead_world.store, each, LEAD_NOON, "ann")[0].lead_id for each in given]
    lead_world.publish(points, [lead_row(ids[0], 1, "a@example.com"), lead_row(ids[1], 2, "b@example.com")])
    note_activity(lead_world.store, lead_world.view, ids[2], "scheduled_call", LEAD_NOON, "ann")
    found = scores_of(lead_world.store, lead_world.view, [*ids, 999], LATER)
    assert found == {number: score_of(lead_world.store, lead_world.view, number, LATER) for number in ids}
    assert found[ids[2]].score > 0
