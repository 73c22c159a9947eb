"""Which vendors can be read, and the raw table of each of their resources.

Belongs here: the one list of connectors. Stays out: when they are read (`dmat_pipelines/capture`, `sensors`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dmat.connectors.contract import Connector
from dmat.connectors.ga4 import Ga4
from dmat.connectors.hubspot import HubSpot
from dmat.connectors.linkedin import LinkedIn
from dmat.connectors.meta import Meta
from dmat.connectors.salesforce import Salesforce
from dmat.connectors.sendgrid import SendGrid
from dmat.connectors.shopify import Shopify
from dmat.connectors.twilio import Twilio
from dmat.connectors.woocommerce import WooCommerce
from dmat.connectors.wordpress import WordPress
from dmat.errors import InvalidInputError
from dmat.settings import Settings

CONNECTORS: Mapping[str, type[Connector]] = MappingProxyType(
    {c.vendor: c for c in (Shopify, WooCommerce, HubSpot, Salesforce, Twilio, SendGrid, Meta, LinkedIn, Ga4, WordPress)}
)
HOT_RESOURCES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"shopify": ("customers", "abandoned_checkouts", "orders")}
)


def open_connector(settings: Settings, source: str) -> Connector:
    """The connector of `source`.

    Raises:
        InvalidInputError: no such source, or it is not connected.
    """
    if source not in CONNECTORS:
        raise InvalidInputError("source", f"{source!r} is not a source", ", ".join(CONNECTORS))
    return CONNECTORS[source](settings)


def connected_sources(settings: Settings) -> list[str]:
    """The sources whose address is set, in the order they are read."""
    return [source for source in CONNECTORS if settings.is_connected(source)]


def raw_table(source: str, resource: str) -> str:
    """Name of the raw table (without schema) of a resource."""
    return f"{source}_{resource}"
