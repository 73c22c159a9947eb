"""WooCommerce: the outlet's REST API, wc/v3 - orders, customers, products.

Belongs here: its keys, its lists and its words for errors. Stays out: how WordPress lists things (`wp_rest.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dmat.simulate.vendors.door import Door, basic, json_text, same
from dmat.simulate.vendors.wp_rest import ParameterError, answer_error, answer_list, answer_parameter_error, read_list

RESOURCES = {
    "orders": "woocommerce_orders",
    "customers": "woocommerce_customers",
    "products": "woocommerce_products",
}
ERRORS = {
    401: ("woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
    404: ("rest_no_route", "No route was found matching the URL and request method."),
    429: ("rest_too_many_requests", "Too many requests."),
    500: ("internal_server_error", "There has been a critical error on this website."),
}


class WooCommerce(Door):
    """The second shop."""

    name = "woocommerce"

    def routes(self) -> list[Route]:
        """Lists and single things."""
        listed = [self.route(f"/wp-json/wc/v3/{kind}", partial(self.list_things, kind)) for kind in RESOURCES]
        single = [self.route(f"/wp-json/wc/v3/{kind}/{{id:int}}", partial(self.one, kind)) for kind in RESOURCES]
        return [*listed, *single]

    def is_authentic(self, request: Request) -> bool:
        """Consumer key and secret as basic authentication, or as parameters."""
        key, secret = basic(request)
        asked, settings = request.query_params, self.office.settings
        key, secret = key or asked.get("consumer_key", ""), secret or asked.get("consumer_secret", "")
        fits = same(key, settings.woocommerce_key.get_secret_value())
        return same(secret, settings.woocommerce_secret.get_secret_value()) and fits

    def refuse(self, status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
        """Errors have a code, a message and the status once more."""
        code, words = ERRORS.get(status, ("woocommerce_rest_error", "Error"))
        return answer_error(status, code, message or words, headers)

    def list_things(self, kind: str, request: Request, body: bytes) -> Response:
        """A page of orders, customers or products; customers know no filter by time of change."""
        more: tuple[tuple[str, tuple[str, ...]], ...] = ()
        if request.query_params.get("email"):
            more = (("lower(payload->>'$.email') = ?", (request.query_params["email"].lower(),)),)
        if kind == "orders" and request.query_params.get("status", "any") != "any":
            more = (("(payload->>'$.status') = ?", (request.query_params["status"],)),)
        try:
            wanted = read_list(request, RESOURCES[kind], "id" if kind == "customers" else "date", more)
        except ParameterError as error:
            return answer_parameter_error(error)
        return answer_list(self.office.records, wanted)

    def one(self, kind: str, request: Request, body: bytes) -> Response:
        """One thing by its id."""
        row = self.office.records.get(RESOURCES[kind], str(request.path_params["id"]))
        if row is None:
            return answer_error(404, f"woocommerce_rest_{kind[:-1]}_invalid_id", "Invalid ID.")
        return json_text(row.payload)
