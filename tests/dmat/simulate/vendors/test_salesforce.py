"""Under test: the make-believe Salesforce and our connector together: what is written is read, and twice is once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from dmat.connectors.contract import Cursor
from dmat.connectors.salesforce import Salesforce
from dmat.errors import RateLimitedError, VendorRefusedError
from dmat.routing.crm import salesforce_opportunity
from dmat.scoring.leads import Lead, set_status, take_in
from dmat.settings import load_settings
from dmat.simulate.records import Records
from dmat.simulate.vendors import salesforce as twin
from dmat.simulate.vendors.door import Office
from dmat.store import open_store

NOON = datetime(2026, 3, 4, 12)


@pytest.fixture
def org(tmp_path):
    """(connector, door) of one empty org whose clock stands at noon."""
    settings = load_settings(
        tmp_path, salesforce_url="http://testserver/salesforce", salesforce_client_id="3MVG",
        salesforce_client_secret="s3cret",
    )  # fmt: skip
    settings.clock.set(NOON)
    records = Records.open(tmp_path / "company.duckdb")
    door = twin.Salesforce(Office(settings, records, world=None))
    connector = Salesforce(settings, TestClient(Starlette(routes=[Mount("/salesforce", routes=door.routes())])))
    connector.http.sleep = lambda _seconds: None
    yield connector, door
    connector.close()
    records.close()


def read(connector, resource, cursor=None) -> dict[str, Any]:
    return {each.record_id: each.payload for page in connector.read(resource, cursor) for each in page.records}


def test_a_lead_written_twice_is_one_and_is_read_with_its_newest_fields(org):
    connector, door = org
    wanted = {"email": "Jo@O'Hara.example", "fields": {"LastName": "O'Hara", "Title": "Buyer"}}
    number = connector.put_lead(wanted)
    door.office.settings.clock.advance(timedelta(hours=1))
    assert connector.put_lead(wanted | {"email": "jo@o'hara.example", "fields": {"Title": "Head"}}) == number
    [(known, lead)] = read(connector, "leads").items()
    assert known == number
    assert {name: lead[name] for name in ("LastName", "Title", "Company", "Status", "IsConverted")} == {
        "LastName": "O'Hara", "Title": "Head", "Company": "[not provided]", "Status": "Open", "IsConverted": False,
    }  # fmt: skip
    assert read(connector, "leads", Cursor(since=NOON + timedelta(hours=1))) != {}
    assert read(connector, "leads", Cursor(since=NOON + timedelta(hours=2))) == {}


def test_an_opportunity_follows_the_lead_of_our_store_until_it_is_won(org):
    connector, _ = org
    store = open_store(connector.settings)
    number = take_in(store, {"email": "jo@x.example", "name": "Jo Doe", "company_name": "Acme"}, NOON, "ann")[0].lead_id

    def deal_of(status: str) -> str:
        lead: Lead = set_status(store, number, status, NOON, "ann")
        return connector.put_opportunity(salesforce_opportunity(lead, "005000000000001"))

    opened = deal_of("qualified")
    [contact] = read(connector, "contacts").values()
    assert (contact["Email"], contact["LastName"]) == ("jo@x.example", "Doe")
    [deal] = read(connector, "opportunities").values()
    assert (deal["Name"], deal["StageName"], deal["CloseDate"], deal["OwnerId"], deal["IsClosed"]) == (
        f"Acme (lead {number})", "Qualification", "2026-04-03", "005000000000001", False,
    )  # fmt: skip
    assert deal["OpportunityContactRoles"]["records"] == [{"ContactId": contact["Id"], "IsPrimary": True}]
    assert deal_of("won") == opened
    [deal] = read(connector, "opportunities").values()
    assert (deal["StageName"], deal["CloseDate"], deal["IsWon"]) == ("Closed Won", "2026-03-04", True)
    assert deal["OpportunityContactRoles"]["records"][0]["ContactId"] == contact["Id"]


def test_long_answers_come_in_pages(org, monkeypatch):
    connector, _ = org
    monkeypatch.setattr(twin, "BATCH", 2)
    for number in range(5):
        connector.put_lead({"email": f"p{number}@x.example", "fields": {}})
    pages = list(connector.read("leads"))
    assert [len(page.records) for page in pages] == [2, 2, 1]
    assert len(read(connector, "leads")) == 5


def test_wrong_keys_missing_fields_strange_questions_and_haste_are_refused_in_its_words(org, monkeypatch):
    connector, door = org
    with pytest.raises(VendorRefusedError, match="REQUIRED_FIELD_MISSING"):
        connector.put_opportunity({"email": "a@x.example", "name": "Acme", "last_name": "A", "fields": {}})
    with pytest.raises(VendorRefusedError, match="MALFORMED_QUERY"):
        connector.http.read_json("GET", "/services/data/v62.0/query", params={"q": "DROP TABLE Lead"})
    with pytest.raises(VendorRefusedError, match="NOT_FOUND"):
        connector.http.send("PATCH", "/services/data/v62.0/sobjects/Lead/00QNONE", json={})
    monkeypatch.setattr(type(door.office.buckets["salesforce"]), "take", lambda _bucket: 1.0)
    with pytest.raises(RateLimitedError):
        connector.put_lead({"email": "a@x.example", "fields": {}})
    stranger = connector.settings.model_copy(update={"salesforce_client_id": "another"})
    with pytest.raises(VendorRefusedError, match="invalid_client"):
        Salesforce(stranger, connector.http._client).put_lead({"email": "a@x.example", "fields": {}})
