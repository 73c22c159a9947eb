"""Examples of answers for the documentation of the doors for segments (`/openapi.json`).

Belongs here: one example an answer. Stays out: how answers are made; a test compares their keys with real ones.
"""

from __future__ import annotations

from typing import Any

from apps.api.segment_bodies import VIP_RULE

Responses = dict[int | str, dict[str, Any]]


def _json(example: Any, words: str = "Done", status: int = 200) -> Responses:
    return {status: {"description": words, "content": {"application/json": {"example": example}}}}


VIP_SENTENCE = "People whose total net amount of “Placed an order” in the last 60 days is more than 500"
VIP: dict[str, Any] = {
    "id": "vip", "key": "vip", "name": "VIP, last 60 days", "description": "", "kind": "dynamic", "is_dynamic": True,
    "folder": "", "tags": ["vip"], "owner": "ann@shop.example", "state": "active", "version": 1, "rule": VIP_RULE,
    "contact_count": 1247,
    "evaluation": {"rule_version": 1, "size": 1247, "data_version": 311, "evaluated_at": "2026-03-04T12:00:03",
                   "error": "", "failed_at": None},
    "created_at": "2026-03-04T11:59:58", "created_by": "ann@shop.example",
    "updated_at": "2026-03-04T11:59:58", "updated_by": "ann@shop.example",
}  # fmt: skip
_WHOLE = VIP | {"sentence": VIP_SENTENCE, "used_by": [{"kind": "segment", "key": "win-back", "name": ""}]}
SEGMENT = _json(_WHOLE)
MADE = _json(_WHOLE | {"used_by": [], "contact_count": None, "evaluation": None}, status=201)
LIST = _json({"segments": [VIP], "total": 1, "next_after": None})
VERSIONS = _json({"versions": [{
    "version": 1, "rule": VIP_RULE, "sentence": VIP_SENTENCE, "note": "", "created_at": "2026-03-04T11:59:58",
    "created_by": "ann@shop.example",
}]})  # fmt: skip

_ANN = {
    "person_id": "123456789012345678", "full_name": "Ann Example", "email": "ann@shop.example", "country_code": "DE",
    "lifecycle": "repeat_customer", "has_email_consent": True, "has_sms_consent": False,
}  # fmt: skip
CONTACTS = _json({
    "segment": "vip", "version": 1, "total": 1247, "data_as_of": "2026-03-04T12:00:00", "contacts": [_ANN],
    "next_after": "123456789012345678",
})  # fmt: skip
PREVIEW = _json({
    "count": 1247, "everybody": 5000, "share": 0.2494, "by_lifecycle": {"repeat_customer": 900, "customer": 347},
    "by_country": {"DE": 800, "AT": 447}, "reachable": {"email": 1100, "sms": 300},
    "conditions": [{"path": "where", "count": 1247}], "version": 311, "data_as_of": "2026-03-04T12:00:00",
    "seconds": 0.003, "sentence": VIP_SENTENCE, "sample": [_ANN],
})  # fmt: skip
VALIDATE = _json({
    "valid": False,
    "faults": [{"path": "where.op", "what": "'is' is no operator of a number", "allowed": "equals, greater_than"}],
    "rule": None, "sentence": "",
})  # fmt: skip
OVERLAP = _json({
    "sizes": {"vip": 1247, "germany": 2100}, "union": 2800,
    "pairs": [{"segments": ["vip", "germany"], "count": 547}],
    "combinations": [{"segments": ["vip", "germany"], "count": 547}, {"segments": ["germany"], "count": 1553}],
})  # fmt: skip
WHY = _json({
    "segment": "vip", "version": 1, "person_id": "123456789012345678", "is_member": True,
    "clause": {"path": "where", "words": VIP_SENTENCE, "holds": True, "found": "612.50", "inside": []},
})  # fmt: skip
OPERATORS = _json({
    "types": {"text": [{"key": "equals", "label": "is", "value": "text", "value_words": "a text",
                        "is_negative_of": None}]},
    "measures": {"count": "number of times"}, "units": ["hours", "days", "weeks", "months", "years"],
    "regions": [{"key": "dach", "label": "DACH", "countries": ["AT", "CH", "DE"]}],
})  # fmt: skip
FIELDS = _json({"fields": [{
    "key": "country_code", "label": "Country", "type": "geography", "group": "Place", "unit": "", "description": "",
    "is_personal": False, "operators": ["one_of", "none_of", "in_region", "not_in_region", "is_known", "is_unknown"],
}], "version": 311})  # fmt: skip
EVENTS = _json({"events": [{
    "key": "ordered", "label": "Placed an order", "group": "Shop", "description": "",
    "properties": [{"key": "net", "label": "Net amount", "type": "money", "unit": "", "is_personal": False,
                    "default_op": "", "operators": ["greater_than"]}],
    "newest_at": "2026-03-04T11:58:00", "data_as_of": "2026-03-04T12:00:00",
}], "version": 311})  # fmt: skip
VALUES = _json({"key": "country_code", "event": "", "values": [{"value": "DE", "count": 2100}]})
FILES: Responses = {
    200: {
        "description": "The file",
        "content": {
            "text/csv": {"example": "person_id,email,has_email_consent\r\n1,ann@shop.example,yes\r\n"},
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {
                "schema": {"type": "string", "format": "binary"}
            },
        },
    }
}
