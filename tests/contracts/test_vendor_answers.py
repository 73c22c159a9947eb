"""What the simulated vendors answer over HTTP agrees with the vendors' own specifications: envelopes, errors, schema.

The records inside are checked in test_simulated_payloads.py. LinkedIn and Instagram publish no specification.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import yaml
from graphql import (
    GraphQLSchema,
    build_client_schema,
    execute,
    is_enum_type,
    is_interface_type,
    is_object_type,
    parse,
)  # fmt: skip

from dmat.connectors.shopify import list_query
from dmat.settings import Settings
from dmat.simulate.company import generate, write_world
from dmat.simulate.vendors import shopify_schema, wp_rest
from dmat.simulate.vendors.running import RunningVendors, run_vendors

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVendors]:
    home = tmp_path_factory.mktemp("contracts") / "home"
    write_world(generate(200, 5, datetime(2026, 10, 1, 9)), home / "simulation" / "company.duckdb")
    settings = Settings(home=home, public_url="http://127.0.0.1:9", _env_file=None)
    settings.clock.set(datetime(2026, 10, 1, 9))
    with run_vendors(settings) as running:
        yield running


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=20, trust_env=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def shopify(shared_dir: Path) -> GraphQLSchema:
    answer = json.loads(gzip.decompress((shared_dir / "contracts/shopify/admin_2026-10.json.gz").read_bytes()))
    return build_client_schema(answer["data"])


def nullable(schema: Any) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema says it; examples and formats of OpenAPI only are left out."""
    if isinstance(schema, list):
        return [nullable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: nullable(value) for name, value in schema.items() if name not in ("example", "examples", "format")}
    if kept.pop("nullable", None) is True and isinstance(kept.get("type"), str):
        kept["type"] = [kept["type"], "null"]
        if isinstance(kept.get("enum"), list):
            kept["enum"] = [*kept["enum"], None]
    return kept


def faults(spec: dict[str, Any], schema: dict[str, Any], body: Any) -> list[str]:
    """What a schema of an OpenAPI document has against a body."""
    components = nullable({"components": spec.get("components", {})})
    validator = jsonschema_rs.Draft202012Validator({**components, **nullable(schema)})
    return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(body)]


def token(vendors: RunningVendors, vendor: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {getattr(vendors.settings, f'{vendor}_token').get_secret_value()}"}


def read_json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_our_part_of_the_shopify_schema_is_shopifys_own(shopify: GraphQLSchema) -> None:
    for name, ours in shopify_schema.build().type_map.items():
        theirs = shopify.type_map.get(name)
        if name.startswith("__"):
            continue
        assert theirs is not None, f"Shopify has no type {name}"
        if is_enum_type(ours) and is_enum_type(theirs):
            assert set(ours.values) == set(theirs.values), name
        if is_object_type(ours) or is_interface_type(ours):
            for field, definition in ours.fields.items():
                real = theirs.fields[field]  # type: ignore[union-attr]
                assert str(definition.type) == str(real.type), f"{name}.{field}"
                for argument, ours_of in definition.args.items():
                    real_of = real.args[argument]
                    assert (str(ours_of.type), ours_of.default_value) == (str(real_of.type), real_of.default_value)


@pytest.mark.parametrize(
    ("root", "key"),
    [("orders", "UPDATED_AT"), ("customers", "UPDATED_AT"), ("products", "UPDATED_AT"),
     ("abandonedCheckouts", "CREATED_AT")],
)  # fmt: skip
def test_shopify_answers_survive_shopifys_own_schema(
    vendors: RunningVendors, client: httpx.Client, shopify: GraphQLSchema, root: str, key: str
) -> None:
    """The answer, resolved once more by the real schema, stays the same: no wrong type, no null where none may be."""
    query, variables = list_query(root, key), {"first": 60}
    headers = {"X-Shopify-Access-Token": vendors.settings.shopify_token.get_secret_value()}
    url = f"{vendors.url}/shopify/admin/api/2026-10/graphql.json"
    answer = client.post(url, json={"query": query, "variables": variables}, headers=headers).json()
    resolved = execute(
        shopify, parse(query), answer["data"], variable_values=variables, type_resolver=lambda *_: "MediaImage"
    )
    assert resolved.errors is None
    assert resolved.data == answer["data"]
    assert answer["data"][root]["nodes"]


def mail_body() -> dict[str, Any]:
    return {
        "personalizations": [{"to": [{"email": "a@mail.example"}], "custom_args": {"dmat_message_id": "m"}}],
        "from": {"email": "hello@shop.example"}, "subject": "Hello",
        "content": [{"type": "text/plain", "value": "Hello"}],
    }  # fmt: skip


def test_sendgrid_takes_what_its_specification_takes(
    vendors: RunningVendors, client: httpx.Client, shared_dir: Path
) -> None:
    spec = read_json(shared_dir / "contracts/sendgrid/tsg_mail_v3.json")
    schema = spec["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]
    assert faults(spec, schema, mail_body()) == []
    url = f"{vendors.url}/sendgrid/v3/mail/send"
    assert client.post(url, json=mail_body(), headers=token(vendors, "sendgrid")).status_code == 202
    bad: list[dict[str, Any]] = [{"personalizations": [{"to": [{}]}]}, {"personalizations": "x"}, {"from": {}},
                                 {"content": [{"type": "text/plain"}]}, {"subject": 5}]  # fmt: skip
    for change in bad:
        body = mail_body() | change
        assert faults(spec, schema, body), change
        answer = client.post(url, json=body, headers=token(vendors, "sendgrid"))
        assert answer.status_code == 400, change
        assert faults(spec, spec["components"]["schemas"]["ErrorResponse"], answer.json()) == []
    unauthorised = client.post(url, json=mail_body())
    assert unauthorised.status_code == 401
    assert faults(spec, spec["components"]["schemas"]["ErrorResponse"], unauthorised.json()) == []


def test_sendgrids_search_answers_as_specified(vendors: RunningVendors, client: httpx.Client, shared_dir: Path) -> None:
    spec = read_json(shared_dir / "contracts/sendgrid/tsg_email_activity_v3.json")
    responses = spec["paths"]["/v3/messages"]["get"]["responses"]
    for query, status in (('status="processed"', 200), ("nonsense", 400)):
        url = f"{vendors.url}/sendgrid/v3/messages"
        answer = client.get(url, params={"query": query}, headers=token(vendors, "sendgrid"))
        assert answer.status_code == status
        assert faults(spec, responses[str(status)]["content"]["application/json"]["schema"], answer.json()) == []


def test_twilio_lists_and_creates_as_specified(vendors: RunningVendors, client: httpx.Client, shared_dir: Path) -> None:
    spec = read_json(shared_dir / "contracts/twilio/twilio_api_v2010.json")
    operations = spec["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]
    account = vendors.settings.twilio_account
    auth = (account, vendors.settings.twilio_token.get_secret_value())
    url = f"{vendors.url}/twilio/2010-04-01/Accounts/{account}/Messages.json"
    listed = client.get(url, params={"PageSize": 20}, auth=auth)
    assert (
        faults(spec, operations["get"]["responses"]["200"]["content"]["application/json"]["schema"], listed.json())
        == []
    )
    form = {"To": "+4915112345678", "From": "+4915700000000", "Body": "Hello"}
    created = client.post(url, data=form, auth=auth)
    assert (
        faults(spec, operations["post"]["responses"]["201"]["content"]["application/json"]["schema"], created.json())
        == []
    )


def test_whatsapp_answers_as_specified(vendors: RunningVendors, client: httpx.Client, shared_dir: Path) -> None:
    text = (shared_dir / "contracts/meta/business-messaging-api_v23.0.yaml").read_text()
    spec = yaml.load(text, yaml.CSafeLoader)
    url = f"{vendors.url}/whatsapp/v23.0/{vendors.settings.whatsapp_phone_id}/messages"
    body = {"messaging_product": "whatsapp", "to": "4915112345678", "type": "text", "text": {"body": "Hello"}}
    answer = client.post(url, json=body, headers=token(vendors, "whatsapp"))
    assert faults(spec, {"$ref": "#/components/schemas/MessageResponsePayload"}, answer.json()) == []


@pytest.mark.parametrize("kind", ["contacts", "companies", "deals"])
def test_hubspot_answers_as_its_own_models(
    vendors: RunningVendors, client: httpx.Client, shared_dir: Path, kind: str
) -> None:
    models = read_json(shared_dir / "contracts/hubspot/crm_models_from_sdk.json")["modules"][kind]
    # the models say "string"; the API writes null for a property that was asked for and is empty
    for name in ("SimplePublicObject", "SimplePublicObjectWithAssociations"):
        models[name]["properties"]["properties"]["additionalProperties"] = {"type": ["string", "null"]}

    def hold(name: str, answered: Any) -> None:
        jsonschema_rs.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": models}).validate(answered)

    url = f"{vendors.url}/hubspot/crm/v3/objects/{kind}"
    params = {"limit": 5, "properties": "name,email", "associations": "contacts"}
    listed = client.get(url, params=params, headers=token(vendors, "hubspot"))
    hold("CollectionResponseSimplePublicObjectWithAssociationsForwardPaging", listed.json())
    body = {
        "limit": 1,
        "filterGroups": [{"filters": [{"propertyName": "createdate", "operator": "GTE", "value": "0"}]}],
    }
    hold("PublicObjectSearchRequest", body)
    found = client.post(f"{url}/search", json=body, headers=token(vendors, "hubspot"))
    hold("CollectionResponseWithTotalSimplePublicObjectForwardPaging", found.json())
    error = client.get(url).json()
    assert error.pop("status") == "error"  # every answer has it, the model leaves it out
    hold("Error", error)


def test_ga4_answers_as_googles_discovery_document(
    vendors: RunningVendors, client: httpx.Client, shared_dir: Path
) -> None:
    schemas = read_json(shared_dir / "contracts/google/analyticsdata.v1beta.json")["schemas"]
    definitions = {name: closed(schema) for name, schema in schemas.items()}
    body = {
        "dateRanges": [{"startDate": "60daysAgo", "endDate": "today"}], "metrics": [{"name": "screenPageViews"}],
        "dimensions": [{"name": "sessionSource"}], "limit": "3",
    }  # fmt: skip
    url = f"{vendors.url}/ga4/v1beta/properties/{vendors.settings.ga4_property}:runReport"
    answer = client.post(url, json=body, headers=token(vendors, "ga4")).json()
    for name, value in (("RunReportRequest", body), ("RunReportResponse", answer)):
        jsonschema_rs.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions}).validate(value)
    assert len(answer["rows"]) == 3


def closed(schema: Any) -> Any:
    """A discovery document's schema as JSON Schema; unknown properties are not allowed."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: closed(value) for name, value in schema.items() if name not in ("id", "format", "enumDescriptions")}
    if kept.get("type") == "any":
        return {}
    if isinstance(kept.get("$ref"), str):
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    if kept.get("type") == "object" and isinstance(kept.get("properties"), dict):
        kept.setdefault("additionalProperties", False)
    return kept


@pytest.mark.parametrize(
    ("file", "path", "allowed"),
    [
        ("wc_v3_9.3.3_generated.json", "/wc/v3/orders", {"registered_date"}),
        ("wc_v3_9.3.3_generated.json", "/wc/v3/products", {"registered_date"}),
        ("wc_v3_9.3.3_generated.json", "/wc/v3/customers", {"modified", "date"}),
        ("wp_v2_6.1.9_generated.json", "/wp/v2/pages", {"registered_date"}),
    ],
)
def test_lists_of_wordpress_take_parameters_that_exist(
    shared_dir: Path, file: str, path: str, allowed: set[str]
) -> None:
    spec = read_json(shared_dir / "contracts/wordpress" / file)
    parameters = {one["name"]: one["schema"] for one in spec["paths"][path]["get"]["parameters"]}
    assert {"page", "per_page", "order", "orderby"} <= set(parameters)
    assert set(wp_rest.ORDERS) - allowed <= set(parameters["orderby"]["enum"])
    assert parameters["per_page"]["maximum"] == 100
