"""Under test: a form at our own door becomes a submission of the right person, with the consent that it gives."""

from __future__ import annotations

from datetime import datetime

import pytest

from dmat.landing import Record
from dmat.warehouse import writer
from dmat_pipelines.conform.runner import build

AT = datetime(2026, 3, 1, 9)


def submission(number, page_url="", **fields):
    payload = {
        "submission_id": f"s{number}", "form": "newsletter", "fields": fields, "page_url": page_url,
        "client_id": str(fields.get("client_id", "")), "submitted_at": AT.isoformat(),
    }  # fmt: skip
    return Record(f"s{number}", AT, payload)


@pytest.fixture(scope="module")
def rows(new_home, raw, tmp_path_factory):
    """Asks the core file of a workspace with one customer of the shop and three forms."""
    from dmat.landing import land

    settings = new_home(tmp_path_factory.mktemp("forms"))
    forms = [
        submission(1, "https://shop.example/journal/tea/?utm=x", email=" ANA@x.example ", consent_email="on"),
        submission(
            2, "https://shop.example", email="new@y.example", first_name="Noa", consent_email=True, consent_sms="no"
        ),
        submission(3, "not an address", email="not an address", consent_email="perhaps"),
    ]
    customers = [raw.customer(1, "ana@x.example", "Ana", "Silva", state="NOT_SUBSCRIBED")]
    with writer(settings) as connection:
        land(connection, "form_submissions", forms, "first", AT)
        land(connection, "shopify_customers", customers, "first", AT)
    asked = ["+fct_form_submissions", "+dim_people", "+person_channel_consent"]
    build(settings, asked, exclude_tests=True).require_ok()

    def ask(query):
        with writer(settings) as connection:
            return connection.execute(query).fetchall()

    return ask


def test_a_form_belongs_to_the_person_with_that_address(rows):
    found = dict(rows("select submission_id, person_id from engagement.fct_form_submissions"))
    shop = rows("select person_id from people.person_contacts where source = 'shopify'")[0][0]
    assert found["s1"] == shop
    assert found["s2"] not in (None, shop)
    assert rows("select source from people.person_contacts where contact_key = 'form:s2'") == [("form",)]


def test_a_form_makes_a_person_with_what_was_filled_in(rows):
    assert rows("select first_name, has_email_consent from people.dim_people where email = 'new@y.example'") == [
        ("Noa", True)
    ]


def test_consent_is_only_what_the_field_clearly_says(rows):
    found = {key: rest for key, *rest in rows(
        "select submission_id, has_email_consent, has_sms_consent, page_slug, form_name"
        " from engagement.fct_form_submissions"
    )}  # fmt: skip
    assert found == {
        "s1": [True, False, "tea", "newsletter"], "s2": [True, False, None, "newsletter"],
        "s3": [False, False, None, "newsletter"],
    }  # fmt: skip
    evidence = rows("select distinct source, evidence from consent.person_channel_consent order by 2")
    assert evidence == [("form", "form newsletter, submission s1"), ("form", "form newsletter, submission s2")]
