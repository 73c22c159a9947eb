"""Layout of the screen of the loyalty programme, and what its forms do.

Belongs here: which block shows what, and keeping rules and offers from a form. Stays out: how the programme stands
(`standing.py`), its rules (`dmat/loyalty`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.parts.words import refusal
from apps.screens.loyalty.standing import Standing, effect_words, read_standing
from dmat.errors import DmatError, InvalidInputError
from dmat.keys import key_of
from dmat.loyalty.offers import Offer, list_offers, put_offer
from dmat.loyalty.rules import keep_rules, read_rules
from dmat.messages.codes import list_pools
from dmat.store.access import caller_of_user
from dmat.store.users import User

KINDS = {"percent": "percent off", "amount": "an amount off", "shipping": "free shipping", "gift": "a gift",
         "early_access": "early access"}  # fmt: skip
NEW, MOST_TIERS = "new", 20
NEW_OFFER = Offer.model_construct(offer_key="", name="", kind="percent").model_dump()


MOST_HELD_OUT = 0.5
LABELS = {
    "cents_per_point": "Cents for a point", "points_days": "Points last, days", "tier_days": "A tier lasts, days",
    "holdout_share": "Held out, percent", "members": "Who joins", "from_points": "From points",
    "early_access_hours": "Early access, hours", "benefits": "Benefits", "value": "How much", "kind": "What",
    "valid_days": "Valid, days", "points_cost": "Costs points", "code_pool": "Codes", "offer_key": "Name",
}  # fmt: skip
"""Field of the rules, a tier or an offer -> what its form calls it, where that is another word."""


class LoyaltyScreen(pn.viewable.Viewer):
    """The screen of one reader."""

    def __init__(self, context: Context, user: User) -> None:
        super().__init__()
        self.context, self.user = context, user
        self.may = caller_of_user(user).may
        self.told = self.problem = self.edited = ""
        skeleton = render("parts/skeleton.jinja", context.now(), context.zone, lines=8)
        self.head = Block(self._render("head"), on_action=self._on_action)
        self.body = Block(skeleton, on_action=self._on_action)

    def __panel__(self) -> Any:
        """The layout, made once."""
        return pmui.Column(self.head, self.body, sx={"gap": "16px"}, margin=0, sizing_mode="stretch_width")

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Ask how the programme stands; the returned function shows it."""
        html = self._body_html()

        def show() -> None:
            self.body.html = html

        return show

    def _body_html(self) -> str:
        found = read_standing(self.context)
        shown = self._render("standing", found=found, effect_words=effect_words, kinds=KINDS)
        return shown + self._offer_html(found) if self.edited else shown

    def _offer_html(self, found: Standing) -> str:
        with self.context.store.read() as connection:
            pools = list_pools(connection)
        known = {row.offer.offer_key: row.offer.model_dump() for row in found.offers}
        edited = NEW_OFFER if self.edited == NEW else known.get(self.edited)
        return self._render("offer", edited=edited, pools=pools, tiers=found.rules.tiers if found.rules else ())

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/loyalty/{name}.jinja", self.context.now(), self.context.zone, may=self.may, told=self.told,
            problem=self.problem, **values,
        )  # fmt: skip

    async def _on_action(self, name: str, value: Any) -> None:
        if not self.may("loyalty:write"):
            return
        if name in {"edit_offer", "close_offer"}:
            self.edited, self.told, self.problem = str(value or "")[:60] if name == "edit_offer" else "", "", ""
        elif name in {"rules", "offer", "switch"}:
            await self._keep(name, value)
        else:
            return
        html = await asyncio.to_thread(self._body_html)
        self.head.html = self._render("head")
        self.body.html = html

    async def _keep(self, name: str, value: Any) -> None:
        try:
            self.told, self.problem = await asyncio.to_thread(self._change, name, value), ""
        except DmatError as error:
            self.told, self.problem = "", refusal(error)

    def _change(self, name: str, value: Any) -> str:
        store, now, by = self.context.store, self.context.now(), self.user.email
        if name == "switch":
            offer = next((each for each in list_offers(store) if each.offer_key == value), None)
            if offer is None:
                raise InvalidInputError("offer", "there is no such offer", "one of the table")
            kept = put_offer(store, offer.model_dump() | {"is_active": not offer.is_active}, now, by)
            return f"{kept.name} is {'offered' if kept.is_active else 'not offered'} from now on"
        form = value if isinstance(value, dict) else {}
        if name == "offer":
            with in_words_of_form():
                kept = put_offer(store, offer_of(form, list_offers(store)), now, by)
            self.edited = ""
            return f"{kept.name} is kept"
        with store.read() as connection:
            before = read_rules(connection)
        document = before.model_dump(mode="json") if before else {}
        rules = rules_of(form)
        with in_words_of_form([tier["name"] for tier in rules.get("tiers", ())]):
            keep_rules(store, document | rules, now, by)
        return "The rules are kept; they hold from now on, what was earned stays"


@contextmanager
def in_words_of_form(tiers: Sequence[str] = ()) -> Iterator[None]:
    """Let a refusal name the field as its form does: tiers[1].from_points -> Gold, from points."""
    try:
        yield
    except InvalidInputError as error:
        found = re.match(r"tiers\[(\d+)\]\.(\w+)", error.field)
        name = LABELS.get(found[2] if found else error.field, error.field)
        place = f"{tiers[int(found[1])]}, {name.lower()}" if found and int(found[1]) < len(tiers) else name
        raise InvalidInputError(place, error.problem, error.allowed) from None


def rules_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """The changed fields of the rules from their form; percent becomes a share.

    Raises:
        InvalidInputError: a percentage that is no number.
    """
    names = ("cents_per_point", "points_days", "tier_days", "members")
    found: dict[str, Any] = {name: str(form[name]).strip() for name in names if name in form}
    try:
        share = float(str(form.get("holdout_percent") or 0)) / 100
    except ValueError:
        raise InvalidInputError("holdout_share", "it is not a number", "0 to 50 percent") from None
    if not 0 <= share <= MOST_HELD_OUT:
        raise InvalidInputError("holdout_share", f"{share * 100:g} percent are not allowed", "0 to 50 percent")
    if tiers := tiers_of(form):
        found["tiers"] = tiers
    return {**found, "holdout_share": share, "is_active": form.get("is_active") is not None}


def tiers_of(form: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tiers of the form by their points; a row without a name is none."""
    rows = [number for number in range(MOST_TIERS) if str(form.get(f"tier{number}_name") or "").strip()]
    return sorted((tier_of(form, number) for number in rows), key=lambda tier: tier["from_points"])


def tier_of(form: Mapping[str, Any], number: int) -> dict[str, Any]:
    """One tier from its row of the form; a new one gets its key from its name.

    Raises:
        InvalidInputError: points or hours that are no number.
    """
    name, key, benefits = (str(form.get(f"tier{number}_{part}") or "").strip() for part in ("name", "key", "benefits"))
    whole = {}
    for part in ("from_points", "early_access_hours"):
        text = str(form.get(f"tier{number}_{part}") or "0").strip()
        if not text.isdecimal():
            wrong = f"{text[:20]!r} is not a whole number"
            raise InvalidInputError(f"{name}, {LABELS[part].lower()}", wrong, "a whole number, 0 or more")
        whole[part] = int(text)
    kept = [words.strip() for words in benefits.split(",") if words.strip()]
    made = key_of(name).replace("-", "_")[:20]
    own = made if made[:1].isalpha() else f"tier_{number + 1}"
    return {"key": key or own, "name": name, "benefits": kept, **whole}


def offer_of(form: Mapping[str, Any], known: Sequence[Offer] = ()) -> dict[str, Any]:
    """The document of an offer from its form; what cannot be read is left for the rules of offers to name.

    Args:
        form: without `offer_key` it is a new one, whose key comes from its name.
        known: the offers that there are; what the form does not say of one of them stays.

    Raises:
        InvalidInputError: a new one with the name of another.
    """
    names = ("offer_key", "name", "kind", "value", "valid_days", "code_pool")
    texts = {name: str(form.get(name) or "").strip() for name in names}
    before = {each.offer_key: each.model_dump() for each in known}
    key = texts["offer_key"] or key_of(texts["name"]) or f"offer-{len(known) + 1}"
    if key in before and not texts["offer_key"]:
        raise InvalidInputError("name", f"there is an offer {key!r} already", "another name, or change that offer")
    tiers = [name.removeprefix("tier_") for name in form if name.startswith("tier_")]
    cost = str(form.get("points_cost") or "0").strip()
    told = {**texts, "offer_key": key, "value": texts["value"] or "0", "points_cost": cost, "tiers": tiers}
    return before.get(key, {}) | told
