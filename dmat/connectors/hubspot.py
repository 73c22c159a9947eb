"""HubSpot: contacts, companies and deals of the CRM, v3; and contacts and deals written back.

The first reading lists everything. Later ones search by time of change, oldest first; a search ends at 10,000
results, so when more have changed everything is listed again. A search does not give associations: those of deals are
read for each page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx

from dmat.connectors.contract import Connector, Cursor, Page, Payload, Window, list_of, parse_time, sort_records
from dmat.connectors.http import VendorHttp
from dmat.landing import Record
from dmat.settings import Settings

OVERLAP = timedelta(minutes=10)
LIST_SIZE = 100
SEARCH_SIZE = 100  # also what one reading of associations takes
SEARCH_END = 10_000
DEAL_TO_CONTACT = 3

PROPERTIES = {
    "contacts": (
        "email", "firstname", "lastname", "phone", "jobtitle", "company", "country", "hs_timezone", "date_of_birth",
        "lifecyclestage", "hs_lead_status", "associatedcompanyid", "hs_analytics_source", "lastmodifieddate",
        "createdate",
    ),
    "companies": (
        "name", "domain", "industry", "numberofemployees", "country", "createdate", "hs_lastmodifieddate",
    ),
    "deals": (
        "dealname", "amount", "deal_currency_code", "dealstage", "pipeline", "createdate", "closedate",
        "hs_is_closed_won", "hs_lastmodifieddate",
    ),
}  # fmt: skip
CHANGED_AT = {"contacts": "lastmodifieddate", "companies": "hs_lastmodifieddate", "deals": "hs_lastmodifieddate"}
ASSOCIATIONS: dict[str, tuple[str, ...]] = {"contacts": (), "companies": (), "deals": ("contacts", "companies")}


class HubSpot(Connector):
    """Reads one CRM account."""

    vendor: ClassVar[str] = "hubspot"
    resources: ClassVar[tuple[str, ...]] = ("companies", "contacts", "deals")

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.hubspot_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        return VendorHttp(self.vendor, settings.hubspot_url, headers=headers, secrets=[token], client=client)

    def _read_contacts(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        return self._read_objects("contacts", cursor)

    def _read_companies(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        return self._read_objects("companies", cursor)

    def _read_deals(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        return self._read_objects("deals", cursor)

    def _read_objects(self, kind: str, cursor: Cursor) -> Iterator[Page]:
        start = cursor.start(OVERLAP)
        if start is not None and not cursor.page:
            first = self._search(kind, start, "")
            if int(first.get("total", 0)) <= SEARCH_END:
                yield from self._search_on(kind, start, cursor, first)
                return
        yield from self._list_all(kind, cursor)

    def put_contact(self, payload: Mapping[str, Any]) -> str:
        """Make or change the contact `{"email", "properties"}`; gives its id. The same twice is one contact.

        Raises:
            VendorRefusedError: a property or an owner that the account does not have, or no right to write.
            VendorUnavailableError, RateLimitedError, AmbiguousError: it may be tried again.
        """
        body = upsert_body(str(payload["email"]), payload["properties"])
        answer = self.http.send("POST", "/crm/v3/objects/contacts/batch/upsert", json=body)
        results = list_of(answer.json(), "results", self.vendor)
        if len(results) != 1 or not isinstance(results[0], dict) or not results[0].get("id"):
            raise self.refused(answer.status_code, "the answer names no contact")
        return str(results[0]["id"])

    def put_deal(self, payload: Mapping[str, Any]) -> str:
        """Make or change the deal `{"email", "name", "properties"}` of a contact; gives its id.

        The name is what a deal is known by: the same twice is one deal, with the newest properties.

        Raises:
            VendorRefusedError: a stage, pipeline or owner that the account does not have, or no right to write.
            VendorUnavailableError, RateLimitedError, AmbiguousError: it may be tried again.
        """
        contact_id = self.put_contact({"email": payload["email"], "properties": {}})
        answer = self.http.send("POST", "/crm/v3/objects/deals/search", json=deal_search(str(payload["name"])))
        known = [item for item in list_of(answer.json(), "results", self.vendor) if isinstance(item, dict)]
        body = deal_body(str(payload["name"]), payload["properties"], contact_id)
        if known:
            path, change = f"/crm/v3/objects/deals/{known[0].get('id')}", {"properties": body["properties"]}
            answer = self.http.send("PATCH", path, json=change)
        else:
            answer = self.http.send("POST", "/crm/v3/objects/deals", json=body)
        number = answer.json().get("id")
        if not number:
            raise self.refused(answer.status_code, "the answer names no deal")
        return str(number)

    def _list_all(self, kind: str, cursor: Cursor) -> Iterator[Page]:
        if not cursor.page:
            cursor = Cursor(since=cursor.since, began=self.now())
        while True:
            body = self.http.read_json("GET", f"/crm/v3/objects/{kind}", params=list_params(kind, cursor.page))
            records, refusals = sort_records(list_of(body, "results", self.vendor), _to_record)
            after = _next(body)
            cursor = cursor.turned(after, records)
            yield Page(records, cursor if after else cursor.ended(), refusals)
            if not after:
                return

    def _search_on(self, kind: str, start: datetime, cursor: Cursor, body: Payload) -> Iterator[Page]:
        while True:
            items = list_of(body, "results", self.vendor)
            for other in ASSOCIATIONS[kind]:
                self._associate(kind, other, items)
            records, refusals = sort_records(items, _to_record)
            cursor = cursor.reached(records)
            yield Page(records, cursor, refusals)
            after = _next(body)
            if not after:
                return
            body = self._search(kind, start, after)

    def _search(self, kind: str, start: datetime, after: str) -> Payload:
        body = self.http.read_json("POST", f"/crm/v3/objects/{kind}/search", json=search_body(kind, start, after))
        if not isinstance(body, dict):
            raise self.refused(200, "the answer is not an object")
        return body

    def _associate(self, kind: str, other: str, items: list[Any]) -> None:
        """Write into each item what `GET ...?associations=` would have given."""
        known = {str(i["id"]): i for i in items if isinstance(i, dict) and i.get("id") is not None}
        if not known:
            return
        body = self.http.read_json(
            "POST", f"/crm/v3/associations/{kind}/{other}/batch/read", json={"inputs": [{"id": i} for i in known]}
        )
        for item in known.values():
            item.setdefault("associations", {})[other] = {"results": []}
        for found in list_of(body, "results", self.vendor):
            match = known.get(str((found.get("from") or {}).get("id")))
            if match is not None:
                match["associations"][other]["results"].extend(found.get("to") or [])


def upsert_body(email: str, properties: Mapping[str, str]) -> dict[str, Any]:
    """Body of `POST /crm/v3/objects/contacts/batch/upsert`: the contact with that address, made or changed."""
    filled = {name: value for name, value in properties.items() if value}
    return {"inputs": [{"idProperty": "email", "id": email, "properties": {"email": email, **filled}}]}


def deal_search(name: str) -> dict[str, Any]:
    """Body of `POST /crm/v3/objects/deals/search`: the deal with that name."""
    known_by = {"propertyName": "dealname", "operator": "EQ", "value": name}
    return {"filterGroups": [{"filters": [known_by]}], "properties": ["dealname"], "limit": 1}


def deal_body(name: str, properties: Mapping[str, str], contact_id: str) -> dict[str, Any]:
    """Body of `POST /crm/v3/objects/deals`: a deal that belongs to a contact (association type 3, deal to contact)."""
    filled = {key: value for key, value in properties.items() if value}
    kinds = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": DEAL_TO_CONTACT}]
    associations = [{"to": {"id": contact_id}, "types": kinds}]
    return {"properties": {"dealname": name, **filled}, "associations": associations}


def list_params(kind: str, after: str) -> dict[str, str | int]:
    """Parameters of `GET /crm/v3/objects/<kind>`."""
    params: dict[str, str | int] = {"limit": LIST_SIZE, "properties": ",".join(PROPERTIES[kind]), "archived": "false"}
    if ASSOCIATIONS[kind]:
        params["associations"] = ",".join(ASSOCIATIONS[kind])
    if after:
        params["after"] = after
    return params


def search_body(kind: str, start: datetime, after: str) -> dict[str, Any]:
    """Body of `POST /crm/v3/objects/<kind>/search`: what changed since `start`, oldest first."""
    milliseconds = str(int(start.replace(tzinfo=UTC).timestamp() * 1000))
    changed_at = CHANGED_AT[kind]
    body: dict[str, Any] = {
        "filterGroups": [{"filters": [{"propertyName": changed_at, "operator": "GTE", "value": milliseconds}]}],
        "sorts": [{"propertyName": changed_at, "direction": "ASCENDING"}],
        "properties": list(PROPERTIES[kind]),
        "limit": SEARCH_SIZE,
    }
    return {**body, "after": after} if after else body


def _next(body: Payload) -> str:
    return str(((body.get("paging") or {}).get("next") or {}).get("after") or "")


def _to_record(item: Payload) -> Record:
    return Record(str(item["id"]), parse_time(item["updatedAt"]), item)
