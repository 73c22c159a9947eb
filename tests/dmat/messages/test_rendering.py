"""Under test: the mail as people get it, and that no template can break out, run for ever or write without end."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from sending_fixtures import cart_context

from dmat.errors import InvalidInputError
from dmat.messages.child import Limits
from dmat.messages.personalise import Field, cart_values, format_money
from dmat.messages.rendering import Failed, Rendered, Renderer

UNSUBSCRIBE = "https://api.example/u/token"


@pytest.fixture(scope="module")
def renderer():
    with Renderer() as found:
        yield found


def render(renderer, settings, **changes):
    return renderer.render("cart_recovery", cart_values(settings, cart_context() | changes, UNSUBSCRIBE))


class Page(HTMLParser):
    """What is in a page: tags with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def test_the_mail_shows_the_cart_its_total_the_code_and_the_time(renderer, settings):
    mail = render(renderer, settings)
    assert mail.subject == "You left something behind, Ann 🛒"
    for text in (mail.html, mail.text):
        for needed in ("Mug", "Tea", "€25.00", "€16.00", "€41.00", "COMEBACK10", "10%", "48 hours"):
            assert needed in text


def test_the_button_leads_to_the_filled_cart_with_discount_and_source(renderer, settings):
    [button] = [
        a for a in Page(render(renderer, settings).html).all("a") if "display:inline-block" in a.get("style", "")
    ]
    assert button["href"] == (
        "https://shop.example/checkouts/ac/cart-1/recover?key=k&discount=COMEBACK10"
        "&utm_source=dmat&utm_medium=email&utm_campaign=cart_recovery&utm_content=first_mail"
    )


def test_the_mail_says_who_sent_it_and_how_to_leave(renderer, settings):
    mail = render(renderer, settings)
    assert settings.postal_address in mail.html
    assert UNSUBSCRIBE in mail.html
    assert settings.postal_address in mail.text
    assert UNSUBSCRIBE in mail.text


def test_every_picture_has_a_text_and_a_size_and_tables_are_only_layout(renderer, settings):
    page = Page(render(renderer, settings).html)
    assert [image["alt"] for image in page.all("img")] == ["Mug"]
    assert all(image["width"] and image["height"] for image in page.all("img"))
    assert {table.get("role") for table in page.all("table")} == {"presentation"}
    assert page.all("html")[0]["lang"] == "en"


def test_the_mail_is_small_enough_for_gmail_and_carries_no_script_and_no_foreign_style(renderer, settings):
    products = cart_context()["products"] * 20
    html = render(renderer, settings, products=products).html
    assert len(html.encode()) < 100_000
    assert "and 35 more" in html
    assert not re.search(r"<script|<link|<iframe|@import|javascript:", html)


@pytest.mark.parametrize("name", [None, "", "  "])
def test_somebody_without_a_first_name_is_greeted_all_the_same(renderer, settings, name):
    mail = render(renderer, settings, first_name=name)
    assert "Hi there" in mail.html
    assert mail.subject.startswith("You left something behind, there")


def test_what_people_type_is_never_html_in_the_mail(renderer, settings):
    product = {
        "title": '<img src=x onerror="alert(1)">',
        "quantity": 1,
        "unit_price_cents": 1,
        "image_url": "javascript:x",
    }
    html = render(renderer, settings, first_name="<script>alert(1)</script>", products=[product]).html
    assert "<script>alert" not in html
    assert 'onerror="' not in html
    assert "javascript:" not in html


def test_a_line_break_in_a_name_does_not_break_the_subject(renderer, settings):
    assert "\n" not in render(renderer, settings, first_name="Ann\nBcc: x@example.com").subject


@pytest.mark.parametrize(("change", "field"), [
    ({"cart_url": None}, "cart_url"), ({"cart_url": "javascript:alert(1)"}, "cart_url"),
    ({"total_cents": "41"}, "total_cents"),
    ({"currency_code": ""}, "currency_code"), ({"products": None}, "products"), ({"first_name": 7}, "first_name"),
])  # fmt: skip
def test_a_field_that_is_missing_or_of_another_type_is_an_error_that_names_it(settings, change, field):
    with pytest.raises(InvalidInputError) as caught:
        cart_values(settings, cart_context() | change, UNSUBSCRIBE)
    assert caught.value.field == field


def test_a_field_with_a_fallback_is_never_missing():
    assert Field("first_name", str, "there").value({}) == "there"
    assert Field("n", int, 0).value({"n": 3}) == 3


@pytest.mark.parametrize(("cents", "currency", "words"), [
    (4100, "EUR", "€41.00"), (123456789, "USD", "$1,234,567.89"), (5, "GBP", "£0.05"), (-250, "EUR", "-€2.50"),
    (500000, "JPY", "¥5,000"), (1999, "CHF", "19.99 CHF"), (0, "EUR", "€0.00"),
])  # fmt: skip
def test_money_is_written_as_people_read_it(cents, currency, words):
    assert format_money(cents, currency) == words


def one(template, values=None, **limits):
    parts = {"t/subject.txt": "s", "t/body.txt": "t", "t/body.html": template}
    with Renderer(parts, Limits(**({"seconds": 1.0, "patience_seconds": 20.0} | limits))) as found:
        return found.render_many([("t", values or {})])[0]


ESCAPES = [
    "{{ ''.__class__.__mro__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ ''|attr('__class__') }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "{% set f = '{0.__class__}'.format %}{{ f(1) }}",
    "{{ ['{0.__class__.__init__.__globals__}']|map('format', 1)|list }}",
    "{{ '{0.__class__}'|attr('format')(1) }}",
    "{{ x.append(1) }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{% include '/etc/passwd' %}",
    "{% include '../personalise.py' %}",
    "{{ config }}",
    "{{ ()|attr('__cla'~'ss__') }}",
    "{{ x.__class__.__base__.__subclasses__() }}",
    "{{ (x|string).__class__ }}",
    "{{ range.__self__ }}",
]


@pytest.mark.parametrize("template", ESCAPES)
def test_a_template_cannot_reach_python(template):
    found = one(template, {"x": [1]})
    if isinstance(found, Rendered):
        assert not re.search(r"&lt;class|&lt;module|globals|root:|built-in", found.html), found.html
    else:
        assert found.reason


@pytest.mark.parametrize("template", [
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 'a' * 10 ** 9 }}",
    "{% for i in range(99999) %}aaaaaaaaaaaaaaaaaaaa{% endfor %}",
    "{{ 'a'|center(10 ** 10) }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ range(10 ** 6)|list }}",
])  # fmt: skip
def test_a_template_cannot_take_all_time_memory_or_room(template):
    found = one(template, bytes=256 * 1024 * 1024)
    assert isinstance(found, Failed), template


def test_one_bad_message_does_not_keep_the_others_back(renderer, settings):
    good = cart_values(settings, cart_context(), UNSUBSCRIBE)
    found = renderer.render_many(
        [("cart_recovery", good), ("cart_recovery", {}), ("nothing", {}), ("cart_recovery", good)]
    )
    assert [type(each) for each in found] == [Rendered, Failed, Failed, Rendered]
    assert "is undefined" in found[1].reason


def test_an_unknown_name_is_an_error_and_not_an_empty_place():
    assert "is undefined" in one("Hello {{ nme }}").reason


def test_a_child_that_was_killed_is_started_again(renderer, settings):
    render(renderer, settings)
    renderer.child.process.kill()
    renderer.child.process.wait()
    assert render(renderer, settings).subject


def test_a_child_that_hangs_is_stopped():
    with Renderer({"t/subject.txt": "s", "t/body.txt": "t", "t/body.html": "x"}, Limits(patience_seconds=5.0)) as found:
        found.render("t", {})
        import os
        import signal

        os.kill(found.child.process.pid, signal.SIGSTOP)
        assert "it takes too long" in found.render_many([("t", {})])[0].reason
        assert isinstance(found.render_many([("t", {})])[0], Rendered)
