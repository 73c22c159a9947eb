"""Under test: which banner a visitor gets. Always the same one, on its pages, in its share, never more than its cap."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sending_fixtures import NOON

from dmat.campaigns.programmes import pause_programme
from dmat.channels.banner import (
    Placement,
    choose_banners,
    find_placement,
    is_on_page,
    is_safe_link,
    live_placements,
    put_placement,
    set_share,
    shares,
    stop_placements,
)
from dmat.channels.seen import View, note_view, seen_enough
from dmat.errors import InvalidInputError, NotFoundError

CONTENT = {"title": "Spring sale", "body": "Until Sunday.", "button_text": "Look", "url": "/sale"}


def placement(step="banner", **changes):
    values = {"channel": "banner", "programme": "campaign:1", "programme_version": 1, "step": step, "content": CONTENT}
    return Placement(**(values | changes))


def put(store, *placements, now=NOON):
    with store.write() as connection:
        return [put_placement(connection, each, now) for each in placements]


def live(store, now=NOON):
    with store.read() as connection:
        return live_placements(connection, now)


def visitors(count):
    return [f"{number}.1700000000" for number in range(count)]


def who_sees(placements, count=2000):
    return {visitor for visitor in visitors(count) if choose_banners(placements, visitor, "/", {})}


@pytest.mark.parametrize(("include", "exclude", "path", "is_on"), [
    ((), (), "/anything", True), (("/",), (), "/", True), (("/",), (), "/sale", False),
    (("/sale/*",), (), "/sale/shoes", True), (("/sale/*",), (), "/sales", False), (("*/shoes",), (), "/a/shoes", True),
    ((), ("/checkout*",), "/checkout/pay", False), (("/a.b",), (), "/axb", False), (("/*",), ("/x",), "/x", False),
])  # fmt: skip
def test_a_placement_knows_its_pages(include, exclude, path, is_on):
    assert is_on_page(placement(include=include, exclude=exclude), path) is is_on


def test_a_hostile_pattern_does_not_take_long():
    hostile = placement(include=("/" + "*a" * 100 + "b",))
    assert not is_on_page(hostile, "/" + "a" * 60)


def test_a_visitor_always_gets_the_same_answer_and_variants_share_visitors_by_weight():
    variants = [placement(variant="a", weight=0.8), placement(variant="b", weight=0.2)]
    found = Counter(choose_banners(variants, visitor, "/", {})[0].variant for visitor in visitors(2000))
    again = Counter(choose_banners(variants[::-1], visitor, "/", {})[0].variant for visitor in visitors(2000))
    assert found == again
    assert 0.75 < found["a"] / 2000 < 0.85


def test_a_larger_share_adds_visitors_and_takes_none_away():
    fifth, half = who_sees([placement(share=0.2)]), who_sees([placement(share=0.5)])
    assert fifth < half
    assert 0.17 < len(fifth) / 2000 < 0.23
    assert who_sees([placement(share=0.0)]) == set()
    assert len(who_sees([placement(share=1.0)])) == 2000


def test_of_two_at_one_position_the_one_that_matters_more_is_shown():
    chosen = choose_banners(
        [placement("a", priority=1), placement("b", priority=5), placement("c", position="bottom")], "1.1", "/", {}
    )
    assert [each.step for each in chosen] == ["b", "c"]


def test_what_a_visitor_saw_often_enough_or_closed_is_left_out(store):
    wanted = placement(cap_count=2, cap_days=7)
    [placement_id] = put(store, wanted)

    def enough(at):
        with store.read() as connection:
            return seen_enough(connection, [wanted], "1.1", at)[placement_id]

    def see(number, kind="shown", at=NOON, visitor="1.1"):
        with store.write() as connection:
            note_view(connection, View(f"view-{number}", placement_id, "", visitor), kind, at)

    see(1)
    see(1)
    see(9, visitor="2.2")
    assert not enough(NOON)
    see(2, at=NOON + timedelta(days=1))
    assert enough(NOON + timedelta(days=1))
    assert not enough(NOON + timedelta(days=7, hours=1))
    see(3, "closed", NOON + timedelta(days=20))
    assert enough(NOON + timedelta(days=21))
    assert not enough(NOON + timedelta(days=28))


def test_only_what_is_on_now_is_live(store):
    hour = timedelta(hours=1)
    put(
        store, placement("now", starts_at=NOON - hour, ends_at=NOON + hour), placement("later", starts_at=NOON + hour),
        placement("over", ends_at=NOON), placement("off"), placement("paused", programme="campaign:2"),
    )  # fmt: skip
    with store.write() as connection:
        assert stop_placements(connection, "campaign:1", "off", now=NOON) == 1
    pause_programme(store, "campaign:2", "a test", NOON)
    assert [each.step for each in live(store)] == ["now"]
    pause_programme(store, "campaign:1/banner", "only the banner", NOON)
    assert live(store) == []


def test_putting_it_twice_puts_it_once_and_keeps_a_share_that_a_rule_set(store):
    [first] = put(store, placement(share=0.5))
    with store.write() as connection:
        assert set_share(connection, "campaign:1", "banner", 0.75, NOON) == 0.75
        assert set_share(connection, "campaign:1", "banner", 7.0, NOON) == 1.0
    [second] = put(store, placement(share=0.5, priority=3))
    assert first == second
    with store.read() as connection:
        assert shares(connection, "campaign:1") == {"banner": 1.0}
        assert find_placement(connection, first).priority == 3


def test_a_new_version_takes_the_old_one_off(store):
    put(store, placement(), placement(programme_version=2))
    assert [each.programme_version for each in live(store)] == [2]


def test_the_share_of_what_is_not_shown_cannot_be_set(store):
    with store.write() as connection, pytest.raises(NotFoundError):
        set_share(connection, "campaign:1", "nothing", 1, NOON)


@pytest.mark.parametrize("changes", [
    {"content": {}}, {"content": {"html": "<b>"}}, {"content": {"title": "x" * 201}}, {"position": "modal"},
    {"content": {"title": "x", "url": "javascript:alert(1)"}}, {"content": {"title": "x", "image_url": "data:x"}},
    {"share": 1.5}, {"cap_count": 0}, {"cap_days": 0}, {"include": ("sale",)}, {"include": ("/x",) * 51},
    {"channel": "email"},
])  # fmt: skip
def test_what_cannot_be_shown_is_refused_with_its_field(store, changes):
    with store.write() as connection, pytest.raises(InvalidInputError):
        put_placement(connection, placement(**changes), NOON)
    assert live(store) == []


@pytest.mark.parametrize("url", ["https://shop.example/a?b=c", "http://x.example", "/sale", "/a#b"])
def test_links_to_pages_are_safe(url):
    assert is_safe_link(url)


@given(st.one_of(
    st.sampled_from(["javascript:alert(1)", "//evil.example", "/\\evil", "data:x", "", "sale", "JaVaScRiPt:x", " /x"]),
    st.text(alphabet="\t\r\n :/\\javscript", max_size=20).filter(lambda t: not t.startswith("/")),
))  # fmt: skip
def test_nothing_else_is_a_safe_link(url):
    assert not is_safe_link(url)
