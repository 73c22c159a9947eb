"""Under test: the library of segments. What is kept, what is refused and why, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import threading

import pytest
from sending_fixtures import NOON

from dmat.errors import ConflictError, InUseError, InvalidInputError, InvalidRuleError, NotFoundError
from dmat.segments.catalogue import Catalogue, Field
from dmat.segments.library import Library, Wanted
from dmat.segments.records import Use
from dmat.segments.rules import parse
from dmat.store.workspace_values import read_audit

ANN, BEN = "ann@shop.example", "ben@shop.example"
COUNTRY = Field("country_code", "Country", "geography", "Where", "people.dim_people", "country_code")
ORDERS = Field("orders_count", "Orders", "number", "Shop", "people.dim_people", "orders_count")
CATALOGUE = Catalogue({"country_code": COUNTRY, "orders_count": ORDERS}, {})


def orders(at_least: int):
    return parse({"where": {"all": [{"field": "orders_count", "op": "at_least", "value": at_least}]}})


def member_of(*keys: str):
    return parse({"where": {"any": [{"segment": key} for key in keys]}})


@pytest.fixture
def library(both_settings, both_stores):
    return Library(both_stores, both_settings.clock, lambda: CATALOGUE)


def test_a_segment_is_found_again_as_it_was_made(library):
    made = library.create(name=" VIP ", rule=orders(5), by=ANN, folder="Shop", tags=["a", "a", " b "], description="x")
    assert (made.key, made.name, made.version, made.tags, made.owner) == ("vip", "VIP", 1, ("a", "b"), ANN)
    assert library.get("vip") == made
    assert made.created_at == NOON
    assert made.rule == orders(5)
    assert made.evaluation is None


def test_keys_come_from_names_and_never_collide(library):
    keys = [library.create(name=name, rule=orders(1), by=ANN).key for name in ("Müller & Söhne", "Muller Sohne", "!!")]
    assert keys == ["muller-sohne", "muller-sohne-2", "segment"]
    with pytest.raises(ConflictError, match="muller-sohne"):
        library.create(name="x", key="muller-sohne", rule=orders(1), by=ANN)


@pytest.mark.parametrize("wrong", [
    {"name": " "}, {"name": "x" * 201}, {"key": "A b"}, {"kind": "living"}, {"tags": "a"}, {"tags": ["x" * 61]},
])  # fmt: skip
def test_a_bad_card_is_refused_with_what_is_allowed(library, wrong):
    with pytest.raises(InvalidInputError, match="allowed"):
        library.create(**{"name": "x", "rule": orders(1), "by": ANN, **wrong})
    assert library.list() == []


def test_a_rule_that_does_not_fit_the_catalogue_is_refused_with_its_place(library):
    with pytest.raises(InvalidRuleError) as refused:
        library.create(name="x", rule=parse({"where": {"all": [{"field": "shoe", "op": "is_known"}]}}), by=ANN)
    assert refused.value.faults[0].path.startswith("where.all[0]")
    assert library.list() == []


def test_a_changed_rule_is_a_new_version_and_a_changed_name_is_not(library):
    library.create(name="VIP", rule=orders(5), by=ANN)
    assert library.rename("vip", "Very important", BEN).version == 1
    changed = library.update("vip", by=BEN, rule=orders(6), note="stricter", expected_version=1)
    assert (changed.version, changed.rule, changed.updated_by) == (2, orders(6), BEN)
    assert library.update("vip", by=BEN, rule=orders(6)).version == 2
    assert [(v.version, v.created_by, v.note) for v in library.versions("vip")] == [(2, BEN, "stricter"), (1, ANN, "")]
    assert library.version("vip", 1).rule == orders(5)
    with pytest.raises(NotFoundError):
        library.version("vip", 3)


def test_a_change_made_on_an_older_version_is_refused(library):
    library.create(name="VIP", rule=orders(5), by=ANN)
    library.update("vip", by=ANN, rule=orders(6), expected_version=1)
    with pytest.raises(ConflictError, match="version 2, not 1"):
        library.update("vip", by=BEN, rule=orders(7), expected_version=1)
    assert library.get("vip").rule == orders(6)


def test_of_two_renames_at_the_same_instant_none_is_lost(library):
    key = library.create(name="A", rule=orders(1), by=ANN).key
    together, done, refused = threading.Barrier(2), [], []

    def rename(name: str) -> None:
        seen = library.get(key).mark
        together.wait(10)
        try:
            done.append(library.rename(key, name, ANN, expected=seen).name)
        except ConflictError as error:
            refused.append((name, str(error)))

    threads = [threading.Thread(target=rename, args=(name,)) for name in ("B", "C")]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert done == [library.get(key).name]
    [(name, words)] = refused
    assert {name, *done} == {"B", "C"}
    assert "read it again" in words
    assert library.rename(key, name, BEN, expected=library.get(key).mark).name == name


def test_the_mark_of_a_segment_changes_with_its_rule_and_its_card_alone(library):
    made = library.create(name="A", rule=orders(1), by=ANN)
    named = library.rename("a", "B", ANN)
    ruled = library.update("a", by=ANN, rule=orders(2))
    assert len({made.mark, named.mark, ruled.mark}) == 3
    assert library.update("a", by=BEN, name="B", rule=orders(2)).mark == ruled.mark


def test_an_unknown_field_of_the_card_is_refused(library):
    library.create(name="VIP", rule=orders(5), by=ANN)
    with pytest.raises(InvalidInputError, match="colour"):
        library.update("vip", by=ANN, colour="red")


def test_a_segment_that_others_use_is_neither_deleted_nor_archived_and_the_refusal_names_them(library):
    library.create(name="VIP", rule=orders(5), by=ANN)
    library.create(name="Best", rule=member_of("vip"), by=ANN)
    library.note_use("vip", Use("journey", "welcome", "Welcome"))
    library.note_use("vip", Use("journey", "welcome", "Welcome"))
    assert [str(use) for use in library.used_by("vip")] == ["journey Welcome (welcome)", "segment Best (best)"]
    for refuse in (library.delete, library.archive):
        with pytest.raises(InUseError, match="Welcome") as refused:
            refuse("vip", ANN)
        assert len(refused.value.users) == 2
    library.forget_use(Use("journey", "welcome"))
    library.update("best", by=ANN, rule=orders(1))
    assert library.used_by("vip") == []
    library.delete("vip", ANN)
    with pytest.raises(NotFoundError):
        library.get("vip")


def test_deleting_the_user_frees_what_it_used(library):
    library.create(name="VIP", rule=orders(5), by=ANN)
    library.create(name="Best", rule=member_of("vip"), by=ANN)
    library.delete("best", ANN)
    library.delete("vip", ANN)
    assert library.list(Wanted(state=None)) == []


def test_rules_that_would_run_in_a_circle_are_refused(library):
    library.create(name="A", rule=orders(1), by=ANN)
    library.create(name="B", rule=member_of("a"), by=ANN)
    library.create(name="C", rule=member_of("b"), by=ANN)
    with pytest.raises(InvalidRuleError, match="a -> c -> b -> a"):
        library.update("a", by=ANN, rule=member_of("c"))
    with pytest.raises(InvalidRuleError, match="b -> b"):
        library.update("b", by=ANN, rule=member_of("b"))


def test_two_changes_at_once_cannot_close_a_circle(library):
    for name in ("A", "B"):
        library.create(name=name, rule=orders(1), by=ANN)
    refused = []

    def name_the_other(key: str, other: str) -> None:
        try:
            library.update(key, by=ANN, rule=member_of(other))
        except InvalidRuleError as error:
            refused.append(error)

    threads = [threading.Thread(target=name_the_other, args=pair) for pair in (("a", "b"), ("b", "a"))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(refused) == 1


def test_an_archived_segment_is_put_aside_and_can_come_back(library):
    library.create(name="VIP", rule=orders(5), by=ANN)
    assert library.archive("vip", BEN).state == "archived"
    assert library.list() == []
    assert library.rules() == {}
    assert [segment.key for segment in library.list(Wanted(state="archived"))] == ["vip"]
    with pytest.raises(InvalidRuleError):
        library.create(name="Best", rule=member_of("vip"), by=ANN)
    assert library.restore("vip", BEN).state == "active"
    assert list(library.rules()) == ["vip"]


def test_a_deleted_key_may_be_used_again_and_versions_go_on_counting(library):
    library.create(name="VIP", rule=orders(5), by=ANN)
    library.update("vip", by=ANN, rule=orders(6))
    library.delete("vip", ANN)
    again = library.create(name="VIP", rule=orders(7), by=BEN)
    assert (again.key, again.version, again.created_by) == ("vip", 3, BEN)


def test_lists_are_limited_by_folder_tag_owner_and_words(library):
    library.create(name="VIP 100%", rule=orders(5), by=ANN, folder="Shop", tags=["gold"])
    library.create(name="Sleepers", rule=orders(1), by=BEN, folder="CRM", description="Win them back")
    found = {
        "folder": library.list(Wanted(folder="Shop")), "tag": library.list(Wanted(tag="gold")),
        "owner": library.list(Wanted(owner=BEN)), "words": library.list(Wanted(text="BACK win")),
        "sign": library.list(Wanted(text="%")), "none": library.list(Wanted(text="_")),
    }  # fmt: skip
    keys = {name: [segment.key for segment in segments] for name, segments in found.items()}
    assert keys == {"folder": ["vip-100"], "tag": ["vip-100"], "owner": ["sleepers"], "words": ["sleepers"],
                    "sign": ["vip-100"], "none": []}  # fmt: skip


def test_a_copy_has_the_rule_and_a_name_of_its_own(library):
    library.create(name="VIP", rule=orders(5), by=ANN, tags=["gold"])
    copy = library.duplicate("vip", BEN)
    assert (copy.key, copy.name, copy.rule, copy.tags, copy.owner) == (
        "vip-copy",
        "VIP (copy)",
        orders(5),
        ("gold",),
        BEN,
    )


def test_a_draft_is_kept_per_user_and_segment_until_it_is_dropped(library):
    library.save_draft(ANN, "vip", {"rule": {"where": {"all": "half written"}}}, based_on_version=1)
    library.save_draft(ANN, "vip", {"rule": 2})
    library.save_draft(BEN, "vip", {"rule": 3})
    library.save_draft(ANN, "", {"rule": 4})
    assert library.load_draft(ANN, "vip").document == {"rule": 2}
    assert library.load_draft(BEN, "vip").document == {"rule": 3}
    library.drop_draft(ANN, "vip")
    assert library.load_draft(ANN, "vip") is None
    assert library.load_draft(ANN, "").document == {"rule": 4}


def test_every_change_is_in_the_audit_trail(library):
    library.create(name="VIP", rule=orders(5), by=ANN)
    library.update("vip", by=BEN, rule=orders(6), note="stricter")
    library.archive("vip", BEN)
    library.restore("vip", ANN)
    library.delete("vip", ANN)
    lines = read_audit(library.store)
    assert [(line["action"], line["actor"]) for line in reversed(lines)] == [
        ("segment created", ANN), ("segment changed", BEN), ("segment archived", BEN), ("segment restored", ANN),
        ("segment deleted", ANN),
    ]  # fmt: skip
    assert {line["subject"] for line in lines} == {"vip"}


def test_the_difference_of_two_versions_is_put_into_words(library):
    library.create(name="VIP", rule=orders(5), by=ANN)
    both = {"all": [{"field": "orders_count", "op": "at_least", "value": 6}, {"segment": "vip"}]}
    library.create(name="Other", rule=orders(5), by=ANN)
    library.update("other", by=ANN, rule=parse({"where": both}))
    lines = library.diff("other", 1, 2)
    assert [line.split(":")[0] for line in lines] == ["changed", "added"]
    assert "5" in lines[0].split("->")[0]
    assert "6" in lines[0].split("->")[1]
    assert library.diff("other", 2, 2) == []
