"""What the make-believe vendors hold is shaped as the vendors' own contracts say: names, types, what may be null."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import jsonschema_rs
import pytest

from dmat.simulate import company as made
from dmat.simulate.payloads import payload_sql

pytestmark = pytest.mark.shared
Types = dict[str, dict[str, Any]]
SCALARS = {"ID": str, "String": str, "DateTime": str, "Money": str, "Decimal": str, "URL": str, "Int": int,
           "Boolean": bool, "UnsignedInt64": str}  # fmt: skip


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        made.make_tables(made.generate(200, 7, datetime(2026, 3, 1)), connection)
        yield connection


@pytest.fixture(scope="module")
def shopify(shared_dir: Path) -> Types:
    answer = json.loads(gzip.decompress((shared_dir / "contracts/shopify/admin_2026-10.json.gz").read_bytes()))
    return {kind["name"]: kind for kind in answer.get("data", answer)["__schema"]["types"]}


def payloads(db: duckdb.DuckDBPyConnection, resource: str) -> list[Any]:
    rows = db.execute(f"select payload from ({payload_sql(resource)}) limit 300").fetchall()
    assert rows
    return [json.loads(text) for (text,) in rows]


def faults(types: Types, kind: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    """Follow a GraphQL type through a value, and say where it does not fit."""
    if kind["kind"] == "NON_NULL":
        yield from [f"{path} may not be null"] if value is None else faults(types, kind["ofType"], value, path)
    elif value is None:
        return
    elif kind["kind"] == "LIST":
        items = value if isinstance(value, list) else []
        yield from [f"{path}: {value!r} is not a list"] if items is not value else []
        for item in items:
            yield from faults(types, kind["ofType"], item, path)
    elif kind["kind"] in ("ENUM", "SCALAR"):
        if not is_leaf(types, kind, value):
            yield f"{path}: {value!r} is not a {kind['name']}"
    else:
        fields = {field["name"]: field for field in types[kind["name"]]["fields"]}
        yield from (f"{kind['name']} has no field {name}" for name in value.keys() - fields.keys())
        for name in value.keys() & fields.keys():
            yield from faults(types, fields[name]["type"], value[name], f"{path}.{name}")


def is_leaf(types: Types, kind: dict[str, Any], value: Any) -> bool:
    """Whether a value is one of an enumeration, or of the Python type of a scalar."""
    if kind["kind"] == "ENUM":
        return value in {each["name"] for each in types[kind["name"]]["enumValues"]}
    return isinstance(value, SCALARS.get(kind["name"], str))


@pytest.mark.parametrize(
    ("resource", "kind"),
    [("shopify_orders", "Order"), ("shopify_customers", "Customer"), ("shopify_products", "Product"),
     ("shopify_abandoned_checkouts", "AbandonedCheckout")],
)  # fmt: skip
def test_shopify_payloads_follow_the_schema(
    db: duckdb.DuckDBPyConnection, shopify: Types, resource: str, kind: str
) -> None:
    for payload in payloads(db, resource):
        assert list(faults(shopify, {"kind": "OBJECT", "name": kind}, payload, kind)) == []


def test_what_does_not_fit_the_schema_is_found(shopify: Types) -> None:
    order = {"id": None, "name": 5, "colour": "red", "lineItems": {"nodes": {}}, "displayFinancialStatus": "RICH"}
    found = sorted(faults(shopify, {"kind": "OBJECT", "name": "Order"}, order, "Order"))
    assert found == [
        "Order has no field colour",
        "Order.displayFinancialStatus: 'RICH' is not a OrderDisplayFinancialStatus",
        "Order.id may not be null",
        "Order.lineItems.nodes: {} is not a list",
        "Order.name: 5 is not a String",
    ]


@pytest.mark.parametrize("module", ["contacts", "companies", "deals"])
def test_hubspot_payloads_follow_the_models(db: duckdb.DuckDBPyConnection, shared_dir: Path, module: str) -> None:
    models = json.loads((shared_dir / "contracts/hubspot/crm_models_from_sdk.json").read_text())["modules"][module]
    schema = models["SimplePublicObjectWithAssociations"] | {"$defs": models}
    validator = jsonschema_rs.validator_for(schema)
    for payload in payloads(db, f"hubspot_{module}"):
        assert [error.message for error in validator.iter_errors(payload)] == []


def test_twilio_payloads_follow_the_schema(db: duckdb.DuckDBPyConnection, shared_dir: Path) -> None:
    schemas = json.loads((shared_dir / "contracts/twilio/twilio_api_v2010.json").read_text())["components"]["schemas"]
    message = schemas["api.v2010.account.message"]["properties"]
    for payload in payloads(db, "twilio_messages"):
        assert payload.keys() <= message.keys()
        for name, value in payload.items():
            rule = message[name]
            if "$ref" in rule:
                assert value in schemas[rule["$ref"].rpartition("/")[2]]["enum"], (name, value)
            elif value is None:
                assert rule.get("nullable"), name
            elif "pattern" in rule:
                jsonschema_rs.validate({"pattern": rule["pattern"]}, value)
