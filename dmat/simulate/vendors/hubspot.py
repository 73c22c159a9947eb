"""HubSpot: CRM v3 objects - contacts, companies, deals - listed, searched, and their associations.

Belongs here: the private app's token, lists by id, searches by filter with their end at 10,000 results. Stays out:
webhooks (`webhooks.py`).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dmat.simulate.records import Row, Wanted
from dmat.simulate.vendors.door import Door, JsonResponse, bearer, read_moment, same, whole

KINDS = {"contacts": "hubspot_contacts", "companies": "hubspot_companies", "deals": "hubspot_deals"}
SEARCH_END = 10_000
CHANGED = ("lastmodifieddate", "hs_lastmodifieddate")
DEFAULTS = {
    "contacts": ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    "companies": ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
    "deals": ("amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id",
              "pipeline"),
}  # fmt: skip
SIGNS = {"EQ": "=", "NEQ": "<>", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<="}
ERRORS = {
    401: (
        "INVALID_AUTHENTICATION",
        "Authentication credentials not found. This API supports OAuth 2.0 authentication.",
    ),
    404: ("OBJECT_NOT_FOUND", "resource not found"),
    429: ("RATE_LIMITS", "You have reached your secondly limit."),
    500: ("INTERNAL_ERROR", "internal error"),
}


class HubSpot(Door):
    """The CRM."""

    name = "hubspot"

    def routes(self) -> list[Route]:
        """Objects and associations."""
        routes = [self.route("/crm/v3/associations/{source}/{target}/batch/read", self.associations, ("POST",))]
        routes.append(self.route("/crm/v3/objects/contacts/batch/upsert", self.upsert, ("POST",)))
        routes.append(self.route("/crm/v3/objects/deals", self.create_deal, ("POST",)))
        routes.append(self.route("/crm/v3/objects/deals/{id}", self.change_deal, ("PATCH",)))
        for kind in KINDS:
            path = f"/crm/v3/objects/{kind}"
            routes += [
                self.route(path, partial(self.list_objects, kind)),
                self.route(f"{path}/search", partial(self.search, kind), ("POST",), bucket="hubspot_search"),
                self.route(f"{path}/{{id}}", partial(self.one, kind)),
            ]
        return routes

    def is_authentic(self, request: Request) -> bool:
        """The token of the private app."""
        return same(bearer(request), self.office.settings.hubspot_token.get_secret_value())

    def refuse(self, status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
        """Errors have a category and a correlation id."""
        category, words = ERRORS.get(status, ("VALIDATION_ERROR", "Invalid input"))
        body = {
            "status": "error",
            "message": message or words,
            "correlationId": str(uuid.uuid4()),
            "category": category,
        }
        if status == 429:
            body |= {"errorType": "RATE_LIMIT", "policyName": "SECONDLY"}
        return JsonResponse(body, status, dict(headers or {}))

    def list_objects(self, kind: str, request: Request, body: bytes) -> Response:
        """All objects in order of id; `after` is where to go on."""
        asked = request.query_params
        try:
            size = whole(asked.get("limit"), 10, 1, 100)
        except ValueError:
            return self.refuse(400, "limit is not a number")
        after = asked.get("after")
        wanted = Wanted(KINDS[kind], limit=size + 1, after=[len(after), after] if after else None)
        rows = self.office.records.page(wanted)
        named, linked = _names(asked.get("properties")), _names(asked.get("associations"))
        answer: dict[str, Any] = {"results": [_shown(row.load(), kind, named, linked) for row in rows[:size]]}
        if len(rows) > size:
            following = rows[size - 1].record_id
            link = f"https://api.hubapi.com/crm/v3/objects/{kind}?limit={size}&after={following}"
            answer["paging"] = {"next": {"after": following, "link": link}}
        return JsonResponse(answer)

    def one(self, kind: str, request: Request, body: bytes) -> Response:
        """One object."""
        row = self.office.records.get(KINDS[kind], request.path_params["id"])
        if row is None:
            return self.refuse(404)
        asked = request.query_params
        return JsonResponse(
            _shown(row.load(), kind, _names(asked.get("properties")), _names(asked.get("associations")))
        )

    def search(self, kind: str, request: Request, body: bytes) -> Response:
        """Objects that pass one of the filter groups, at most 10,000 in all."""
        try:
            asked = orjson.loads(body)
            size, start = whole(str(asked.get("limit", 10)), 10, 1, 200), int(asked.get("after") or 0)
            wanted = read_search(KINDS[kind], asked)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
            return self.refuse(400, f"Invalid input JSON: {error}")
        if start + size > SEARCH_END:
            return self.refuse(400, f"The offset and limit go beyond the end of a search, which is {SEARCH_END}")
        total = self.office.records.count(wanted)
        rows = self.office.records.page(replace(wanted, limit=size, offset=start))
        named = tuple(asked.get("properties") or ())
        answer: dict[str, Any] = {"total": total, "results": [_shown(row.load(), kind, named, ()) for row in rows]}
        if start + len(rows) < min(total, SEARCH_END):
            answer["paging"] = {"next": {"after": str(start + len(rows))}}
        return JsonResponse(answer)

    def upsert(self, request: Request, body: bytes) -> Response:
        """Contacts made or changed by their address."""
        try:
            inputs = orjson.loads(body)["inputs"]
            wanted = [(str(one["id"]).lower(), dict(one["properties"]), one["idProperty"] == "email") for one in inputs]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return self.refuse(400, "Invalid input JSON")
        if not all(by_email and "@" in email for email, _, by_email in wanted):
            return self.refuse(400, "idProperty must be email")
        moment = self.office.now()
        results = [self._put_contact(email, properties, moment) for email, properties, _ in wanted]
        stamp = _zulu(moment)
        return JsonResponse({"status": "COMPLETE", "results": results, "startedAt": stamp, "completedAt": stamp})

    def _put_contact(self, email: str, properties: dict[str, Any], moment: datetime) -> dict[str, Any]:
        resource = KINDS["contacts"]
        with self.office.records.lock:
            same_address = (("lower(payload->>'$.properties.email') = ?", (email,)),)
            rows = self.office.records.page(Wanted(resource, limit=1, more=same_address))
            number = rows[0].record_id if rows else str(uuid.uuid5(uuid.NAMESPACE_URL, email).int % 10**11 + 10**11)
            created = rows[0].created_at if rows else moment
            old = rows[0].load() if rows else {"id": number, "createdAt": _zulu(created), "archived": False}
            kept = old.get("properties") or {"createdate": _zulu(created), "hs_object_id": number}
            stamps = {"lastmodifieddate": _zulu(moment), "email": email}
            payload = {**old, "updatedAt": _zulu(moment), "properties": {**kept, **properties, **stamps}}
            self.office.records.put(resource, [Row(number, created, moment, orjson.dumps(payload).decode())])
        shown = {name: payload[name] for name in ("id", "properties", "createdAt", "updatedAt", "archived")}
        return {**shown, "new": not rows}

    def create_deal(self, request: Request, body: bytes) -> Response:
        """A new deal, associated with a contact."""
        try:
            asked = orjson.loads(body)
            properties = {str(name): str(value) for name, value in asked["properties"].items()}
            contacts = [{"id": str(one["to"]["id"]), "type": "deal_to_contact"} for one in asked["associations"]]
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
            return self.refuse(400, "Invalid input JSON")
        if not properties.get("dealname"):
            return self.refuse(400, "dealname is required")
        moment = self.office.now()
        number = str(uuid.uuid4().int % 10**11 + 10**11)
        own = {"createdate": _zulu(moment), "hs_object_id": number}
        payload = {
            "id": number, "createdAt": _zulu(moment), "archived": False, "properties": own | properties,
            "associations": {"contacts": {"results": contacts}},
        }  # fmt: skip
        return self._keep_deal(number, moment, payload, 201)

    def change_deal(self, request: Request, body: bytes) -> Response:
        """Properties of a deal changed."""
        row = self.office.records.get(KINDS["deals"], request.path_params["id"])
        if row is None:
            return self.refuse(404)
        try:
            properties = dict(orjson.loads(body)["properties"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return self.refuse(400, "Invalid input JSON")
        payload = row.load()
        payload["properties"] = {**payload["properties"], **properties}
        return self._keep_deal(row.record_id, row.created_at, payload, 200)

    def _keep_deal(self, number: str, created: datetime, payload: dict[str, Any], status: int) -> Response:
        moment = self.office.now()
        won = str(payload["properties"].get("dealstage") == "closedwon").lower()
        payload["properties"] |= {"hs_lastmodifieddate": _zulu(moment), "hs_is_closed_won": won}
        payload["updatedAt"] = _zulu(moment)
        with self.office.records.lock:
            self.office.records.put(KINDS["deals"], [Row(number, created, moment, orjson.dumps(payload).decode())])
        shown = {name: payload[name] for name in ("id", "properties", "createdAt", "updatedAt", "archived")}
        return JsonResponse(shown, status)

    def associations(self, request: Request, body: bytes) -> Response:
        """What the given objects are associated with."""
        source, target = request.path_params["source"], request.path_params["target"]
        if source not in KINDS or target not in KINDS:
            return self.refuse(404)
        try:
            ids = [str(one["id"]) for one in orjson.loads(body)["inputs"]]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return self.refuse(400, "Invalid input JSON")
        moment, results = _zulu(self.office.now()), []
        for number in ids:
            row = self.office.records.get(KINDS[source], number)
            linked = (row.load().get("associations", {}) if row else {}).get(target, {}).get("results", [])
            if linked:
                results.append({"from": {"id": number}, "to": linked})
        return JsonResponse({"status": "COMPLETE", "results": results, "startedAt": moment, "completedAt": moment})


def _zulu(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name for name in (text or "").split(",") if name)


def _shown(payload: dict[str, Any], kind: str, named: tuple[str, ...], linked: tuple[str, ...]) -> dict[str, Any]:
    """An object with the properties asked for (null where it has none) and the associations asked for."""
    properties = payload["properties"]
    always = ("createdate", CHANGED[0] if kind == "contacts" else CHANGED[1], "hs_object_id")
    wanted = (*named, *always) if named else DEFAULTS[kind]
    shown = {**payload, "properties": {name: properties.get(name) for name in sorted(set(wanted))}}
    found = shown.pop("associations", {})
    kept = {name: found[name] for name in linked if found.get(name, {}).get("results")}
    return shown | ({"associations": kept} if kept else {})


def read_search(resource: str, asked: dict[str, Any]) -> Wanted:
    """A search body as conditions: groups are joined by OR, the filters of a group by AND."""
    groups, values = [], []  # type: tuple[list[str], list[Any]]
    for group in asked.get("filterGroups") or []:
        parts = []
        for one in group["filters"]:
            text, more = _condition(one)
            parts.append(text)
            values.extend(more)
        groups.append(f"({' and '.join(parts)})")
    wanted = ((f"({' or '.join(groups)})", tuple(values)),) if groups else ()
    sort = (asked.get("sorts") or [{}])[0]
    sort = {"propertyName": sort} if isinstance(sort, str) else sort
    order = {"createdate": "created_at"} | dict.fromkeys(CHANGED, "updated_at")
    descending = sort.get("direction") == "DESCENDING"
    return Wanted(resource, order=order.get(sort.get("propertyName", ""), "id"), descending=descending, more=wanted)


def _condition(asked: dict[str, Any]) -> tuple[str, list[Any]]:
    name, operator, value = str(asked["propertyName"]), str(asked["operator"]), asked.get("value")
    if not name.replace("_", "").isalnum():
        raise ValueError(f"{name!r} is not a property")
    column = f"payload->>'$.properties.{name}'"
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return f"({column}) is {'not ' if operator == 'HAS_PROPERTY' else ''}null", []
    if operator == "IN":
        return f"list_contains(?::varchar[], lower({column}))", [[str(one).lower() for one in asked["values"]]]
    if operator not in SIGNS:
        raise ValueError(f"{operator!r} is not simulated")
    if name in (*CHANGED, "createdate"):
        which = "created_at" if name == "createdate" else "updated_at"
        return f"date_trunc('milliseconds', {which}) {SIGNS[operator]} ?", [_moment(str(value))]
    return f"lower({column}) {SIGNS[operator]} ?", [str(value).lower()]


def _moment(text: str) -> datetime:
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / 1000, UTC).replace(tzinfo=None)
    return read_moment(text)
