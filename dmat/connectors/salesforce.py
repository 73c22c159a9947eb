"""Salesforce: leads, contacts and opportunities by its REST API, read by time of change; the first and last written.

Salesforce publishes no machine-readable specification of this API: what is here follows its REST API guide
(https://developer.salesforce.com/docs/platform/api-rest/guide) and its object reference, version 62.0.

- An external client app with the client credentials flow gives a token; a token that is not taken any more is fetched
  anew, once a request.
- Reading asks `queryAll`, which gives what was deleted too, by `SystemModstamp`, oldest first.
- Writing looks before it creates: a SOQL query sees what was committed a moment ago, so the same twice is one record,
  also after an answer that was lost. REST has no call that converts a lead: an opportunity gets a contact of the same
  address in its place.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar

import httpx
import orjson

from dmat.connectors.contract import Connector, Cursor, Page, Payload, Window, list_of, parse_time, sort_records, zulu
from dmat.connectors.http import VendorHttp
from dmat.errors import RateLimitedError, VendorRefusedError, VendorUnavailableError
from dmat.landing import Record
from dmat.settings import Settings

VERSION = "v62.0"
DATA = f"/services/data/{VERSION}"
TOKEN = "/services/oauth2/token"
OVERLAP = timedelta(minutes=10)
LIMIT_SECONDS = 900.0
"""How long to wait when the account's requests of 24 hours are used up; Salesforce does not say."""

OBJECTS = {"leads": "Lead", "contacts": "Contact", "opportunities": "Opportunity"}
_PERSON = "Id, FirstName, LastName, Email, Phone, Title, LeadSource, CreatedDate, SystemModstamp, IsDeleted"
FIELDS = {
    "leads": f"{_PERSON}, Company, Country, City, Status, Industry, IsConverted, ConvertedContactId",
    "contacts": f"{_PERSON}, MailingCountry, MailingCity, Birthdate, AccountId, Account.Name",
    "opportunities": "Id, Name, Amount, StageName, CloseDate, IsClosed, IsWon, LeadSource, AccountId, CreatedDate,"
    " SystemModstamp, IsDeleted, (SELECT ContactId, IsPrimary FROM OpportunityContactRoles)",
}
PLACES, PLACE_REFUSED = frozenset({"Country", "State"}), "FIELD_INTEGRITY_EXCEPTION"
NOT_PROVIDED = "[not provided]"
"""What Salesforce itself writes where a field must not be empty."""


class ClientCredentials(httpx.Auth):
    """Signs requests with a token of the client credentials flow; one object may serve several threads."""

    requires_response_body = True

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See `httpx.Auth`; when no token is given, that refusal is the answer to the request."""
        if not self._token and not (yield from self._fetch(request)):
            return
        used = request.headers["Authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code != 401:
            return
        if used == f"Bearer {self._token}" and not (yield from self._fetch(request)):
            return
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request

    def _fetch(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, bool]:
        self._token = ""
        url = request.url.copy_with(raw_path=request.url.raw_path.partition(b"/services/")[0] + TOKEN.encode())
        answer = yield httpx.Request("POST", url, data=self._form, headers={"Accept": "application/json"})
        if answer.status_code != 200:
            return False
        self._token = str(_object_of(answer).get("access_token") or "")
        if not self._token:
            raise VendorRefusedError("salesforce", 200, "the answer holds no access token")
        return True


def _object_of(response: httpx.Response) -> dict[str, Any]:
    try:
        found = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


class SalesforceHttp(VendorHttp):
    """HTTP with Salesforce, whose refusals have codes; two of them mean: later."""

    def explain(self, response: httpx.Response) -> str:
        """The codes and words of a refusal."""
        said = _faults(response)
        return "; ".join(f"{code}: {words}" for code, words in said) or response.text

    def _judge(self, response: httpx.Response, may_act: bool) -> None:
        codes = {code for code, _words in _faults(response)} if response.is_client_error else set()
        if "REQUEST_LIMIT_EXCEEDED" in codes:
            raise RateLimitedError(self.vendor, LIMIT_SECONDS)
        if "UNABLE_TO_LOCK_ROW" in codes:
            raise VendorUnavailableError(f"{self.vendor}: somebody else changes that record now")
        super()._judge(response, may_act)


def _faults(response: httpx.Response) -> list[tuple[str, str]]:
    """(code, words) of each fault: `[{"errorCode", "message", "fields"}]`, or `{"error", "error_description"}`."""
    try:
        said = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return []
    each = [one for one in (said if isinstance(said, list) else [said]) if isinstance(one, dict)]
    return [
        (str(one.get("errorCode") or one.get("error") or ""), str(one.get("message") or one.get("error_description")))
        for one in each
        if one.get("errorCode") or one.get("error")
    ]


class Salesforce(Connector):
    """Reads and writes one org."""

    vendor: ClassVar[str] = "salesforce"
    resources: ClassVar[tuple[str, ...]] = ("contacts", "leads", "opportunities")

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        secret = settings.salesforce_client_secret
        auth = ClientCredentials(settings.salesforce_client_id, secret.get_secret_value())
        return SalesforceHttp(self.vendor, settings.salesforce_url, auth=auth, secrets=[secret], client=client)

    def _read_leads(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        return self._read_objects("leads", cursor)

    def _read_contacts(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        return self._read_objects("contacts", cursor)

    def _read_opportunities(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        return self._read_objects("opportunities", cursor)

    def _read_objects(self, kind: str, cursor: Cursor) -> Iterator[Page]:
        start = cursor.start(OVERLAP)
        path, params = f"{DATA}/queryAll", {"q": changed_query(kind, "" if start is None else zulu(start))}
        while path:
            body = self.http.read_json("GET", path, params=params or None)
            records, refusals = sort_records(list_of(body, "records", self.vendor), self._to_record, "Id")
            cursor = cursor.reached(records)
            yield Page(records, cursor, refusals)
            path, params = self._next(body), {}

    def _next(self, body: Payload) -> str:
        following = "" if body.get("done", True) else str(body.get("nextRecordsUrl") or "")
        if not body.get("done", True) and not following.startswith("/services/data/"):
            raise self.refused(200, "the answer does not say where to go on")
        return following

    def _to_record(self, item: Payload) -> Record:
        kept = {name: value for name, value in item.items() if name != "attributes"}
        kept["dmat"] = {"currency_code": self.settings.salesforce_currency}
        return Record(str(item["Id"]), parse_time(item["SystemModstamp"]), kept)

    def put_lead(self, payload: Mapping[str, Any]) -> str:
        """Make or change the lead `{"email", "fields"}` that is not converted yet; gives its id. Twice is one lead.

        An org may allow only the countries and states of a list: a place that is not in it is left out.

        Raises:
            VendorRefusedError: a value or an owner that the org does not have, or no right to write.
            VendorUnavailableError, RateLimitedError, AmbiguousError: it may be tried again.
        """
        email = str(payload["email"])
        known = self._find("Lead", f"Email = {quoted(email)} AND IsConverted = false")
        fields = lead_fields(email, payload["fields"], is_new=not known)
        try:
            return self._put("Lead", known, fields)
        except VendorRefusedError as error:
            if PLACE_REFUSED not in str(error) or not PLACES & fields.keys():
                raise
        return self._put("Lead", known, {name: value for name, value in fields.items() if name not in PLACES})

    def put_opportunity(self, payload: Mapping[str, Any]) -> str:
        """Make or change the opportunity `{"email", "name", "last_name", "fields"}`; gives its id.

        The name is what it is known by: the same twice is one. A new one gets the contact of that address, who is
        made when there is none.

        Raises:
            VendorRefusedError: a stage or an owner that the org does not have, or no right to write.
            VendorUnavailableError, RateLimitedError, AmbiguousError: it may be tried again.
        """
        name, fields = str(payload["name"])[:120], dict(payload["fields"])
        known = self._find("Opportunity", f"Name = {quoted(name)}")
        if not known:
            fields |= {"Name": name, "ContactId": self._contact(str(payload["email"]), str(payload["last_name"]))}
        return self._put("Opportunity", known, filled(fields))

    def _contact(self, email: str, last_name: str) -> str:
        known = self._find("Contact", f"Email = {quoted(email)}")
        return known or self._put("Contact", "", {"Email": email, "LastName": last_name[:80] or NOT_PROVIDED})

    def _find(self, kind: str, condition: str) -> str:
        """Id of the oldest record that fits, or nothing."""
        query = f"SELECT Id FROM {kind} WHERE {condition} ORDER BY CreatedDate, Id LIMIT 1"
        body = self.http.read_json("GET", f"{DATA}/query", params={"q": query})
        records = list_of(body, "records", self.vendor)
        return str(records[0]["Id"]) if records else ""

    def _put(self, kind: str, known: str, fields: Mapping[str, Any]) -> str:
        if known:
            self.http.send("PATCH", f"{DATA}/sobjects/{kind}/{known}", json=fields)  # answers 204 without a body
            return known
        answer = self.http.send("POST", f"{DATA}/sobjects/{kind}", json=fields)
        number = _object_of(answer).get("id")
        if not number:
            raise self.refused(answer.status_code, f"the answer names no {kind.lower()}")
        return str(number)


def changed_query(kind: str, since: str) -> str:
    """SOQL for what changed since, or for everything; oldest first."""
    when = f" WHERE SystemModstamp >= {since}" if since else ""
    return f"SELECT {FIELDS[kind]} FROM {OBJECTS[kind]}{when} ORDER BY SystemModstamp, Id"


def quoted(text: str) -> str:
    """A text as SOQL writes it.

    Source: https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl (quoted string escapes).
    """
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty, which would wipe out what the org knows."""
    return {name: value for name, value in fields.items() if value not in ("", None)}


def lead_fields(email: str, fields: Mapping[str, Any], is_new: bool) -> dict[str, Any]:
    """Body of a lead. A new one must have a last name and a company; one that is there keeps its stage and source."""
    found = {"Email": email, **filled(fields)}
    if is_new:
        return {"LastName": email.partition("@")[0][:80], "Company": NOT_PROVIDED, **found}
    return {name: value for name, value in found.items() if name not in ("Status", "LeadSource")}
