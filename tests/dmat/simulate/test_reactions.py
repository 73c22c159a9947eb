"""Reactions to one message: the planted chances are met, and a letter is read as a person sees it."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import pytest

from dmat.simulate.diary import Happening
from dmat.simulate.reactions import Truth, follow_text_link, react_to_mail, react_to_text, read_letter

NOON = datetime(2026, 10, 1, 12)
CART = '<a href="https://shop.example/70010/checkouts/ac/tok1/recover?key=k&amp;discount=COMEBACK10">Cart</a>'


def react(person: Truth, number: int, html: str = CART) -> list[Happening]:
    return react_to_mail(person, read_letter(html), {"email": "a@mail.example"}, NOON, [1, number], None)


def share(person: Truth, kind: str, html: str = CART, count: int = 4000) -> float:
    return sum(any(kind in (one.kind, one.payload.get("event")) for one in react(person, n, html))
               for n in range(count)) / count  # fmt: skip


@pytest.mark.parametrize(("html", "effect"), [(CART, 0.25), (CART.replace("discount", "other"), 0.2)])
def test_orders_come_as_often_as_planted_and_a_code_adds_its_own_effect(html: str, effect: float) -> None:
    person = Truth(recovery_effect=0.2, discount_effect=0.05, return_rate=0.2)
    expected = effect / (1 - 0.2)  # of all, as many as come back by themselves would have done so anyway
    assert share(person, "order", html) == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 4000))


def test_a_mail_without_a_cart_brings_no_order() -> None:
    assert share(Truth(recovery_effect=0.9), "order", "<a href='https://shop.example/sale'>Sale</a>", 300) == 0


def test_whoever_orders_because_of_a_mail_opened_and_clicked_it_first() -> None:
    for number in range(300):
        course = {one.payload.get("event", one.kind): one.due_at for one in react(Truth(recovery_effect=0.5), number)}
        if "order" in course:
            assert course["processed"] < course["delivered"] < course["open"] < course["click"] < course["order"]


def test_a_bouncing_address_gets_nothing_and_a_blocked_one_is_dropped() -> None:
    assert [one.payload["event"] for one in react(Truth(is_bouncing=True, recovery_effect=1.0), 1)] == [
        "processed",
        "bounce",
    ]
    blocked = react_to_mail(Truth(), read_letter(CART), {}, NOON, [1], "Bounced Address")
    assert [(one.payload["event"], one.payload["reason"]) for one in blocked] == [("dropped", "Bounced Address")]


def test_scanners_click_every_link_within_seconds_and_people_take_longer() -> None:
    html = CART + '<a href="https://shop.example/about">About</a>'
    clicks = [
        one for one in react(Truth(is_scanned=True, open_rate=0.0), 3, html) if one.payload.get("event") == "click"
    ]
    assert len(clicks) == 2
    assert all("LinkProtect" in one.payload["useragent"] for one in clicks)
    assert max(one.due_at for one in clicks) < NOON + timedelta(seconds=15)


def test_a_letter_is_read_with_its_cart_its_code_and_its_button() -> None:
    html = CART + '<a href="https://shop.example/unsubscribe/1">Unsubscribe</a>'
    letter = read_letter(html, {"list-unsubscribe": "<mailto:a@b.c>, <https://x.example/u>",
                                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"})  # fmt: skip
    assert (letter.cart_token, letter.code, letter.unsubscribe_url) == ("tok1", "COMEBACK10", "https://x.example/u")
    assert [link.endswith("COMEBACK10") for link in letter.links] == [True]
    assert read_letter("plain", {"List-Unsubscribe": "<https://x.example/u>"}).unsubscribe_url is None


def test_the_same_seed_gives_the_same_course() -> None:
    assert react(Truth(), 5) == react(Truth(), 5)


def test_a_text_message_is_sent_delivered_and_may_bring_an_order() -> None:
    letter = read_letter("Your cart: https://shop.example/checkouts/ac/tok1/recover?discount=TEN.")
    course = react_to_text(Truth(sms_effect=1.0, reply_rate=0.0), letter, NOON, [1], {"sid": "SM1"})
    assert [one.payload.get("status", one.kind) for one in course] == ["sent", "delivered", "read", "text_click"]
    click = course[-1].payload
    assert click["url"] == "https://shop.example/checkouts/ac/tok1/recover?discount=TEN"
    visit, order = follow_text_link(click, click["url"], NOON)
    assert (visit.kind, order.kind, order.payload) == ("click_visit", "order", {"token": "tok1", "code": "TEN"})
    assert order.due_at > NOON + timedelta(minutes=3)
    assert [one.kind for one in follow_text_link(click, "https://shop.example/sale", NOON)] == ["click_visit"]


def test_a_text_message_may_fail_for_its_reader_or_for_the_vendors_reason() -> None:
    letter = read_letter("Hello")
    failed = react_to_text(Truth(is_bouncing=True), letter, NOON, [1], {"sid": "SM1"})
    assert [one.payload["status"] for one in failed] == ["sent", "undelivered"]
    [refused] = react_to_text(Truth(), letter, NOON, [1], {"sid": "W1"}, 131047)
    assert refused.payload["error_code"] == 131047


def test_about_one_reader_in_eight_of_a_text_clicks() -> None:
    letter = read_letter("Sale: https://shop.example/sale")
    courses = [react_to_text(Truth(), letter, NOON, [1, seed], {"sid": "SM1"}) for seed in range(2000)]
    clicks = sum(one.kind == "text_click" for course in courses for one in course)
    assert 180 < clicks < 300
