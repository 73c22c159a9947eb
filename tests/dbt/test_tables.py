"""Under test: the tables that dbt makes of raw records with every awkward case, built in steps and from scratch."""

from __future__ import annotations

import pytest

MARTS = (
    "people.dim_people", "people.person_contacts", "people.dim_companies", "consent.person_channel_consent",
    "commerce.dim_products", "commerce.fct_orders", "commerce.fct_order_lines", "commerce.fct_carts",
    "commerce.fct_cart_lines", "engagement.fct_message_events", "engagement.fct_visits",
    "engagement.fct_form_submissions", "engagement.fct_touchpoints", "crm.fct_deals", "marketing.fct_ad_spend",
    "marketing.fct_social_posts", "deliveries.fct_messages", "evaluation.cart_recoveries",
    "evaluation.cart_recovery_summary", "operations.home_daily", "commerce.fct_purchases", "commerce.fct_cart_products",
    "segments.segment_catalogue", "funnel.daily_stages", "marketing.fct_spend", "channels.daily_channels",
    "pipeline.fct_opportunities", "pipeline.daily_pipeline", "attribution.paths", "cohorts.cohort_activity",
    "cohorts.cohort_revenue", "customers.rfm", "engagement.daily_visits",
)  # fmt: skip
# the number of a build, when rows came, and the ids of people who were two before they were one
LEFT_OUT = ("_build", "_loaded_at", "person_id", "previous_person_id")


def test_every_build_and_every_test_in_it_passes(step_by_step, from_scratch):
    for report in (*step_by_step.reports, *from_scratch.reports):
        assert [(result.name, result.message) for result in report if not result.is_ok] == []
    kinds = {result.resource_type for result in from_scratch.reports[0]}
    assert {"model", "seed", "test", "unit_test"} <= kinds


def test_two_names_at_one_address_are_two_people(step_by_step):
    rows = step_by_step.rows(
        "select person_id from people.person_contacts where contact_key in ('shopify:1', 'shopify:2')"
    )
    assert len(set(rows)) == 2


def test_one_human_is_found_by_phone_by_mailbox_and_without_a_name(step_by_step):
    keys = "('shopify:1', 'hubspot:11', 'wordpress_form:901', 'wordpress_form:902')"
    rows = step_by_step.rows(f"select distinct person_id from people.person_contacts where contact_key in {keys}")
    assert rows == [(step_by_step.ana,)]


def test_a_merge_keeps_the_older_id_and_is_logged(step_by_step):
    [(merged, surviving, reason)] = step_by_step.rows(
        "select merged_person_id, surviving_person_id, reason from people.person_merges"
    )
    assert step_by_step.rows(
        "select distinct person_id from people.person_contacts where contact_key in ('shopify:4', 'hubspot:14')"
    ) == [(surviving,)]
    assert step_by_step.rows(f"select 1 from people.dim_people where person_id = {merged}") == []
    assert "e-mail" in reason


def test_a_guest_of_the_outlet_is_the_customer_of_the_shop_with_that_address_and_name(step_by_step):
    rows = step_by_step.rows(
        "select distinct person_id from commerce.fct_orders where order_id in ('shopify:1003', 'woocommerce:501')"
    )
    assert len(rows) == 1


def test_orders_are_net_of_refunds_and_cancellations(step_by_step):
    found = step_by_step.rows("select order_id, status, gross_cents, discount_cents, other_cents, refunded_cents,"
                              " net_cents from commerce.fct_orders order by order_id")  # fmt: skip
    assert found == [
        ("import:536365", "paid", 1530, 0, 400, 0, 1930),
        ("import:536370", "paid", 13, 0, 0, 0, 13),
        ("import:A563186", "adjustment", 0, 0, -1106206, 0, 0),
        ("import:C536379", "credit_note", 0, 0, 0, 510, -510),
        ("shopify:1001", "partially_refunded", 10000, 1000, 0, 4500, 4500),
        ("shopify:1002", "cancelled", 3000, 0, 0, 3000, 0),
        ("shopify:1003", "partially_refunded", 3000, 0, 500, 500, 3000),
        ("shopify:1004", "paid", 2000, 0, 0, 0, 2000),
        ("shopify:1005", "paid", 8000, 800, 0, 0, 7200),
        ("woocommerce:501", "paid", 2000, 0, 500, 0, 2500),
    ]


def test_an_imported_customer_number_is_the_imported_person(step_by_step):
    rows = step_by_step.rows(
        "select distinct p.full_name from commerce.fct_orders as o join people.dim_people as p using (person_id)"
        " where o.order_id in ('import:536365', 'import:C536379')"
    )
    assert rows == [("Eve Hill",)]


def test_the_latest_decision_is_the_consent(step_by_step):
    found = dict(step_by_step.rows(
        "select c.full_name, k.is_granted from consent.person_channel_consent as k"
        " join people.dim_people as c using (person_id) where k.channel = 'email'"
    ))  # fmt: skip
    assert found["Ana Silva"]
    assert found["Bo Silva"]
    assert found["Cy Park"], "she unsubscribed on the 3rd and ticked the box of a form on the 6th"
    assert "Dee Fox" not in found, "she was never asked"


def test_a_machine_open_is_kept_and_marked(step_by_step):
    rows = step_by_step.rows("select is_machine, count(*) from engagement.fct_message_events"
                             " where event_type = 'opened' group by 1 order by 1")  # fmt: skip
    assert rows == [(False, 1), (True, 1)]


def test_a_visit_belongs_to_whoever_used_the_browser(step_by_step):
    found = dict(step_by_step.rows("select visit_id, person_id from engagement.fct_visits"))
    assert found == {"1": step_by_step.ana, "2": None, "3": step_by_step.ana}


def test_the_recovered_cart_is_counted_once_with_what_it_earned(step_by_step):
    found = step_by_step.rows(
        "select cart_id, state, recovered_order_id, recovered_cents from evaluation.cart_recoveries"
    )
    assert found == [("c1", "accepted", "shopify:1005", 7200)]
    [(cents, low, reason)] = step_by_step.rows(
        "select recovered_cents, incremental_low_cents, no_estimate_reason from evaluation.cart_recovery_summary"
    )
    assert (cents, low) == (7200, None)
    assert "not enough data" in reason
    assert step_by_step.one("select sum(recovered_cents) from operations.home_daily") == 7200


def test_ad_spend_is_in_the_currency_of_the_account_that_pays(step_by_step):
    found = step_by_step.rows("select platform, spend_cents, currency_code, clicks from marketing.fct_ad_spend")
    assert found == [("linkedin", 1234, "SEK", 12)]


def test_a_cart_without_a_known_customer_has_nobody_to_write_to(step_by_step):
    assert step_by_step.rows(
        "select status, person_id, contact_email from commerce.fct_carts where cart_id = 'c3'"
    ) == [("open", None, None)]


def test_a_message_has_what_the_ledger_and_the_events_say(step_by_step):
    [(state, person, clicked)] = step_by_step.rows(
        "select state, person_id, first_clicked_at is not null from deliveries.fct_messages"
    )
    assert (state, person, clicked) == ("accepted", step_by_step.ana, True)


@pytest.mark.parametrize("table", MARTS)
def test_building_in_steps_gives_what_building_from_scratch_gives(step_by_step, from_scratch, table):
    columns = [name for name, in step_by_step.rows(f"select column_name from (describe {table})")
               if name not in LEFT_OUT]  # fmt: skip
    query = f"select {', '.join(columns)} from {table} order by all"
    assert step_by_step.rows(query) == from_scratch.rows(query)


def test_building_in_steps_finds_the_same_people_as_building_from_scratch(step_by_step, from_scratch):
    query = "select list(contact_key order by contact_key) from people.person_contacts group by person_id order by 1"
    assert step_by_step.rows(query) == from_scratch.rows(query)


def test_building_again_changes_nothing(step_by_step):
    """The third build found nothing new: no row was written by it."""
    last = step_by_step.one("select build_number from raw.workspace_clock")
    for table in ("staging.stg_shopify__orders", "people.person_contacts", "people.dim_people", "commerce.fct_orders",
                  "commerce.fct_carts", "deliveries.fct_messages", "consent.person_channel_consent"):  # fmt: skip
        assert step_by_step.one(f"select count(*) from {table} where _build >= {last}") == 0, table
