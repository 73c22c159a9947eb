"""Under test: segments as files. Exports are stable, errors name file and place, tests ask the real compiler."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dmat.errors import ConflictError, InvalidInputError, InvalidRuleError, NotFoundError
from dmat.segments.as_code import apply, compare, read_file, read_folder, write_files
from dmat.segments.catalogue import Catalogue, EventType, Field, Property
from dmat.segments.fixtures import run_tests
from dmat.segments.library import Library
from dmat.segments.rules import parse

FIELDS = {
    "orders_count": Field("orders_count", "Orders", "number", "Shop", "people.dim_people", "orders_count",
                          data_type="bigint"),
    "revenue": Field("revenue", "Revenue", "money", "Shop", "people.dim_people", "revenue_cents", data_type="bigint",
                     currency_column="currency_code"),
    "last_order_at": Field("last_order_at", "Last order", "date", "Shop", "people.dim_people", "last_order_at",
                           data_type="timestamp"),
}  # fmt: skip
NET = Property("net", "Net", "money", "net_cents", data_type="bigint", currency_column="currency_code")
MACHINE = Property("is_machine", "By a machine", "boolean", "is_machine", data_type="boolean", default_op="is_false")
EVENTS = {
    "ordered": EventType("ordered", "Ordered", "Shop", "commerce.fct_orders", "ordered_at",
                         filter_sql="status = 'paid'", properties={"net": NET}),
    "opened": EventType("opened", "Opened", "Mail", "engagement.fct_message_events", "occurred_at",
                        properties={"is_machine": MACHINE}),
}  # fmt: skip
CATALOGUE = Catalogue(FIELDS, EVENTS)
SPENT = {"event": "ordered", "measure": "sum", "property": "net", "op": "greater_than", "value": 500,
         "window": {"last": {"amount": 60, "unit": "days"}}}  # fmt: skip


@pytest.fixture
def library(settings, store):
    return Library(store, settings.clock, lambda: CATALOGUE)


def write(folder: Path, name: str = "vip", **changed) -> Path:
    document = {"key": name, "name": name.title(), "rule": {"version": 1, "where": SPENT}, **changed}
    file = folder / f"{name}.yml"
    file.write_text(yaml.safe_dump({key: value for key, value in document.items() if value is not None}))
    return file


def test_what_is_exported_and_applied_elsewhere_is_the_same_and_a_second_export_is_equal(library, tmp_path):
    library.create(name="Größte", rule=parse({"where": SPENT}), by="ann", tags=["b", "a"], folder="Shop")
    files = write_files(library, tmp_path / "one")
    first = [file.read_text() for file in files]
    assert "Größte" in first[0]
    assert [step.action for step in compare(library, read_folder(tmp_path / "one")).steps] == ["same"]
    assert [file.read_text() for file in write_files(library, tmp_path / "one")] == first


def test_an_export_keeps_the_tests_of_a_file(library, tmp_path):
    library.create(name="VIP", rule=parse({"where": SPENT}), by="ann")
    write(tmp_path, tests={"people_out": [{"name": "nobody"}]})
    write_files(library, tmp_path)
    assert read_file(tmp_path / "vip.yml").tests == {"people_out": [{"name": "nobody"}]}


def test_applying_makes_what_is_new_changes_what_changed_and_twice_does_nothing(library, tmp_path):
    write(tmp_path)
    steps = compare(library, read_folder(tmp_path)).steps
    assert [segment.version for segment in apply(library, steps, "ann")] == [1]
    write(tmp_path, name="vip", description="Best", rule={"version": 1, "where": {**SPENT, "value": 600}})
    steps = compare(library, read_folder(tmp_path)).steps
    assert [step.action for step in steps] == ["changed"]
    assert any("600" in line for line in steps[0].lines)
    assert any("Best" in line for line in steps[0].lines)
    apply(library, steps, "ben", note="more")
    assert (library.get("vip").version, library.versions("vip")[0].note) == (2, "more")
    assert apply(library, compare(library, read_folder(tmp_path)).steps, "ben") == []


def test_a_change_made_by_somebody_else_in_the_meantime_is_not_overwritten(library, tmp_path):
    library.create(name="VIP", key="vip", rule=parse({"where": SPENT}), by="ann")
    write(tmp_path, rule={"version": 1, "where": {**SPENT, "value": 600}})
    steps = compare(library, read_folder(tmp_path)).steps
    library.update("vip", by="ben", rule=parse({"where": {**SPENT, "value": 700}}))
    with pytest.raises(ConflictError):
        apply(library, steps, "ann")


def test_a_segment_that_another_file_names_is_made_first(library, tmp_path):
    write(tmp_path, "a", rule={"version": 1, "where": {"segment": "z"}})
    write(tmp_path, "z")
    assert [file.key for file in read_folder(tmp_path)] == ["z", "a"]
    apply(library, compare(library, read_folder(tmp_path)).steps, "ann")
    assert set(library.rules()) == {"a", "z"}


def test_what_has_no_file_is_named_and_left_alone(library, tmp_path):
    library.create(name="Other", rule=parse({"where": SPENT}), by="ann")
    write(tmp_path)
    comparison = compare(library, read_folder(tmp_path))
    assert list(comparison.only_in_store) == ["other"]


@pytest.mark.parametrize(("changed", "place"), [
    ({"colour": "red"}, r"vip\.yml: colour.*allowed"),
    ({"rule": None}, r"vip\.yml: rule.*missing"),
    ({"rule": {"where": {"all": [{"feld": "x"}]}}}, r"vip\.yml: rule\.where\.all\[0\].*allowed"),
])  # fmt: skip
def test_a_file_that_is_no_segment_is_refused_with_file_place_and_what_is_allowed(tmp_path, changed, place):
    with pytest.raises(InvalidInputError, match=place):
        read_file(write(tmp_path, **changed))


def test_a_rule_that_does_not_fit_the_catalogue_is_refused_with_its_file(library, tmp_path):
    write(tmp_path, rule={"version": 1, "where": {"all": [{"field": "shoe", "op": "is_known"}]}})
    with pytest.raises(InvalidRuleError, match=r"vip\.yml: rule\.where\.all\[0\]"):
        apply(library, compare(library, read_folder(tmp_path)).steps, "ann")


def test_two_files_with_one_key_and_a_folder_that_is_not_there_are_refused(tmp_path):
    write(tmp_path)
    (tmp_path / "again.yaml").write_text((tmp_path / "vip.yml").read_text())
    with pytest.raises(InvalidInputError, match="has it too"):
        read_folder(tmp_path)
    with pytest.raises(NotFoundError):
        read_folder(tmp_path / "nowhere")


def outcomes(where, tests, **rules):
    return [found.is_in for found in run_tests(tests, parse({"where": where}), CATALOGUE, rules)]


def test_people_are_asked_with_their_events_fields_and_money_in_whole_units():
    tests = {
        "people_in": [{"events": [{"event": "ordered", "at": "59 days ago", "net": 300.5},
                                  {"event": "ordered", "at": "1 hour ago", "net": 200}]}],
        "people_out": [{"events": [{"event": "ordered", "at": "61 days ago", "net": 900}]}, {"name": "nobody"},
                       {"events": [{"event": "ordered", "at": "2026-05-30", "net": 500}]}],
    }  # fmt: skip
    assert outcomes(SPENT, tests) == [True, False, False, False]


def test_a_person_on_the_wrong_side_does_not_hold():
    found = run_tests({"people_in": [{"name": "poor"}]}, parse({"where": SPENT}), CATALOGUE, {})
    assert [(outcome.name, outcome.holds) for outcome in found] == [("poor", False)]


def test_what_the_catalogue_adds_by_itself_holds_for_events_that_do_not_say_otherwise():
    where = {"event": "opened", "did": True}
    people = [{"events": [{"event": "opened"}]}, {"events": [{"event": "opened", "is_machine": True}]}]
    assert outcomes(where, {"people_in": people}) == [True, False]


def test_dates_may_be_relative_and_other_segments_may_be_named():
    where = {"all": [{"segment": "buyers"}, {"field": "last_order_at", "op": "within_last",
                                             "value": {"amount": 2, "unit": "months"}}]}  # fmt: skip
    buyers = parse({"where": {"field": "orders_count", "op": "at_least", "value": 1}})
    people = [{"fields": {"orders_count": 1, "last_order_at": "1 month ago"}}, {"fields": {"orders_count": 1}},
              {"fields": {"orders_count": 0, "last_order_at": "1 month ago"}}]  # fmt: skip
    assert outcomes(where, {"people_in": people}, buyers=buyers) == [True, False, False]


@pytest.mark.parametrize(("tests", "place"), [
    ({"people": []}, "tests.people"),
    ({"people_in": {"a": 1}}, "tests.people_in"),
    ({"people_in": ["x"]}, r"tests.people_in\[0\]"),
    ({"people_in": [{"shoe": 1}]}, r"tests.people_in\[0\].shoe"),
    ({"people_in": [{"fields": {"shoe": 1}}]}, r"tests.people_in\[0\].fields.shoe"),
    ({"people_out": [{"fields": {"orders_count": "many"}}]}, r"tests.people_out\[0\]"),
    ({"people_out": [{"fields": {"revenue": "1.005"}}]}, r"tests.people_out\[0\].fields.revenue"),
    ({"people_in": [{"events": [{"event": "danced"}]}]}, r"tests.people_in\[0\].events\[0\].event"),
    ({"people_in": [{"events": [{"event": "ordered", "shoe": 1}]}]}, r"tests.people_in\[0\].events\[0\].shoe"),
    ({"people_in": [{"events": [{"event": "ordered", "at": "soon"}]}]}, r"tests.people_in\[0\].events\[0\].at"),
])  # fmt: skip
def test_a_test_that_names_what_is_not_there_is_refused_with_its_place(tests, place):
    with pytest.raises(InvalidInputError, match=f"{place}.*allowed"):
        run_tests(tests, parse({"where": SPENT}), CATALOGUE, {})
