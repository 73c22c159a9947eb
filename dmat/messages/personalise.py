"""Personal fields: what a template may use, of which type, and what stands in when we do not know it.

Belongs here: fields and fallbacks, money in words, and the values of each programme's messages. Stays out: rendering
(`dmat/messages/rendering.py`).
A field without a fallback that is missing is an error, never an empty place in somebody's mail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dmat.errors import InvalidInputError
from dmat.messages.links import add_parameters, is_web_address
from dmat.settings import Settings

SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥", "INR": "₹"}
WITHOUT_CENTS = frozenset({"JPY", "KRW", "ISK", "HUF"})
PRODUCTS_SHOWN = 5
CART_CODE, CART_PERCENT, CART_HOURS = "COMEBACK10", 10, 48


@dataclass(frozen=True)
class Field:
    """A personal field: its name, its type, and what stands in for it; no fallback makes it required."""

    name: str
    kind: type
    fallback: Any = None

    def value(self, context: Mapping[str, Any]) -> Any:
        """The field's value in a context, or its fallback.

        Raises:
            InvalidInputError: it is missing and has no fallback, or is of another type.
        """
        found = context.get(self.name)
        if found is None or (isinstance(found, str) and not found.strip()):
            if self.fallback is None:
                raise InvalidInputError(self.name, "it is missing and has no fallback", self.kind.__name__)
            return self.fallback
        if not isinstance(found, self.kind):
            raise InvalidInputError(self.name, f"it is {type(found).__name__}", self.kind.__name__)
        return found.strip() if isinstance(found, str) else found


FIRST_NAME = Field("first_name", str, "there")
CART_FIELDS = (Field("cart_url", str), Field("total_cents", int), Field("currency_code", str), Field("products", list))
PRODUCT_FIELDS = (
    Field("title", str, "An item in your cart"),
    Field("quantity", int, 1),
    Field("unit_price_cents", int, 0),
    Field("image_url", str, ""),
)


def format_money(cents: int, currency_code: str) -> str:
    """Cents in words: `1,234.50` with the currency's sign, or its code when it has none."""
    sign = "-" if cents < 0 else ""
    whole = currency_code in WITHOUT_CENTS
    amount = f"{abs(cents) // 100:,}" if whole else f"{abs(cents) // 100:,}.{abs(cents) % 100:02d}"
    symbol = SYMBOLS.get(currency_code)
    return f"{sign}{symbol}{amount}" if symbol else f"{sign}{amount} {currency_code}"


def cart_values(
    settings: Settings,
    context: Mapping[str, Any],
    unsubscribe_url: str,
    link: Callable[[str], str] = lambda url: url,
) -> dict[str, Any]:
    """The values of a cart recovery mail; `link` may wrap an address so that clicks are seen.

    Raises:
        InvalidInputError: a required field is missing, or the cart's link is not a web address.
    """
    fields = {field.name: field.value(context) for field in CART_FIELDS}
    if not is_web_address(fields["cart_url"]):
        raise InvalidInputError("cart_url", "it is not a web address", "http(s)://...")
    currency, products = fields["currency_code"], [_product(p, fields["currency_code"]) for p in fields["products"]]
    cart_url = add_parameters(
        fields["cart_url"],
        discount=CART_CODE,
        utm_source="dmat",
        utm_medium="email",
        utm_campaign="cart_recovery",
        utm_content="first_mail",
    )
    return {
        "person": {"first_name": FIRST_NAME.value(context)[:60]},
        "cart": {
            "url": link(cart_url),
            "total": format_money(fields["total_cents"], currency),
            "products": products[:PRODUCTS_SHOWN],
            "more_count": max(0, len(products) - PRODUCTS_SHOWN),
            "product_count": len(products),
        },
        "offer": {"code": CART_CODE, "percent": CART_PERCENT, "hours": CART_HOURS},
        "shop": {"name": settings.sender_name, "postal_address": settings.postal_address},
        "unsubscribe_url": unsubscribe_url,
    }


def _product(product: Mapping[str, Any], currency: str) -> dict[str, Any]:
    values = {field.name: field.value(product) for field in PRODUCT_FIELDS}
    image = values["image_url"]
    return {
        "title": values["title"],
        "quantity": values["quantity"],
        "price": format_money(values["unit_price_cents"] * values["quantity"], currency),
        "image_url": image if is_web_address(image) else "",
    }
