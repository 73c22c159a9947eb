"""SQL that makes records of the read columns: record id, time, payload.

Belongs here: the shape of imported payloads (standard fields without the empty ones, and the line as it was under
`original`), and record ids. Stays out: reading values and telling what is wrong (`convert.py`).

It reads two tables with the same rows: `typed` (the fields, read) and `original` (the file's columns), and `bad` (lines
that are not kept). Lines are numbered before bad ones are taken out, so that ids stay when a bad line is mended.
"""

from __future__ import annotations

from collections.abc import Sequence

from dmat.imports.order_kinds import kind_sql
from dmat.imports.read_files import LINE, quote

ROW = "_row"
_TIMES = ("created_at", "ordered_at", "occurred_at")
_NUMBERS = ("quantity", "unit_price")


def records_sql(kind: str, names: Sequence[str], columns: Sequence[str], is_archive: bool) -> str:
    """SELECT of row_number, line, record_id, record_updated_at, payload and, of orders, kind, quantity, unit_price.

    `recency` is 1 for the line of a record that counts, `counting_line` tells which one that is.
    """
    builders = {"people": _people, "orders": _orders, "events": _events}
    original = _object({column: f"o.{quote(column)}" for column in sorted(columns)})
    inner = _archive(columns) if is_archive else builders[kind](names, original)
    return f"""
        select *, row_number() over (partition by record_id order by row_number desc) as recency,
            first_value(line) over (partition by record_id order by row_number desc) as counting_line
        from ({inner}) as every_line
        where line not in (select {LINE} from bad)"""


def _object(pairs: dict[str, str]) -> str:
    """SQL of a JSON object without the keys whose value is null."""
    inside = ", ".join(f"{quote(key)} := {value}" for key, value in pairs.items())
    return f"json_merge_patch('{{}}'::json, to_json(struct_pack({inside})))"


def _standard(names: Sequence[str], **more: str) -> dict[str, str]:
    """The read fields as they stand in payloads: times in ISO, numbers as exact text."""
    pairs = {}
    for name in names:
        if name in _TIMES:
            pairs[name] = f"strftime(t.{name}, '%Y-%m-%dT%H:%M:%SZ')"
        elif name in _NUMBERS:
            pairs[name] = f"rtrim(rtrim(t.{name}::varchar, '0'), '.')"
        else:
            pairs[name] = f"t.{name}"
    return pairs | more


def _column(names: Sequence[str], name: str, otherwise: str = "null") -> str:
    return f"t.{name}" if name in names else otherwise


def _joined(select: str, source: str = "typed") -> str:
    return f"""
        select t.{ROW} as row_number, t.{LINE} as line, {select}
        from {source} as t join original as o using ({ROW})"""


def _people(names: Sequence[str], original: str) -> str:
    prefixes = {"id": "external_id", "email": "email", "phone": "phone"}
    keys = [f"'{prefix}:' || {_column(names, name)}" for prefix, name in prefixes.items()]
    created = _column(names, "created_at", "null::timestamp")
    return _joined(
        f"coalesce({', '.join(keys)}) as record_id,"
        f" coalesce({created}, timestamp '1970-01-01') as record_updated_at,"
        f" {_object(_standard(names, original=original))} as payload"
    )


def _orders(names: Sequence[str], original: str) -> str:
    lines = f"""(
            select * replace (
                coalesce(line_number, row_number() over (partition by order_id order by {ROW})) as line_number
            ), {kind_sql()} as kind
            from typed
        )"""
    payload = _object(_standard(names, kind="t.kind", original=original))
    return _joined(
        "t.order_id || ':' || t.line_number as record_id, t.ordered_at as record_updated_at,"
        f" {payload} as payload, t.kind, t.quantity, t.unit_price",
        source=lines,
    )


def _events(names: Sequence[str], original: str) -> str:
    provider = f"coalesce({_column(names, 'provider')}, 'import')"
    same = [_column(names, name) for name in ("event", "email", "occurred_at")]
    event_id = f"coalesce({_column(names, 'event_id')}, md5(concat_ws('|', {', '.join(same)})))"
    payload = _object(_standard(names, provider=provider, event_id=event_id, original=original))
    return _joined(
        f"{provider} || ':' || {event_id} as record_id, t.occurred_at as record_updated_at, {payload} as payload"
    )


def _archive(columns: Sequence[str]) -> str:
    """Events as SendGrid sent them: the payload is the row itself, its time a number as in the webhook."""
    pairs = {column: f"o.{quote(column)}" for column in sorted(columns)}
    if "timestamp" in pairs:
        pairs["timestamp"] = "epoch(t.occurred_at)::bigint"
    payload = _object(pairs)
    return _joined(f"'sendgrid:' || t.event_id as record_id, t.occurred_at as record_updated_at, {payload} as payload")
