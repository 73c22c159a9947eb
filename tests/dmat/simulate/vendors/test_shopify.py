"""The simulated Shopify: GraphQL is checked, cut, paged, filtered and throttled as the real one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dmat.simulate.vendors.running import RunningVendors
from dmat.simulate.vendors.shopify_query import cost_of, plan_query, scale

PATH = "/shopify/admin/api/2026-10/graphql.json"


@pytest.fixture
def ask(shared_vendors: RunningVendors, client: httpx.Client) -> Callable[..., dict[str, Any]]:
    def asking(text: str, /, **variables: object) -> dict[str, Any]:
        return ask_of(shared_vendors, client, text, **variables)

    return asking


def ask_of(running: RunningVendors, client: httpx.Client, text: str, /, **variables: object) -> dict[str, Any]:
    token = running.settings.shopify_token.get_secret_value()
    answer = client.post(
        running.url + PATH, json={"query": text, "variables": variables}, headers={"X-Shopify-Access-Token": token}
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


PAGES = """query($first: Int!, $after: String, $query: String, $key: OrderSortKeys) {
    orders(first: $first, after: $after, query: $query, sortKey: $key) {
        nodes { id updatedAt createdAt } pageInfo { hasNextPage endCursor }
    }
}"""


def all_pages(ask: Callable[..., dict[str, Any]], **variables: object) -> list[dict[str, Any]]:
    nodes, after = [], None
    while True:
        page = ask(PAGES, first=25, after=after, **variables)["data"]["orders"]
        nodes += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return nodes
        after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize("key", ["UPDATED_AT", "ID", "CREATED_AT"])
def test_paging_by_cursor_gives_every_order_once_in_every_order(
    ask: Callable[..., dict[str, Any]], shared_vendors: RunningVendors, key: str
) -> None:
    nodes = all_pages(ask, key=key)
    counted = shared_vendors.server.records.cursor().execute(
        "select count(*) from records where resource = 'shopify_orders'"
    ).fetchone()  # fmt: skip
    assert len({node["id"] for node in nodes}) == len(nodes) == counted[0] > 50  # type: ignore[index]
    field = {"UPDATED_AT": "updatedAt", "CREATED_AT": "createdAt"}.get(key)
    if field:
        assert [node[field] for node in nodes] == sorted(node[field] for node in nodes)


def test_only_what_changed_since_is_given_and_the_moment_itself_is_part_of_it(
    ask: Callable[..., dict[str, Any]],
) -> None:
    nodes = all_pages(ask, key="UPDATED_AT")
    middle = nodes[len(nodes) // 2]["updatedAt"]
    since = all_pages(ask, key="UPDATED_AT", query=f"updated_at:>='{middle}'")
    assert {n["id"] for n in since} == {n["id"] for n in nodes if n["updatedAt"] >= middle}
    after = all_pages(ask, key="UPDATED_AT", query=f'updated_at:>"{middle}"')
    assert {n["id"] for n in after} == {n["id"] for n in nodes if n["updatedAt"] > middle}


def test_exactly_the_fields_that_were_asked_come_back(ask: Callable[..., dict[str, Any]]) -> None:
    data = ask("""{ first: orders(first: 1) { edges { cursor node { ...Parts total: totalPriceSet
        { shopMoney { amount } presentmentMoney { currencyCode } } } } } shop { name __typename } }
        fragment Parts on Order { id lineItems(first: 1) { nodes { title quantity } pageInfo { hasNextPage } } }""")[
        "data"
    ]
    node = data["first"]["edges"][0]["node"]
    assert set(node) == {"id", "lineItems", "total"}
    assert set(node["lineItems"]["nodes"][0]) == {"title", "quantity"}
    assert node["total"]["presentmentMoney"] == {"currencyCode": "EUR"}
    assert data["shop"] == {"name": "The Shop", "__typename": "Shop"}


def test_what_is_stored_by_id_is_completed_when_more_is_asked(ask: Callable[..., dict[str, Any]]) -> None:
    found = ask("""{ orders(first: 5, query: "created_at:>2020-01-01") { nodes { email customer { id
        defaultEmailAddress { emailAddress marketingState } } } } }""")["data"]["orders"]["nodes"]
    assert all(node["customer"]["defaultEmailAddress"]["marketingState"] for node in found if node["customer"])


def test_more_lines_of_one_order_are_read_by_node_and_cursor(ask: Callable[..., dict[str, Any]]) -> None:
    orders = ask("""{ orders(first: 100) { nodes { id lineItems(first: 1) { nodes { id }
        pageInfo { hasNextPage endCursor } } } } }""")["data"]["orders"]["nodes"]
    long = next(order for order in orders if order["lineItems"]["pageInfo"]["hasNextPage"])
    more = ask(
        """query($id: ID!, $after: String) { node(id: $id) { ... on Order { lineItems(first: 50, after: $after)
        { nodes { id } pageInfo { hasNextPage } } } } }""",
        id=long["id"], after=long["lineItems"]["pageInfo"]["endCursor"],
    )["data"]["node"]["lineItems"]  # fmt: skip
    assert more["nodes"]
    assert long["lineItems"]["nodes"][0]["id"] not in [node["id"] for node in more["nodes"]]
    assert more["pageInfo"]["hasNextPage"] is False


def test_an_unknown_field_is_an_error_in_shopifys_words(ask: Callable[..., dict[str, Any]]) -> None:
    error = ask("{ orders(first: 1) { nodes { colour } } }")["errors"][0]
    assert error["message"] == "Field 'colour' doesn't exist on type 'Order'"
    assert error["extensions"] == {"code": "undefinedField", "typeName": "Order", "fieldName": "colour"}


@pytest.mark.parametrize(
    "query",
    ["{ orders { nodes { id } } }", "{ orders(first: 251) { nodes { id } } }", "{ orders(first: 0) { nodes { id } } }",
     '{ orders(first: 1, after: "bm9uc2Vuc2U=") { nodes { id } } }', "{ orders(last: 1) { nodes { id } } }",
     """{ orders(first: 1, query: "updated_at:>='yesterday'") { nodes { id } } }""", "{ orders(first: 1) {", "",
     '{ orders(first: "1") { nodes { id } } }'],
)  # fmt: skip
def test_a_bad_query_is_an_error_and_never_data(ask: Callable[..., dict[str, Any]], query: str) -> None:
    answer = ask(query)
    assert answer["errors"]
    assert not answer.get("data")


def test_checkouts_cannot_be_sorted_by_time_of_change(ask: Callable[..., dict[str, Any]]) -> None:
    assert ask("{ abandonedCheckouts(first: 1, sortKey: UPDATED_AT) { nodes { id } } }")["errors"]
    assert ask("{ abandonedCheckouts(first: 1, sortKey: CREATED_AT) { nodes { id } } }")["data"]


def test_an_unknown_search_field_is_ignored_with_a_warning(ask: Callable[..., dict[str, Any]]) -> None:
    answer = ask('{ orders(first: 1, query: "colour:red") { nodes { id } } }')
    assert len(answer["data"]["orders"]["nodes"]) == 1
    assert answer["extensions"]["search"][0]["warnings"][0]["field"] == "colour"


def test_an_empty_bucket_answers_200_throttled_and_fills_again(
    start: Callable[[], RunningVendors], client: httpx.Client
) -> None:
    running = start()
    limit = {"vendor": "shopify", "burst": 30, "per_second": 0.01}
    assert client.post(f"{running.url}/control/limits", json=limit).status_code == 200
    query = "{ orders(first: 100) { nodes { id customer { id } } } }"
    first, second = ask_of(running, client, query), ask_of(running, client, query)
    cost = first["extensions"]["cost"]
    assert cost["requestedQueryCost"] == 20
    assert 10 < cost["actualQueryCost"] <= 20
    left = 30 - cost["actualQueryCost"]
    assert cost["throttleStatus"] == {"maximumAvailable": 30, "currentlyAvailable": left, "restoreRate": 0.01}
    assert second["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert "data" not in second
    assert second["extensions"]["cost"]["actualQueryCost"] is None


def test_a_query_that_costs_too_much_is_never_run(ask: Callable[..., dict[str, Any]]) -> None:
    query = """{ orders(first: 250) { nodes { id lineItems(first: 250) { nodes { product { id variants(first: 100)
        { nodes { id } } } } } } } }"""
    error = ask(query)["errors"][0]["extensions"]
    assert (error["code"], error["maxCost"]) == ("MAX_COST_EXCEEDED", 1000)
    assert error["cost"] > 1000


def test_costs_are_those_that_shopify_was_seen_to_ask() -> None:
    variants = plan_query("{ products(first: 250) { nodes { variants(first: 1) { nodes { id } } } } }")
    assert scale(250) == pytest.approx(12, abs=0.1)
    assert cost_of(variants.fields, {}) == pytest.approx(24, abs=0.2)
