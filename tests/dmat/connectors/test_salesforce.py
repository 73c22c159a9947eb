"""Under test: Salesforce read and written: its token, its pages, its refusals; the same twice is one record."""

from __future__ import annotations

from datetime import datetime, timedelta

import httpx
import pytest
from scripted_vendor import FAILURES, KEY, failure_name, scripted

from dmat.connectors.contract import Cursor
from dmat.connectors.salesforce import Salesforce, quoted
from dmat.errors import (
    RateLimitedError,
    VendorRefusedError,
    VendorUnavailableError,
)
from dmat.settings import load_settings

AT = datetime(2026, 6, 1, 8)
TOKEN = {"access_token": "00D!token", "token_type": "Bearer"}
NONE = {"totalSize": 0, "done": True, "records": []}
LEAD = {"email": "jo@o'hara.example", "fields": {"FirstName": "Jo", "Phone": "", "Status": "Open"}}
DEAL = {"email": "jo@x.example", "name": "Acme (lead 1)", "last_name": "Doe",
        "fields": {"StageName": "Qualification", "CloseDate": "2026-07-01"}}  # fmt: skip


def record(number, second=0, **more):
    return {
        "attributes": {"type": "Lead"},
        "Id": number,
        "SystemModstamp": f"2026-06-01T08:00:{second:02}.000+0000",
    } | more


def refusal(status, code, words="no", **more):
    return httpx.Response(status, json=[{"errorCode": code, "message": words, **more}])


@pytest.fixture
def connect(tmp_path):
    def make(*answers):
        vendor = scripted(answers)
        settings = load_settings(
            tmp_path, salesforce_url="https://acme.my.salesforce.example", salesforce_client_id="3MVG",
            salesforce_client_secret=KEY, salesforce_currency="EUR",
        )  # fmt: skip
        salesforce = Salesforce(settings, client=vendor.client)
        salesforce.http.sleep = lambda _seconds: None
        return salesforce, vendor

    return make


def query_of(request):
    return request.url.params["q"]


def test_pages_are_followed_and_the_next_capture_goes_on_from_the_newest_change(connect):
    following = "/services/data/v62.0/query/01g-2000"
    first = {"totalSize": 2, "done": False, "nextRecordsUrl": following, "records": [record("00Q1", 1)]}
    salesforce, vendor = connect(TOKEN, first, {"totalSize": 2, "done": True, "records": [record("00Q2", 9)]}, NONE)
    pages = list(salesforce.read("leads"))
    assert [each.record_id for page in pages for each in page.records] == ["00Q1", "00Q2"]
    assert pages[0].records[0].payload == {
        "Id": "00Q1", "SystemModstamp": "2026-06-01T08:00:01.000+0000", "dmat": {"currency_code": "EUR"},
    }  # fmt: skip
    assert pages[-1].cursor == Cursor(since=AT + timedelta(seconds=9))
    assert vendor.requests[2].url.path == following
    assert "WHERE" not in query_of(vendor.requests[1])
    list(salesforce.read("leads", pages[-1].cursor))
    assert "WHERE SystemModstamp >= 2026-06-01T07:50:09Z ORDER BY SystemModstamp, Id" in query_of(vendor.requests[3])
    assert [each.url.path for each in vendor.requests].count("/services/oauth2/token") == 1


def test_a_page_cannot_send_us_to_another_server(connect):
    salesforce, _ = connect(TOKEN, {"done": False, "nextRecordsUrl": "//evil.example/x", "records": []})
    with pytest.raises(VendorRefusedError, match="where to go on"):
        list(salesforce.read("contacts"))


def test_a_spoilt_record_is_refused_and_another_shape_is_no_empty_list(connect):
    salesforce, _ = connect(TOKEN, {"done": True, "records": [record("00Q1"), {"Id": "00Q2"}]})
    [page] = salesforce.read("opportunities")
    assert [(each.record_id, each.reason) for each in page.refusals] == [("00Q2", "SystemModstamp is missing")]
    with pytest.raises(VendorRefusedError, match="records"):
        list(connect(TOKEN, {"rows": []})[0].read("leads"))


def test_a_token_that_is_not_taken_any_more_is_fetched_anew_once(connect):
    ended = refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")
    salesforce, vendor = connect(TOKEN, ended, TOKEN | {"access_token": "00D!second"}, NONE)
    assert next(salesforce.read("leads")).records == []
    assert vendor.requests[-1].headers["authorization"] == "Bearer 00D!second"
    assert vendor.body(2) == {"grant_type": "client_credentials", "client_id": "3MVG", "client_secret": KEY}
    refused, vendor = connect(TOKEN, ended, TOKEN, ended)
    with pytest.raises(VendorRefusedError, match="INVALID_SESSION_ID"):
        list(refused.read("leads"))
    assert len(vendor.requests) == 4


def test_wrong_credentials_are_told_and_never_shown(connect):
    said = {"error": "invalid_client", "error_description": f"invalid client credentials {KEY}"}
    salesforce, vendor = connect(httpx.Response(400, json=said))
    with pytest.raises(VendorRefusedError, match="invalid_client: invalid client") as caught:
        list(salesforce.read("leads"))
    assert KEY not in str(caught.value)
    assert len(vendor.requests) == 1
    with pytest.raises(VendorRefusedError, match="no access token"):
        connect(httpx.Response(200, text="<html>sign in</html>"))[0].put_lead(LEAD)


def test_a_lead_is_looked_for_then_made_then_changed(connect):
    salesforce, vendor = connect(TOKEN, NONE, httpx.Response(201, json={"id": "00Q7", "success": True, "errors": []}))
    assert salesforce.put_lead(LEAD) == "00Q7"
    assert query_of(vendor.requests[1]) == (
        "SELECT Id FROM Lead WHERE Email = 'jo@o\\'hara.example' AND IsConverted = false"
        " ORDER BY CreatedDate, Id LIMIT 1"
    )
    assert vendor.body() == {
        "LastName": "jo", "Company": "[not provided]", "Email": "jo@o'hara.example", "FirstName": "Jo",
        "Status": "Open",
    }  # fmt: skip
    salesforce, vendor = connect(TOKEN, {"done": True, "records": [{"Id": "00Q7"}]}, httpx.Response(204))
    assert salesforce.put_lead(LEAD) == "00Q7"
    assert (vendor.requests[-1].method, vendor.requests[-1].url.path) == (
        "PATCH", "/services/data/v62.0/sobjects/Lead/00Q7",
    )  # fmt: skip
    assert vendor.body() == {"Email": "jo@o'hara.example", "FirstName": "Jo"}  # its stage is sales' own by now


def test_a_place_that_the_org_does_not_list_is_left_out_and_other_faults_are_told(connect):
    made = httpx.Response(201, json={"id": "00Q7", "success": True})
    wrong_place = refusal(400, "FIELD_INTEGRITY_EXCEPTION", "There's a problem with this state: not in the list")
    salesforce, vendor = connect(TOKEN, NONE, wrong_place, made)
    placed = LEAD | {"fields": {"LastName": "Doe", "Country": "Germany", "State": "Bayern"}}
    assert salesforce.put_lead(placed) == "00Q7"
    assert vendor.body(2).keys() - vendor.body(3).keys() == {"Country", "State"}
    salesforce, vendor = connect(TOKEN, NONE, wrong_place)
    with pytest.raises(VendorRefusedError, match="FIELD_INTEGRITY_EXCEPTION"):
        salesforce.put_lead(LEAD)  # it names no place
    assert len(vendor.requests) == 3


def test_an_opportunity_gets_a_contact_and_then_only_its_stage_changes(connect):
    made = [httpx.Response(201, json={"id": number, "success": True}) for number in ("0031", "0061")]
    salesforce, vendor = connect(TOKEN, NONE, NONE, *made)
    assert salesforce.put_opportunity(DEAL) == "0061"
    assert vendor.body(3) == {"Email": "jo@x.example", "LastName": "Doe"}
    assert vendor.body() == {**DEAL["fields"], "Name": "Acme (lead 1)", "ContactId": "0031"}
    salesforce, vendor = connect(TOKEN, {"done": True, "records": [{"Id": "0061"}]}, httpx.Response(204))
    assert salesforce.put_opportunity(DEAL | {"fields": {"StageName": "Closed Won"}}) == "0061"
    assert vendor.body() == {"StageName": "Closed Won"}


def test_refusals_are_told_in_the_words_of_salesforce_and_two_of_them_mean_later(connect):
    missing = refusal(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Rating__c]", fields=["Rating__c"])
    with pytest.raises(VendorRefusedError, match=r"REQUIRED_FIELD_MISSING: .*Rating__c"):
        connect(TOKEN, NONE, missing)[0].put_lead(LEAD)
    with pytest.raises(RateLimitedError) as caught:
        connect(TOKEN, NONE, refusal(403, "REQUEST_LIMIT_EXCEEDED"))[0].put_lead(LEAD)
    assert caught.value.retry_after_seconds == 900
    with pytest.raises(VendorUnavailableError, match="somebody else"):
        connect(TOKEN, NONE, refusal(400, "UNABLE_TO_LOCK_ROW"))[0].put_lead(LEAD)
    with pytest.raises(VendorRefusedError, match="names no lead"):
        connect(TOKEN, NONE, httpx.Response(201, json={"success": True}))[0].put_lead(LEAD)


@pytest.mark.parametrize(("answer", "error"), FAILURES, ids=failure_name)
def test_each_failure_of_writing_has_its_name(connect, answer, error):
    answers = [answer] if getattr(answer, "status_code", 0) != 401 else [answer, TOKEN, answer]
    with pytest.raises(error) as caught:
        connect(TOKEN, NONE, *answers)[0].put_lead(LEAD)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(429, headers={"Retry-After": "1"}), RateLimitedError),
        (httpx.Response(500), VendorUnavailableError),
        (httpx.ReadTimeout("slow"), VendorUnavailableError),
        (httpx.ReadError("cut"), VendorUnavailableError),
        (httpx.ConnectError("refused"), VendorUnavailableError),
    ],
    ids=failure_name,
)
def test_reading_is_tried_again_after_what_passes(connect, answer, error):
    salesforce, _ = connect(TOKEN, answer, {"done": True, "records": [record("00Q1")]})
    assert len(next(salesforce.read("leads")).records) == 1
    with pytest.raises(error):
        list(connect(TOKEN, answer)[0].read("leads"))


def test_what_is_typed_stays_a_text_in_soql():
    assert quoted("x' OR Name != '\\") == r"'x\' OR Name != \'\\'"
    assert quoted("a\nb\r") == r"'a\nb\r'"
