"""Under test: the list of carts and the path of one, table by table, with nothing taken for HTML."""

from __future__ import annotations

import pytest
from serving_fixture import NASTY, NOW, STORIES

from apps.parts.render import render
from apps.screens.follow.carts import STATUSES, best_cart, list_carts
from apps.screens.follow.origins import origin_of, sql_of
from apps.screens.follow.path import read_path
from apps.screens.follow.state import FollowState

ENDINGS = {
    "recovered": "recovered", "clicked": "sent", "sent": "sent", "held_out": "held_out", "suppressed": "suppressed",
    "left": "open", "ordered": "ordered", "ambiguous": "unclear",
}  # fmt: skip


def story(ending: str):
    return next(story for story in STORIES if story.ending == ending)


@pytest.mark.parametrize("told", STORIES, ids=lambda told: f"{told.first_name}-{told.ending}")
def test_the_list_says_what_became_of_each_cart(context, told):
    found = list_carts(context, context.version(), search=told.email)
    assert [(cart.cart_id, cart.status) for cart in found.carts] == [(told.cart_id, ENDINGS[told.ending])]


def test_the_counts_add_up_to_all_carts(context):
    listed = list_carts(context, context.version())
    assert sum(count for _, count in listed.counts) == listed.fitting
    assert {name for name, _ in listed.counts} <= STATUSES.keys()
    assert list_carts(context, context.version(), status="recovered").fitting == dict(listed.counts)["recovered"]


def test_words_of_a_search_are_words_and_not_patterns(context):
    assert list_carts(context, context.version(), search="%").fitting == list_carts(context, context.version()).fitting
    assert list_carts(context, context.version(), search="' or 1=1 --").fitting == 0


def test_the_cart_shown_first_is_one_that_came_back(context):
    listed = list_carts(context, context.version(), search="example.com")
    assert best_cart(listed) == story("recovered").cart_id


def test_the_path_of_a_recovered_cart_goes_through_every_table(context):
    path = read_path(context, context.version(), story("recovered").cart_id)
    assert [raw.at for raw in path.checkouts] == sorted(raw.at for raw in path.checkouts)
    assert len(path.checkouts) == 2
    assert path.staged["cart_id"] == path.cart_id
    assert {contact["source"] for contact in path.contacts} == {"shopify", "hubspot"}
    assert path.merges[0]["reason"] == "same e-mail in Shopify and HubSpot"
    assert path.consents[0]["is_granted"]
    assert [move["to_state"] for move in path.transitions] == [
        "planned", "claimed", "handed_over", "accepted", "delivered",
    ]  # fmt: skip
    assert path.message["subject"] == "Still thinking it over?"
    assert [event["event_type"] for event in path.events] == ["delivered", "opened", "opened", "clicked"]
    assert len(path.raw_events) == 4
    assert path.recovery["is_recovered"]
    assert path.order["discount_code"] == "COMEBACK10"
    assert path.raw_orders[0].title == path.order["record_id"]


def test_a_cart_that_nobody_knows_has_no_path(context):
    assert read_path(context, context.version(), "no such cart") is None


def test_a_suppressed_cart_has_a_decision_with_its_reason_and_no_message(context):
    path = read_path(context, context.version(), story("suppressed").cart_id)
    assert path.entry.reason == "no consent for e-mail marketing"
    assert path.message is None
    assert path.events == []


def shown(context, cart_id: str) -> str:
    path = read_path(context, context.version(), cart_id)
    state = FollowState(cart_id=cart_id, is_chosen=True)
    return render("screens/follow/path.jinja", NOW, "UTC", path=path, state=state, statuses=STATUSES, listed=None,
                  status="")  # fmt: skip


@pytest.mark.parametrize("told", STORIES, ids=lambda told: told.ending + str(told.number))
def test_every_path_can_be_shown(context, told):
    html = shown(context, told.cart_id)
    assert "The shop sent the cart" in html
    assert "raw.shopify_abandoned_checkouts" in html


def test_what_people_typed_is_never_taken_for_html(context):
    html = shown(context, story("ambiguous").cart_id)
    assert NASTY not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_the_mail_is_shown_in_a_frame_that_may_do_nothing(context):
    html = shown(context, story("recovered").cart_id)
    assert html.count('sandbox=""') == 2
    assert "<script>" not in html
    assert "cdn.example" not in html.split('srcdoc="')[1].split('"')[0]


def test_a_held_out_cart_says_so_in_plain_words(context):
    assert "gets no mail on purpose" in shown(context, story("held_out").cart_id)


def test_a_table_names_its_model_and_shows_its_sql(company):
    origin = origin_of("commerce.fct_carts", company)
    assert origin.path == "dbt/models/marts/commerce/fct_carts.sql"
    sql, _ = sql_of("commerce.fct_carts", company)
    assert "select" in sql
    assert origin_of("raw.shopify_orders", company).path == ""
    assert sql_of("raw.shopify_orders", company) == ("", False)
    assert sql_of("../../dmat/settings", company) == ("", False)


def test_compiled_sql_is_preferred_when_a_build_left_it(company, tmp_path):
    settings = company.model_copy(update={"home": tmp_path})
    compiled = tmp_path / "dbt" / "compiled" / "dmat" / "models" / "marts" / "commerce" / "fct_carts.sql"
    compiled.parent.mkdir(parents=True)
    compiled.write_text("select 1\n\n  as one\n")
    assert sql_of("commerce.fct_carts", settings) == ("select 1\n  as one", True)
