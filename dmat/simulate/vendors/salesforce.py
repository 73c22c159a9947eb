"""Salesforce: an empty org that keeps what is written to it, answers SOQL about it, and gives tokens.

Belongs here: the token, records made and changed, the few forms of SOQL that our connector asks. Stays out: every
other resource of its REST API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dmat.simulate.records import Row, Wanted
from dmat.simulate.vendors.door import Door, JsonResponse, bearer, read_moment, same

KINDS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    # required of a new record, and what it has before anybody says more
    "Lead": (("LastName", "Company"), {"IsConverted": False, "ConvertedContactId": None, "Status": "Open"}),
    "Contact": (("LastName",), {"Account": None, "AccountId": None}),
    "Opportunity": (("Name", "StageName", "CloseDate"), {"AccountId": None, "Amount": None}),
}
PREFIXES = {"Lead": "00Q", "Contact": "003", "Opportunity": "006"}
BATCH = 2_000
CODES = {401: "INVALID_SESSION_ID", 404: "NOT_FOUND", 429: "REQUEST_LIMIT_EXCEEDED", 500: "SERVER_ERROR"}
WORDS = {401: "Session expired or invalid", 404: "The requested resource does not exist"}
_SOQL = re.compile(
    r"SELECT .+ FROM (?P<kind>\w+)(?: WHERE (?P<where>.+?))? ORDER BY (?P<order>\w+), Id(?: LIMIT (?P<limit>\d+))?"
)
_CONDITION = re.compile(r"(\w+) (=|>=) ('(?:[^'\\]|\\.)*'|[\w:.+-]+)")
_ESCAPES = {"\\n": "\n", "\\r": "\r"}


class Salesforce(Door):
    """The second CRM."""

    name = "salesforce"

    def routes(self) -> list[Route]:
        """The token, queries and records."""
        data = "/services/data/{version}"
        return [
            Route("/services/oauth2/token", self.token, methods=["POST"]),
            self.route(f"{data}/query", self.query),
            self.route(f"{data}/queryAll", self.query),
            self.route(f"{data}/query/{{locator}}", self.query_more),
            self.route(f"{data}/sobjects/{{kind}}", self.create, ("POST",)),
            self.route(f"{data}/sobjects/{{kind}}/{{id}}", self.change, ("PATCH",)),
        ]

    def is_authentic(self, request: Request) -> bool:
        """The token that this org gives."""
        return same(bearer(request), self._token)

    @property
    def _token(self) -> str:
        secret = self.office.settings.salesforce_client_secret.get_secret_value()
        return f"00D!{secret}" if secret else ""

    def refuse(self, status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
        """A list with one fault; too many requests are a 403 with a code of their own."""
        code = CODES.get(status, "INVALID_FIELD")
        fault = [{"message": message or WORDS.get(status, code.replace("_", " ").lower()), "errorCode": code}]
        return JsonResponse(fault, 403 if status == 429 else status, dict(headers or {}))

    async def token(self, request: Request) -> Response:
        """The client credentials flow."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode(errors="replace")).items()}
        settings = self.office.settings
        secret = settings.salesforce_client_secret.get_secret_value()
        if form.get("grant_type") != "client_credentials" or not (
            same(form.get("client_id", ""), settings.salesforce_client_id)
            and same(form.get("client_secret", ""), secret)
        ):
            return JsonResponse({"error": "invalid_client", "error_description": "invalid client credentials"}, 400)
        return JsonResponse({"access_token": self._token, "token_type": "Bearer", "scope": "api"})

    def query(self, request: Request, body: bytes) -> Response:
        """SOQL."""
        return self._answer(request, request.query_params.get("q", ""), 0)

    def query_more(self, request: Request, body: bytes) -> Response:
        """What did not fit into the answer before."""
        number, _, text = request.path_params["locator"].partition("-")
        return self._answer(request, bytes.fromhex(text).decode(), int(number))

    def _answer(self, request: Request, soql: str, offset: int) -> Response:
        asked = _SOQL.fullmatch(" ".join(soql.split()))
        if asked is None or asked["kind"] not in KINDS:
            return self._fault("MALFORMED_QUERY", f"unexpected token in {soql[:80]!r}")
        rows = [row.load() for row in self._all(asked["kind"]) if _fits(row.load(), asked["where"] or "")]
        rows.sort(key=lambda row: (row[asked["order"]], row["Id"]))
        rows = rows[: int(asked["limit"])] if asked["limit"] else rows
        shown = rows[offset : offset + BATCH]
        answer: dict[str, Any] = {"totalSize": len(rows), "done": offset + BATCH >= len(rows), "records": shown}
        if not answer["done"]:
            locator = f"{offset + BATCH}-{soql.encode().hex()}"
            answer["nextRecordsUrl"] = f"/services/data/{request.path_params['version']}/query/{locator}"
        return JsonResponse(answer)

    def _all(self, kind: str) -> list[Row]:
        return self.office.records.page(Wanted(_resource(kind), limit=10_000_000))

    def _fault(self, code: str, message: str, status: int = 400) -> Response:
        return JsonResponse([{"message": message, "errorCode": code}], status)

    def create(self, request: Request, body: bytes) -> Response:
        """A new record; answers with its id."""
        kind = request.path_params["kind"]
        fields = _fields_of(body)
        if kind not in KINDS or fields is None:
            return self.refuse(404) if kind not in KINDS else self._fault("JSON_PARSER_ERROR", "not an object")
        required, before = KINDS[kind]
        missing = [name for name in required if not fields.get(name)]
        if missing:
            words = f"Required fields are missing: [{', '.join(missing)}]"
            fault = {"message": words, "errorCode": "REQUIRED_FIELD_MISSING", "fields": missing}
            return JsonResponse([fault], 400)
        number = PREFIXES[kind] + uuid4().hex[:15].upper()
        self._keep(kind, number, {"CreatedDate": _stamp(self.office.now()), **before, **fields})
        return JsonResponse({"id": number, "success": True, "errors": []}, 201)

    def change(self, request: Request, body: bytes) -> Response:
        """Fields of a record; answers without a body."""
        kind, number = request.path_params["kind"], request.path_params["id"]
        row = self.office.records.get(_resource(kind), number) if kind in KINDS else None
        fields = _fields_of(body)
        if row is None:
            return self.refuse(404)
        if fields is None:
            return self._fault("JSON_PARSER_ERROR", "not an object")
        self._keep(kind, number, {**row.load(), **fields})
        return Response(status_code=204)

    def _keep(self, kind: str, number: str, fields: dict[str, Any]) -> None:
        now = self.office.now()
        own = {"Id": number, "IsDeleted": False, "SystemModstamp": _stamp(now)}
        if kind == "Opportunity":
            stage, contact = str(fields.get("StageName")), fields.pop("ContactId", None)
            own |= {"IsClosed": stage.startswith("Closed"), "IsWon": stage == "Closed Won"}
            roles = [{"ContactId": contact, "IsPrimary": True}] if contact else []
            made = {"totalSize": len(roles), "done": True, "records": roles} if roles else None
            own["OpportunityContactRoles"] = fields.get("OpportunityContactRoles") or made
        payload = {"attributes": {"type": kind}, **fields, **own}
        created = datetime.fromisoformat(str(fields["CreatedDate"])).replace(tzinfo=None)
        with self.office.records.lock:
            self.office.records.put(_resource(kind), [Row(number, created, now, orjson.dumps(payload).decode())])


def _resource(kind: str) -> str:
    return f"salesforce_{ {'Lead': 'leads', 'Contact': 'contacts', 'Opportunity': 'opportunities'}[kind] }"


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def _fields_of(body: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _fits(row: Mapping[str, Any], where: str) -> bool:
    """Whether a record meets conditions that are joined by AND; texts are compared without regard to case."""
    for name, sign, literal in _CONDITION.findall(where):
        found, wanted = str(row.get(name)), _value(literal)
        if sign == ">=" and read_moment(found) < read_moment(wanted):
            return False
        if sign == "=" and found.lower() != wanted.lower():
            return False
    return True


def _value(literal: str) -> str:
    if not literal.startswith("'"):
        return literal
    return re.sub(r"\\.", lambda match: _ESCAPES.get(match[0], match[0][1]), literal[1:-1])
