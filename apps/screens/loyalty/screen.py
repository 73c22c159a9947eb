"""Layout of the screen of the loyalty programme, and what its forms do.

Belongs here: which block shows what, and keeping rules and offers from a form. Stays out: how the programme stands
(`standing.py`), its rules (`dmat/loyalty`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.screens.loyalty.standing import effect_words, read_standing
from dmat.errors import DmatError, InvalidInputError
from dmat.loyalty.offers import list_offers, put_offer
from dmat.loyalty.rules import keep_rules, read_rules
from dmat.store.access import caller_of_user
from dmat.store.users import User

KINDS = {"percent": "percent off", "amount": "an amount off", "shipping": "free shipping", "gift": "a gift",
         "early_access": "early access"}  # fmt: skip


class LoyaltyScreen(pn.viewable.Viewer):
    """The screen of one reader."""

    def __init__(self, context: Context, user: User) -> None:
        super().__init__()
        self.context, self.user = context, user
        self.may = caller_of_user(user).may
        self.told = self.problem = ""
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
        return self._render("standing", found=read_standing(self.context), effect_words=effect_words, kinds=KINDS)

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/loyalty/{name}.jinja", self.context.now(), self.context.zone, may=self.may, told=self.told,
            problem=self.problem, **values,
        )  # fmt: skip

    async def _on_action(self, name: str, value: Any) -> None:
        if name not in {"rules", "offer", "switch"} or not self.may("loyalty:write"):
            return
        try:
            self.told, self.problem = await asyncio.to_thread(self._change, name, value), ""
        except DmatError as error:
            self.told, self.problem = "", f"{str(error)[:1].upper()}{str(error)[1:]}."
        html = await asyncio.to_thread(self._body_html)
        self.head.html = self._render("head")
        self.body.html = html

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
            return f"{put_offer(store, offer_of(form), now, by).name} is kept"
        with store.read() as connection:
            before = read_rules(connection)
        document = before.model_dump(mode="json") if before else {}
        keep_rules(store, document | rules_of(form), now, by)
        return "The rules are kept; they hold from now on, what was earned stays"


def rules_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """The changed fields of the rules from their form; percent becomes a share.

    Raises:
        InvalidInputError: a percentage that is no number.
    """
    names = ("cents_per_point", "points_days", "tier_days", "members")
    found = {name: str(form[name]).strip() for name in names if str(form.get(name) or "").strip()}
    try:
        share = float(str(form.get("holdout_percent") or 0)) / 100
    except ValueError:
        raise InvalidInputError("holdout", "it is no number", "0 to 50 percent") from None
    return {**found, "holdout_share": share, "is_active": form.get("is_active") is not None}


def offer_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """The document of an offer from its form; what cannot be read is left for the rules of offers to name."""
    texts = {name: str(form.get(name) or "").strip() for name in ("offer_key", "name", "kind", "value", "valid_days")}
    key = texts["offer_key"] or "-".join(texts["name"].lower().split())
    tiers = [name.removeprefix("tier_") for name in form if name.startswith("tier_")]
    cost = str(form.get("points_cost") or "0").strip()
    return {**texts, "offer_key": key, "value": texts["value"] or "0", "points_cost": cost, "tiers": tiers}
