"""The fields a file can fill, and guessing which column fills which.

Belongs here: names, other names, types and what must be there. Stays out: how values are read (`values.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from dmat.errors import InvalidInputError


@dataclass(frozen=True)
class Field:
    """A field: its type, the names it goes by in files, and whether a bad value refuses the line or is left out."""

    name: str
    type: str = "text"
    others: tuple[str, ...] = ()
    is_strict: bool = True


_PERSON = (
    Field("email", "email", ("emailaddress", "mail", "emailadresse", "courriel", "adresseemail", "correo")),
    Field("phone", "phone", ("phonenumber", "mobile", "mobilephone", "telefon", "telefonnummer", "handy", "tel",
                             "telephone", "portable")),
    Field("first_name", "text", ("firstname", "givenname", "vorname", "prenom", "nombre")),
    Field("last_name", "text", ("lastname", "surname", "familyname", "nachname", "nom", "apellido")),
    Field("full_name", "text", ("name", "fullname", "customername", "contact", "contactname")),
    Field("country_code", "country", ("country", "countrycode", "land", "pays", "countryregion"), is_strict=False),
    Field("city", "text", ("town", "stadt", "ort", "ville")),
    Field("birthday", "date", ("dateofbirth", "birthdate", "dob", "geburtstag", "geburtsdatum"), is_strict=False),
    Field("company", "text", ("companyname", "organisation", "organization", "firma", "unternehmen", "societe")),
    Field("job_title", "text", ("jobtitle", "title", "position", "role", "funktion")),
    Field("external_id", "text", ("id", "customerid", "personid", "contactid", "userid", "kundennummer", "externalid")),
    Field("created_at", "time", ("createdat", "created", "createdate", "signupdate", "registered", "angelegt")),
    Field("email_consent", "truth", ("emailconsent", "emailoptin", "optin", "subscribed", "newsletter",
                                     "acceptsmarketing", "acceptsemailmarketing")),
    Field("sms_consent", "truth", ("smsconsent", "smsoptin", "acceptssmsmarketing")),
)  # fmt: skip
_ORDER = (
    Field("order_id", "text", ("invoiceno", "invoice", "invoicenumber", "orderno", "ordernumber", "order",
                               "rechnungsnummer", "bestellnummer", "commande")),
    Field("line_number", "whole", ("lineno", "line", "position", "linenumber")),
    Field("ordered_at", "time", ("invoicedate", "orderdate", "date", "datum", "bestelldatum", "rechnungsdatum",
                                 "createdat", "orderedat")),
    Field("customer_id", "text", ("customer", "customerno", "kundennummer", "clientid", "customerid")),
    Field("email", "email", ("emailaddress", "mail", "customeremail"), is_strict=False),
    Field("sku", "text", ("stockcode", "productcode", "itemcode", "artikelnummer", "article", "productid")),
    Field("title", "text", ("description", "product", "productname", "item", "name", "artikel", "bezeichnung")),
    Field("quantity", "number", ("qty", "menge", "anzahl", "units", "quantite")),
    Field("unit_price", "money", ("unitprice", "price", "preis", "einzelpreis", "stueckpreis", "itemprice", "prix")),
    Field("currency_code", "currency", ("currency", "waehrung", "currencycode", "devise")),
    Field("country", "text", ("land", "countrycode", "shipcountry", "pays")),
)  # fmt: skip
_EVENT = (
    Field("event_id", "text", ("sgeventid", "eventid", "id")),
    Field("provider", "text", ("source", "vendor")),
    Field("event", "text", ("eventtype", "type", "action", "status")),
    Field("email", "email", ("emailaddress", "mail", "recipient", "to")),
    Field("occurred_at", "time", ("timestamp", "time", "date", "eventtime", "createdat", "occurredat")),
)  # fmt: skip
FIELDS: Mapping[str, tuple[Field, ...]] = {"people": _PERSON, "orders": _ORDER, "events": _EVENT}
REQUIRED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "people": (("email", "phone", "external_id"),),
    "orders": (("order_id",), ("ordered_at",), ("quantity",), ("unit_price",), ("sku", "title")),
    "events": (("event",), ("occurred_at",), ("event_id", "email")),
}
KINDS = tuple(FIELDS)


@dataclass(frozen=True)
class ColumnMap:
    """Which column fills which field (`columns`: field -> column), and fields that have one value (`constants`)."""

    columns: dict[str, str]
    constants: dict[str, str]

    @property
    def named(self) -> dict[str, str]:
        """As it is saved: field -> column, a constant in quotes."""
        return {**self.columns, **{field: f'"{value}"' for field, value in self.constants.items()}}

    @classmethod
    def of(cls, named: Mapping[str, str]) -> ColumnMap:
        """Read what `named` wrote."""
        constants = {f: v[1:-1] for f, v in named.items() if is_constant(v)}
        return cls({f: c for f, c in named.items() if f not in constants}, constants)


def is_constant(text: str) -> bool:
    """Whether a column is in fact a value in quotes."""
    return len(text) > 2 and text[0] == text[-1] == '"'


def check_kind(kind: str) -> tuple[Field, ...]:
    """The fields of a kind.

    Raises:
        InvalidInputError: no such kind.
    """
    if kind not in FIELDS:
        raise InvalidInputError("kind", f"{kind!r} cannot be imported", ", ".join(KINDS))
    return FIELDS[kind]


def signature(kind: str, columns: Sequence[str]) -> str:
    """What files of the same shape have in common: the kind and the names of the columns, in any order."""
    text = "\n".join([kind, *sorted(plain(column) for column in columns)])
    return blake2b(text.encode(), digest_size=16).hexdigest()


def plain(name: str) -> str:
    """A column's name without case, spaces and signs: `Invoice No.` -> `invoiceno`."""
    return re.sub(r"[\W_]+", "", name.lower().replace("ü", "ue").replace("ö", "oe").replace("ä", "ae"))


def guess_columns(kind: str, columns: Sequence[str], email_columns: Sequence[str]) -> dict[str, str]:
    """field -> column, by the names of the columns; e-mail addresses are known by their values too.

    A field's own name wins over its other names, and those earlier in the list over later ones.
    """
    found: dict[str, str] = {}
    by_name = {plain(column): column for column in reversed(columns)}
    for field in check_kind(kind):
        names = (plain(field.name), *field.others)
        match = next((by_name[n] for n in names if n in by_name and by_name[n] not in found.values()), None)
        if match is not None:
            found[field.name] = match
    free = [column for column in email_columns if column not in found.values()]
    if "email" not in found and free:
        found["email"] = free[0]
    return found


def apply_choices(kind: str, columns: Sequence[str], guessed: Mapping[str, str], choices: Sequence[str]) -> ColumnMap:
    """The guess, corrected by `column=field` choices; `"GBP"=currency_code` sets a value, `column=` takes one out.

    Raises:
        InvalidInputError: no such column or field, or a field that must be there is missing.
    """
    named = dict(guessed)
    known = [field.name for field in check_kind(kind)]
    for choice in choices:
        column, separator, field = choice.rpartition("=")
        if not separator:
            raise InvalidInputError("--map", f"{choice!r} is not column=field", "column=field")
        if not is_constant(column) and column not in columns:
            raise InvalidInputError("--map", f"the file has no column {column!r}", ", ".join(columns))
        if field and field not in known:
            raise InvalidInputError("--map", f"{kind} have no field {field!r}", ", ".join(known))
        named = {f: c for f, c in named.items() if c != column}
        if field:
            named[field] = column
    for alternatives in REQUIRED[kind]:
        if not set(alternatives) & set(named):
            raise InvalidInputError(
                "mapping", f"no column for {' or '.join(alternatives)}", f"--map COLUMN={alternatives[0]}"
            )
    return ColumnMap.of(named)
