"""Under test: the people of a journey as a file and as a segment; what a spreadsheet would run is text."""

from __future__ import annotations

import io
from datetime import timedelta
from types import SimpleNamespace

import pytest
from journey_worlds import cart, document_with
from openpyxl import load_workbook
from segment_world import NOW, number_of

from apps.screens.journeys.files import NAMES, as_csv, as_workbook, member_rows
from apps.screens.journeys.members import Wanted
from apps.screens.journeys.saving import save_people
from dmat.errors import InvalidInputError

MAIL = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter"}
AFTER, MINUTE, ANN = NOW + timedelta(hours=1, minutes=1), timedelta(minutes=1), "ann@shop.example"


@pytest.fixture
def lived(journey_world):
    """Three carts were left; the name of one of these people is a formula."""
    journey_world.start(document_with(steps=[MAIL, {"key": "a-day", "do": "wait", "for": "23h"}, MAIL | {"key": "b"}]))
    name = f"update people.dim_people set full_name = '=1+1' where person_id = {number_of(2)}"
    seen = "alter table people.dim_people add column last_seen_at timestamp"
    journey_world.look(AFTER, name, seen, *(cart(f"c{n}", n, NOW + MINUTE) for n in (1, 2, 3)))
    return journey_world


@pytest.fixture
def context(lived):
    return SimpleNamespace(
        store=lived.store, workspace=lived.source.desk.workspace, now=lived.settings.clock.now, version=lambda: 1
    )


def test_a_file_has_one_row_for_each_entry_and_texts_stay_texts(lived, context):
    rows = member_rows(context, lived.library.get("cart"), Wanted(step="a-day"))
    assert rows[0][:4] == (number_of(1), "Person1 Test", "person1@example.com", "c1")
    assert len(as_csv(rows).decode().splitlines()) == 4
    assert "'=1+1" in as_csv(rows).decode()
    sheet = load_workbook(io.BytesIO(as_workbook(rows)))["People"]
    cells = list(sheet.iter_rows(values_only=False))
    assert [cell.value for cell in cells[0]] == list(NAMES)
    assert (cells[2][1].value, cells[2][1].data_type) == ("=1+1", "s")
    assert member_rows(context, lived.library.get("cart"), Wanted(step="mail")) == []


def test_who_stands_at_a_step_is_kept_as_a_segment_that_does_not_change(lived, context):
    desk = SimpleNamespace(desks=SimpleNamespace(segments=lived.source.desk))
    journey = lived.library.get("cart")
    segment, kept, left = save_people(context, desk, journey, Wanted(step="a-day"), "Wait a day", ANN)
    assert (segment.kind, kept, left) == ("static", 3, 0)
    assert sorted(int(person) for person in lived.source.desk.members(segment)) == [number_of(n) for n in (1, 2, 3)]
    with pytest.raises(InvalidInputError, match="name"):
        save_people(context, desk, journey, Wanted(step="a-day"), " ", ANN)
    with pytest.raises(InvalidInputError, match="people"):
        save_people(context, desk, journey, Wanted(step="mail"), "Nobody", ANN)
