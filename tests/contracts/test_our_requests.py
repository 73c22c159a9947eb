"""Under test: what we ask vendors agrees with their own specifications: bodies, parameters, queries.

LinkedIn and Instagram publish none: what their pages document is written down here by hand, and is ours.
"""

from __future__ import annotations

import gzip
import json
import re
from datetime import date, datetime
from typing import Any

import jsonschema_rs
import pytest
import yaml
from graphql import NoDeprecatedCustomRule, build_client_schema, parse, validate

from dmat.channels.contract import OutgoingMail
from dmat.connectors import ga4, hubspot, linkedin, meta, shopify, twilio
from dmat.connectors.contract import Cursor, Window
from dmat.connectors.sendgrid import mail_body
from dmat.connectors.whatsapp import template_body

pytestmark = pytest.mark.shared
AT = datetime(2026, 6, 1, 8)
SPAN = Window(date(2026, 6, 1), date(2026, 6, 15))


@pytest.fixture(scope="module")
def contracts(shared_dir):
    folder = shared_dir / "contracts"
    if not folder.is_dir():
        pytest.skip("the folder ../shared/contracts is not there")
    return folder


def read(path):
    text = path.read_text()
    return json.loads(text) if path.suffix == ".json" else yaml.load(text, yaml.CSafeLoader)


def normalised(node: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema: `nullable` becomes a type, what is no schema goes."""
    if isinstance(node, list):
        return [normalised(item) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        return {"$ref": node["$ref"]}
    kept = {k: normalised(v) for k, v in node.items() if k not in ("example", "examples", "discriminator", "xml")}
    if kept.pop("nullable", None) is True and isinstance(kept.get("type"), str):
        kept["type"] = [kept["type"], "null"]
    if isinstance(kept.get("required"), bool):
        kept.pop("required")
    return kept


def resolved(spec, node):
    while isinstance(node, dict) and "$ref" in node:
        target = spec
        for part in node["$ref"].split("/")[1:]:
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def body_validator(spec, path, method="post"):
    """A validator for the JSON body of an operation."""
    body = resolved(spec, spec["paths"][path][method]["requestBody"])
    schema = next(iter(body["content"].values()))["schema"]
    whole = {"components": normalised(spec["components"]), **normalised(schema)}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def problems(validator, body):
    return [f"{'.'.join(map(str, e.instance_path))}: {e.message}" for e in validator.iter_errors(body)]


def parameter_problems(spec, path, params):
    """Parameters of a GET that the specification does not know, or whose values it does not allow."""
    known = {}
    for one in spec["paths"][path]["get"].get("parameters", []):
        one = resolved(spec, one)
        if one["in"] == "query":
            known[one["name"]] = normalised(one.get("schema", {}))
    found = [f"{name} is not known" for name in params if name not in known]
    for name, value in params.items():
        schema = known.get(name, {})
        if schema.get("type") in ("integer", "number"):
            value = int(value)
        elif schema.get("type") == "boolean":
            value = {"true": True, "false": False}[value]
        elif schema.get("type") == "array":
            value = [value]
        if schema.get("format") == "date-time" and re.fullmatch(r"[\d-]{10}T[\d:]{8}", str(value)):
            value += "Z"
        rest = {key: item for key, item in schema.items() if key != "format" or item == "date-time"}
        found += [f"{name}: {p}" for p in problems(jsonschema_rs.Draft202012Validator(rest), value)]
    return found


def asked(connector_name, resource, cursor, connect_settings, answer):
    """The parameters of the first request that a connector makes."""
    import httpx

    from dmat.connectors.catalogue import CONNECTORS

    requests = []

    def respond(request):
        requests.append(request)
        return httpx.Response(200, json=answer)

    client = httpx.Client(transport=httpx.MockTransport(respond))
    list(CONNECTORS[connector_name](connect_settings, client=client).read(resource, cursor))
    return dict(requests[0].url.params)


@pytest.fixture
def connected(tmp_path):
    from dmat.settings import load_settings

    return load_settings(tmp_path, woocommerce_url="https://shop.example", wordpress_url="https://site.example")


# Shopify -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shopify_schema(contracts):
    answer = json.loads(gzip.decompress((contracts / "shopify" / "admin_2026-10.json.gz").read_bytes()))
    return build_client_schema({"__schema": answer["data"]["__schema"]}, assume_valid=True)


SHOPIFY_QUERIES = {
    "orders": shopify.list_query("orders", "UPDATED_AT"),
    "customers": shopify.list_query("customers", "UPDATED_AT"),
    "products": shopify.list_query("products", "UPDATED_AT"),
    "checkouts": shopify.list_query("abandonedCheckouts", "CREATED_AT"),
    "lines of an order": shopify.lines_query("Order"),
    "lines of a checkout": shopify.lines_query("AbandonedCheckout"),
}


@pytest.mark.parametrize("name", SHOPIFY_QUERIES)
def test_shopify_knows_every_field_we_ask_for(shopify_schema, name):
    assert [error.message for error in validate(shopify_schema, parse(SHOPIFY_QUERIES[name]))] == []


def test_a_query_for_a_field_that_shopify_does_not_have_would_be_found(shopify_schema):
    assert validate(shopify_schema, parse("{ orders(first: 1) { nodes { colour } } }"))


def test_of_what_shopify_deprecates_we_ask_only_for_the_consent_of_a_phone_number(shopify_schema):
    """Its successor, `smsMarketingConsent`, names the same two facts; change staging with it."""
    found = [
        error.message.split(" is deprecated")[0]
        for text in SHOPIFY_QUERIES.values()
        for error in validate(shopify_schema, parse(text), [NoDeprecatedCustomRule])
    ]
    assert found == [
        "The field CustomerPhoneNumber.marketingState",
        "The field CustomerPhoneNumber.marketingUpdatedAt",
    ]


# Sending -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_full", [True, False])
def test_sendgrid_accepts_our_mail(contracts, is_full):
    mail = OutgoingMail(
        "0b1c", "ada@shop.example", "Ada" if is_full else "", "hello@shop.example", "Shop" if is_full else "",
        "Your cart", "<p>Hello</p>", "Hello" if is_full else "",
        {"List-Unsubscribe": "<https://shop.example/u>"} if is_full else {},
        {"campaign": "cart"} if is_full else {}, ["cart_recovery"] if is_full else [],
    )  # fmt: skip
    validator = body_validator(read(contracts / "sendgrid" / "tsg_mail_v3.json"), "/v3/mail/send")
    assert problems(validator, mail_body(mail)) == []
    assert problems(validator, {**mail_body(mail), "from": {}})


def test_sendgrid_knows_how_we_look_a_message_up(contracts):
    spec = read(contracts / "sendgrid" / "tsg_email_activity_v3.json")
    assert parameter_problems(spec, "/v3/messages", {"query": "x", "limit": "1"}) == []


def test_whatsapp_accepts_our_templates(contracts):
    """Meta's own schema refuses its own examples until it is corrected; see the corrections."""
    spec = read(contracts / "meta" / "business-messaging-api_v23.0.yaml")
    correct_meta(spec)
    validator = body_validator(spec, "/{Version}/{Phone-Number-ID}/messages")
    for values in ([], ["Ada", "12.50 EUR"]):
        assert problems(validator, template_body("0b1c", "4915112345678", "cart_left", "de", values)) == []
    assert problems(validator, {"messaging_product": "sms", "to": "1", "type": "text"})


def correct_meta(spec):
    """`recipient_type` is optional, parts of an allOf may not close, a language needs only its code."""
    schemas = spec["components"]["schemas"]

    def loosen(node, inside_all_of=False):
        if isinstance(node, dict):
            if inside_all_of and node.get("additionalProperties") is False:
                del node["additionalProperties"]
            if "recipient_type" in node.get("required", []):
                node["required"].remove("recipient_type")
            for key, value in node.items():
                if key == "allOf":
                    for part in value:
                        loosen(resolved(spec, part), True)
                loosen(value)
        elif isinstance(node, list):
            for item in node:
                loosen(item)

    loosen(schemas)
    schemas["LanguageObject"]["required"] = ["code"]


# Reading -------------------------------------------------------------------------------------------------------------


def test_google_accepts_our_reports(contracts):
    spec = read(contracts / "google" / "analyticsdata.v1beta.json")
    definitions = {name: from_discovery(schema) for name, schema in spec["schemas"].items()}
    validator = jsonschema_rs.Draft202012Validator({"$ref": "#/$defs/RunReportRequest", "$defs": definitions})
    for dimensions, metrics in (
        (ga4.SESSION_DIMENSIONS, ga4.SESSION_METRICS),
        (ga4.BROWSER_DIMENSIONS, ga4.SESSION_METRICS),
        (ga4.COST_DIMENSIONS, ga4.COST_METRICS),
    ):
        assert problems(validator, ga4.report_body(SPAN, dimensions, metrics, 0)) == []
        assert len(dimensions) <= 9
        assert len(metrics) <= 10
    assert problems(validator, {"limit": 5})
    assert problems(validator, {"nonsense": 1})


def from_discovery(node: Any) -> Any:
    """A schema of Google's discovery format as JSON Schema that knows no other properties."""
    if isinstance(node, list):
        return [from_discovery(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": f"#/$defs/{node['$ref']}"}
    kept = {k: node[k] for k in ("type", "enum") if k in node}
    if "items" in node:
        kept["items"] = from_discovery(node["items"])
    if "properties" in node:
        kept["properties"] = {name: from_discovery(value) for name, value in node["properties"].items()}
        kept["additionalProperties"] = False
    return kept


@pytest.mark.parametrize("kind", ["contacts", "companies", "deals"])
def test_hubspot_accepts_our_searches(contracts, kind):
    """The models of HubSpot's SDK say that `sorts` are texts; its guide, and its API, take objects: corrected here."""
    models = read(contracts / "hubspot" / "crm_models_from_sdk.json")["modules"][kind]
    models["PublicObjectSearchRequest"]["properties"]["sorts"]["items"] = {
        "type": "object",
        "properties": {"propertyName": {"type": "string"}, "direction": {"enum": ["ASCENDING", "DESCENDING"]}},
        "required": ["propertyName", "direction"],
        "additionalProperties": False,
    }
    search = jsonschema_rs.Draft202012Validator({"$ref": "#/$defs/PublicObjectSearchRequest", "$defs": models})
    for after in ("", "200"):
        body = hubspot.search_body(kind, AT, after)
        assert problems(search, body) == []
        assert body["limit"] <= 200
    assert problems(search, {"filterGroups": [{"filters": [{"operator": "NEARLY"}]}]})
    inputs = jsonschema_rs.Draft202012Validator({"$ref": "#/$defs/BatchInputSimplePublicObjectId", "$defs": models})
    assert problems(inputs, {"inputs": [{"id": "1"}]}) == []


def test_twilio_knows_our_parameters(contracts):
    spec = read(contracts / "twilio" / "twilio_api_v2010.json")
    path = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
    params = twilio.list_params(Cursor(since=AT))
    assert "DateSent>" in params
    days = params.pop("DateSent>")
    assert parameter_problems(spec, path, {**params, "DateSent>": f"{days}T00:00:00Z"}) == []


@pytest.mark.parametrize("resource", ["orders", "products", "customers"])
@pytest.mark.parametrize("cursor", [Cursor(), Cursor(since=AT)])
def test_woocommerce_knows_our_parameters(contracts, connected, resource, cursor):
    spec = read(contracts / "wordpress" / "wc_v3_9.3.3_generated.json")
    params = asked("woocommerce", resource, cursor, connected, [])
    assert parameter_problems(spec, f"/wc/v3/{resource}", params) == []


def test_wordpress_knows_our_parameters(contracts, connected):
    spec = read(contracts / "wordpress" / "wp_v2_6.1.9_generated.json")
    params = asked("wordpress", "pages", Cursor(since=AT), connected, [])
    assert parameter_problems(spec, "/wp/v2/pages", params) == []


# Without a published specification: ours, from their pages -----------------------------------------------------------

MEDIA_FIELDS = {"id", "caption", "media_type", "media_product_type", "media_url", "permalink", "timestamp", "username",
                "like_count", "comments_count", "insights"}  # fmt: skip
INSIGHT_FIELDS = {"campaign_id", "campaign_name", "impressions", "clicks", "spend", "account_currency", "date_start",
                  "date_stop", "reach", "account_id"}  # fmt: skip
ANALYTICS = re.compile(
    r"/rest/adAnalytics\?q=analytics&pivot=(CAMPAIGN|CREATIVE|ACCOUNT)&timeGranularity=(DAILY|MONTHLY|ALL)"
    r"&dateRange=\(start:\(year:\d{4},month:\d{1,2},day:\d{1,2}\),end:\(year:\d{4},month:\d{1,2},day:\d{1,2}\)\)"
    r"&(companies|accounts|campaigns)=List\((urn%3Ali%3A\w+%3A\d+,?)+\)&fields=[\w,]+"
)

ACCOUNTS = re.compile(
    r"/rest/adAccounts\?q=search&search=\((reference|id|name|type|status):\(values:List\((urn%3Ali%3A\w+%3A\d+,?)+\)\)\)"
    r"&pageSize=\d{1,4}(&pageToken=[\w%]+)?"
)


def test_meta_documents_our_fields():
    fields = set(re.sub(r"\.metric\([^)]*\)", "", meta.POST_FIELDS).split(","))
    assert fields <= MEDIA_FIELDS
    params = meta.ad_params(SPAN)
    assert set(params["fields"].split(",")) <= INSIGHT_FIELDS
    assert json.loads(params["time_range"]) == {"since": "2026-06-01", "until": "2026-06-14"}


def test_linkedin_documents_our_addresses():
    assert ANALYTICS.fullmatch(linkedin.analytics_path(507404993, SPAN))
    assert ACCOUNTS.fullmatch(linkedin.accounts_path("urn:li:organization:90210"))
    assert ACCOUNTS.fullmatch(linkedin.accounts_path("urn:li:organization:90210", "DgF/A=="))
    assert re.fullmatch(
        r"/rest/posts\?q=author&author=urn%3Ali%3Aorganization%3A\d+&count=\d+&start=\d+&sortBy=(LAST_MODIFIED|CREATED)",
        linkedin.posts_path("urn:li:organization:90210", 50),
    )
    assert re.fullmatch(
        r"/rest/organizationalEntityShareStatistics\?q=organizationalEntity&organizationalEntity=urn%3Ali%3A\w+%3A\d+"
        r"&(shares|ugcPosts)=List\((urn%3Ali%3A(share|ugcPost)%3A\d+,?)+\)",
        linkedin.statistics_path("urn:li:organization:90210", "shares", ["urn:li:share:1", "urn:li:share:2"]),
    )
