"""What makes a message's links ours: parameters for the shop's statistics, clicks over our door, pixel, ways out.

Belongs here: the workspace's rule for parameters (data, not code), which domains are its own, the links that each
message carries. Stays out: signing (`links.py`), putting links into markup (`markup.py`), answering them (`apps/api`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from dmat.errors import InvalidInputError
from dmat.ledger.entries import Entry
from dmat.messages.links import Links
from dmat.settings import Settings
from dmat.store.campaign_tables import campaign_versions, campaigns
from dmat.store.engine import Store
from dmat.store.workspace_values import get_value, set_value

RULE_KEY, DOMAINS_KEY = "utm_rule", "own_domains"
DEFAULT_RULE = {"source": "dmat", "medium": "{channel}", "campaign": "{campaign}", "content": "{step}"}
PARAMETERS = ("source", "medium", "campaign", "content", "term", "id")
WORDS = ("channel", "campaign", "step", "variant", "template", "programme", "locale")
SYSTEM_VALUES = ("unsubscribe_url", "preferences_url", "view_url", "pixel_url", "message_id")
_PLACE = re.compile(r"\{(\w*)\}")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Tracking:
    """How the links of one compiled message are made.

    Attributes:
        parameters: `utm_...` to add to links of our own domains.
        domains: those domains, with all below them.
        wraps: clicks lead over our own door, because the provider does not follow them.
        has_pixel: a picture of one pixel says that the mail was opened.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    domains: Sequence[str] = ()
    wraps: bool = False
    has_pixel: bool = False

    def as_job(self) -> dict[str, Any]:
        """What the rendering child must know."""
        return {"parameters": dict(self.parameters), "domains": list(self.domains), "wraps": self.wraps}


def get_utm_rule(store: Store) -> dict[str, str]:
    """The workspace's rule: which parameter says what, with words in braces."""
    return dict(get_value(store, RULE_KEY, DEFAULT_RULE))


def set_utm_rule(store: Store, rule: Mapping[str, str], now: datetime, by: str) -> None:
    """Change the workspace's rule; an empty one adds nothing.

    Raises:
        InvalidInputError: a parameter or a word that there is not.
    """
    check_utm_rule(rule)
    set_value(store, RULE_KEY, dict(rule), now, by)


def check_utm_rule(rule: Mapping[str, str]) -> None:
    """Refuse a rule that cannot be filled in.

    Raises:
        InvalidInputError: a parameter or a word that there is not; names the parameter.
    """
    for name, text in rule.items():
        if name not in PARAMETERS:
            raise InvalidInputError(f"utm.{name}", "there is no such parameter", ", ".join(PARAMETERS))
        unknown = [word for word in _PLACE.findall(text) if word not in WORDS]
        if unknown or len(text) > 200:
            allowed = ", ".join(f"{{{word}}}" for word in WORDS)
            raise InvalidInputError(f"utm.{name}", f"{text[:60]!r} cannot be filled in", allowed)


def utm_rule_of(store: Store, campaign_id: int | None) -> dict[str, str]:
    """The workspace's rule, with what the plan of a campaign that runs (else its newest) says instead."""
    return get_utm_rule(store) | (_rule_of_plan(store, campaign_id) if campaign_id is not None else {})


def _rule_of_plan(store: Store, campaign_id: int) -> dict[str, str]:
    version = sa.func.coalesce(campaigns.c.running_version, campaigns.c.version)
    same = sa.and_(campaign_versions.c.campaign_id == campaigns.c.campaign_id, campaign_versions.c.version == version)
    query = sa.select(campaign_versions.c.plan).join(campaigns, same).where(campaigns.c.campaign_id == campaign_id)
    with store.read() as connection:
        plan = connection.execute(query).scalar()
    said = (plan or {}).get("utm") or {}
    return {name: text for name, text in said.items() if text}


def own_domains(settings: Settings, store: Store) -> Sequence[str]:
    """The domains of the shop: those of the connected shops and site, and those that somebody added."""
    addresses = (settings.shopify_url, settings.woocommerce_url, settings.wordpress_url)
    hosts = {(urlsplit(address).hostname or "").removeprefix("www.") for address in addresses}
    sender = settings.sender_email.rpartition("@")[2].lower()
    return sorted({*hosts, sender, *get_value(store, DOMAINS_KEY, [])} - {""})


def set_own_domains(store: Store, domains: Sequence[str], now: datetime, by: str) -> None:
    """Say which domains are ours beside those of the connected shops.

    Raises:
        InvalidInputError: something that is not a domain.
    """
    clean = sorted({domain.strip().lower() for domain in domains if domain.strip()})
    for domain in clean:
        if not _DOMAIN.fullmatch(domain) or len(domain) > 253:
            raise InvalidInputError("own_domains", f"{domain[:100]!r} is not a domain", "e.g. shop.example")
    set_value(store, DOMAINS_KEY, clean, now, by)


def parameters_of(rule: Mapping[str, str], words: Mapping[str, str]) -> dict[str, str]:
    """The parameters that a rule gives for a message; those that come out empty are left out."""
    filled = {name: _PLACE.sub(lambda found: words.get(found.group(1), ""), text) for name, text in rule.items()}
    return {f"utm_{name}": _slug(text) for name, text in filled.items() if _slug(text)}


def _slug(text: str) -> str:
    """As statistics programs like it: lower case, no spaces."""
    return re.sub(r"[^\w.~:-]+", "_", text.strip().lower()).strip("_")[:150]


def message_links(links: Links, entry: Entry, used: Collection[str] = SYSTEM_VALUES) -> dict[str, str]:
    """The links that one message carries, by the name that templates use; the way out is always among them."""
    made = {"unsubscribe_url": links.unsubscribe_url(entry.message_id, entry.address, entry.channel)}
    for name, make in (
        ("preferences_url", links.preferences_url), ("view_url", links.view_url), ("pixel_url", links.open_url)
    ):  # fmt: skip
        if name in used:
            made[name] = make(entry.message_id)
    made["message_id"] = entry.message_id
    return made
