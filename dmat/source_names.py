"""What sources are called where people read of them, and which of them nobody reads by the clock.

Belongs here: these names. Stays out: reading sources (`dmat/connectors`, `dmat_pipelines/capture`).
"""

from __future__ import annotations

NAMES = {
    "shopify": "Shopify", "woocommerce": "WooCommerce", "hubspot": "HubSpot", "salesforce": "Salesforce",
    "sendgrid": "SendGrid",
    "twilio": "Twilio", "whatsapp": "WhatsApp", "meta": "Instagram and Facebook", "linkedin": "LinkedIn",
    "ga4": "Google Analytics", "wordpress": "WordPress", "delivery": "Message events", "deliveries": "Message events",
    "ledger": "Our messages", "import": "Imported files", "imports": "Imported files", "wordpress_form": "Form",
}  # fmt: skip
"""Source -> its name."""

PUSHED = (
    "import", "delivery", "ledger", "campaign", "experiment", "journey", "lead", "loyalty", "form", "device",
    "preference",
)  # fmt: skip
"""Sources that come when they come: files, our own doors, and what changes in our store. Nobody reads them by the
clock, so they are never late."""


def named(source: str) -> str:
    """The name of a source; one that has none here is called by its key."""
    return NAMES.get(source, source.replace("_", " ").capitalize())
