"""Under test: every starter is sound as it stands, says what use case 5 asks for, and can be copied."""

from __future__ import annotations

import pytest

from dmat.messages.checks import ERROR, WARNING, check_template
from dmat.messages.library import Templates
from dmat.messages.preview import preview_template
from dmat.messages.records import CHANNELS, Content
from dmat.messages.starters import starter, starters

KEYS = [template.key for template in starters()]


@pytest.mark.parametrize("key", KEYS)
def test_a_starter_has_no_errors_and_nothing_to_look_at(settings, key):
    found = [check for check in check_template(settings, starter(key)) if check.level in (ERROR, WARNING)]
    assert found == []


@pytest.mark.parametrize("key", [key for key in KEYS if starter(key).channel == "email"])
def test_a_mail_is_light_says_who_sent_it_and_how_to_leave_and_suits_dark_mode(settings, key):
    shown = preview_template(settings, None, starter(key))
    assert len(shown.html.encode()) < 60_000
    assert "prefers-color-scheme: dark" in shown.html
    assert "fonts.googleapis" not in shown.html
    for text in (shown.html, shown.text):
        assert settings.postal_address in text
        assert "/u/preview" in text
        assert "/v/preview" in text
    assert shown.preheader


def test_every_channel_of_the_spring_sale_has_a_piece():
    channels = {template.channel for template in starters() if "spring" in template.tags}
    assert channels == set(CHANNELS) - {"webhook"}


def test_recommendations_show_name_industry_last_product_three_products_and_a_code(settings):
    template = starter("product-recommendations")
    product = {"price_cents": 1250, "currency_code": "EUR", "image_url": "https://shop.example/p.png"}
    products = [{**product, "title": f"Product {n}", "url": f"https://shop.example/{n}"} for n in (1, 2, 3)]
    examples = {"first_name": "John", "industry": "Technology", "last_product": "SaaS Analytics",
                "discount_code": "TECH20", "products": products}  # fmt: skip
    variables = [
        type(v)(**(vars(v) | {"example": examples.get(v.name), "fallback": None if v.name in examples else v.fallback}))
        for v in template.content.variables
    ]
    content = Content(template.content.locales, variables, template.content.blocks)
    shown = preview_template(settings, None, type(template)(**(vars(template) | {"content": content})))
    assert shown.subject == "John, we have products for Technology professionals"
    for text in (shown.html, shown.text):
        for wanted in ("John", "SaaS Analytics", "Product 1", "Product 2", "Product 3", "TECH20", "€12.50"):
            assert wanted in text
    assert shown.html.count('alt="Product') == 3


def test_a_copy_of_a_starter_depends_on_nothing(store, settings):
    templates = Templates(store, settings.clock)
    copy = templates.create_from_starter("welcome", "ann@shop.example")
    assert copy.content.locales == starter("welcome").content.locales
    assert "block:" not in copy.content.parts()["body"]
