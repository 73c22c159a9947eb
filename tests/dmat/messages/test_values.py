"""Under test: what a template sees of a person: from the warehouse, typed, in words, with fallbacks."""

from __future__ import annotations

import duckdb
import pytest
from segment_world import number_of

from dmat.errors import InvalidInputError
from dmat.messages.library import Templates
from dmat.messages.preview import preview
from dmat.messages.records import Variable
from dmat.messages.sources import code_pool, code_variable, required_values_sql, segments_used, source_faults
from dmat.messages.variables import personal_values, required_values
from dmat.messages.wording import money_in_words
from dmat.segments.catalogue import Catalogue, read_catalogue
from dmat.store import open_store
from dmat.warehouse import Workspace

VARIABLES = (
    Variable("name", fallback="there"), Variable("orders", "number"), Variable("total", "money"),
    Variable("birthday", "date"), Variable("page", "url", fallback=""), Variable("products", "list", count=2),
)  # fmt: skip
CONTEXT = {
    "name": "  Ann\x00\x1b ", "orders": 3, "total": 123456, "total_currency": "EUR", "birthday": "1990-03-05",
    "page": "https://shop.example/a",
    "products": '[{"title": "A<b>", "price_cents": 990, "currency_code": "EUR", "url": "javascript:x"},{},{}]',
}  # fmt: skip


def test_values_are_typed_and_in_the_words_of_the_language():
    english, german = (personal_values(VARIABLES, CONTEXT, locale).seen for locale in ("en-GB", "de"))
    assert (english["name"], english["orders"]) == ("Ann", 3)
    assert (english["total"], english["total_cents"]) == ("€1,234.56", 123456)
    assert (english["birthday"], english["birthday_iso"]) == ("5 March 1990", "1990-03-05")
    assert (german["total"], german["birthday"]) == ("1.234,56\u00a0€", "5. März 1990")
    assert english["products"] == [
        {"title": "A<b>", "price_cents": 990, "currency_code": "EUR", "url": "", "price": "€9.90"}, {},
    ]  # fmt: skip


@pytest.mark.parametrize(("variable", "given"), [
    (Variable("a"), None), (Variable("a"), " "), (Variable("a"), ["x"]), (Variable("a", "number"), "3"),
    (Variable("a", "number"), True), (Variable("a", "money"), 5), (Variable("a", "date"), "soon"),
    (Variable("a", "url"), "javascript:alert(1)"), (Variable("a", "url"), "//x"), (Variable("a", "list"), "no json"),
    (Variable("a", "list"), []),
])  # fmt: skip
def test_a_required_value_of_another_type_is_missing_and_named(variable, given):
    with pytest.raises(InvalidInputError) as caught:
        required_values([variable], {"a": given})
    assert (caught.value.field, caught.value.allowed) == ("a", variable.type)


def test_a_fallback_stands_in_and_is_reported():
    price = {"cents": 5, "currency_code": "USD"}
    variables = [
        Variable("a", fallback="x"),
        Variable("t", "money", fallback=price),
        Variable("l", "list", fallback=[]),
    ]
    found = personal_values(variables, {})
    assert found.seen == {"a": "x", "t": "$0.05", "t_cents": 5, "l": []}
    assert found.fallbacks == ["a", "t", "l"]


@pytest.mark.parametrize(("cents", "currency", "locale", "words"), [
    (-250, "EUR", "en", "-€2.50"), (100000, "JPY", "de", "1.000\u00a0¥"), (1999, "CHF", "fr", "19,99\u00a0CHF"),
    (5, "USD", "xx", "$0.05"),
])  # fmt: skip
def test_money_is_written_as_the_language_does(cents, currency, locale, words):
    assert money_in_words(cents, currency, locale) == words


PRODUCTS = """
create schema commerce;
create table commerce.product_recommendations as select * from (values
    (1, 1, 'p1', 'Tea', 'c', 'https://s/t', null, 500, 'EUR', 'bought_together', 'Mug'),
    (1, 2, 'p2', 'Hat', 'c', null, null, 900, 'EUR', 'best_seller', null))
    as t(person_id, place, product_id, title, category, url, image_url, price_cents, currency_code, reason,
        because_title);
create table commerce.best_sellers as select * from (values (1, 'p3', 'Pot', 'c', null, null, 100, 'EUR', 9))
    as t(sales_rank, product_id, title, category, url, image_url, price_cents, currency_code, buyers_count);
create table commerce.last_products as select * from (values (1, 'p9', 'Mug', 'c', null, null, timestamp '2026-01-01'))
    as t(person_id, product_id, title, category, url, image_url, ordered_at);
"""


def test_recommendations_are_ones_own_and_best_sellers_for_whom_nothing_is_known():
    variables = [Variable("recommendations", "list", count=2), Variable("bought", source="last_product", fallback=""),
                 Variable("code", source="code:spring"), Variable("offer", source="campaign.offer")]  # fmt: skip
    sql = required_values_sql(Catalogue({}, {}), variables, "select unnest([1, 2]) as person_id")
    with duckdb.connect() as connection:
        connection.execute(PRODUCTS)
        rows = connection.execute(sql + " order by 1").fetchall()
    seen = [personal_values(variables[:2], {"recommendations": row[1], "bought": row[2]}).seen for row in rows]
    assert [[item["title"] for item in each["recommendations"]] for each in seen] == [["Tea", "Hat"], ["Pot"]]
    assert seen[0]["recommendations"][0]["price"] == "€5.00"
    assert [each["bought"] for each in seen] == ["Mug", ""]
    assert (code_variable(variables), code_pool(variables)) == ("code", "spring")


def test_values_come_from_the_fields_of_the_catalogue_and_others_are_refused(world):
    workspace = Workspace(world)
    catalogue = read_catalogue(workspace)
    variables = [Variable("first_name"), Variable("worth", "money", source="revenue_cents"),
                 Variable("land", source="people.dim_people.country_code")]  # fmt: skip
    people = f"select {number_of(1)}::bigint as person_id"
    [row] = workspace.rows(required_values_sql(catalogue, variables, people))
    assert set(row) == {"person_id", "first_name", "worth", "worth_currency", "land"}
    assert row["first_name"]
    evil = Variable("x", source='first_name" from secrets --')
    assert source_faults(catalogue, [evil])[0][0] == "variables[0].source"
    with pytest.raises(InvalidInputError):
        required_values_sql(catalogue, [evil], people)


def test_a_preview_shows_the_person_and_names_what_stood_in(world):
    store = open_store(world)
    content = {"variables": [{"name": "first_name", "fallback": "there"}, {"name": "shoe", "source": "context"},
                             {"name": "products", "type": "list", "source": "recommendations", "fallback": []}],
               "locales": {"": {"text": "{{ first_name }} {{ shoe }} {{ products|length }}"}}}  # fmt: skip
    shown = preview(world, store, Workspace(world), channel="sms", kind="text", content=content, person_id=number_of(1))
    store.close()
    assert shown.values["first_name"] != "there"
    assert shown.parts["text"].endswith("[shoe] 0")
    assert (shown.missing, "products" in shown.fallbacks) == (["shoe"], True)


def test_segments_that_a_template_asks_about_are_known_before_it_is_sent(store, settings):
    templates = Templates(store, settings.clock)
    content = {"locales": {"": {"text": '{% if in_segment("vip") %}a{% endif %}'},
                           "de": {"text": "{% if in_segment('win-back') %}b{% endif %}"}}}  # fmt: skip
    templates.create(name="S", channel="sms", kind="text", content=content, by="ann@shop.example")
    assert segments_used(templates, "s") == ["vip", "win-back"]
