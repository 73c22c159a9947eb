"""Who somebody is to an advertiser: e-mail, phone, name and country made normal and hashed as each vendor wants them.

Belongs here: that arithmetic. Stays out: who may be handed over (`dmat/channels/retargeting.py`).
Nothing leaves that is not SHA-256 of a normal form, except what vendors want in the open: a country, a postal code.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from dmat.channels.addresses import is_valid_phone
from dmat.channels.email import is_valid_address

GMAIL = ("gmail.com", "googlemail.com")


@dataclass(frozen=True)
class Identity:
    """What we know of a person that an advertiser may know too; all but `person_id` may be empty."""

    person_id: int
    email: str = ""
    phone: str = ""  # E.164
    first_name: str = ""
    last_name: str = ""
    country_code: str = ""
    postal_code: str = ""


def hashed(text: str) -> str:
    """SHA-256 in lower-case hex; nothing stays nothing."""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def normal_email(email: str) -> str:
    """Lower case without blanks; nothing when it is no address."""
    found = re.sub(r"\s+", "", email).lower()
    return found if is_valid_address(found) else ""


def normal_name(name: str) -> str:
    """Lower case, letters only (signs and blanks go, accents stay)."""
    composed = unicodedata.normalize("NFC", name).lower()
    return "".join(sign for sign in composed if unicodedata.category(sign)[0] in "LM")


def for_meta(identity: Identity) -> list[str] | None:
    """Hashed fields in the order of `META_SCHEMA`; None when there is nothing to be known by."""
    email, phone = normal_email(identity.email), identity.phone if is_valid_phone(identity.phone) else ""
    if not email and not phone:
        return None
    country, postal_code = identity.country_code.strip().lower(), re.sub(r"[\s-]", "", identity.postal_code).lower()
    plain = (
        email,
        phone.removeprefix("+"),
        normal_name(identity.first_name),
        normal_name(identity.last_name),
        country,
        postal_code[:5] if country == "us" else postal_code,
    )
    return [hashed(text) for text in plain]


META_SCHEMA = ("EMAIL", "PHONE", "FN", "LN", "COUNTRY", "ZIP")


def for_google(identity: Identity) -> list[dict[str, Any]] | None:
    """The `userIdentifiers` of a member; None when there is nothing to be known by."""
    found: list[dict[str, Any]] = []
    email = normal_email(identity.email)
    if email:
        local, _, domain = email.partition("@")
        found.append({"emailAddress": hashed(f"{local.replace('.', '')}@{domain}" if domain in GMAIL else email)})
    if is_valid_phone(identity.phone):
        found.append({"phoneNumber": hashed(identity.phone)})
    if not found:
        return None
    names = (identity.first_name.strip().lower(), identity.last_name.strip().lower())
    country, postal_code = identity.country_code.strip().upper(), identity.postal_code.strip()
    if all(names) and country and postal_code:  # all four or none
        found.append({"address": {
            "givenName": hashed(names[0]), "familyName": hashed(names[1]), "regionCode": country,
            "postalCode": postal_code,
        }})  # fmt: skip
    return found
