"""Variants of a step, and for whom a step is: edits as pure functions on documents, and their words.

Belongs here: shares that stay whole, reactions and segments that narrow a step, parameters of links. Stays out: what
they mean (`dmat/campaigns`), asking and keeping (`composing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from apps.screens.campaigns.edits import in_order
from apps.screens.campaigns.fields import share, text
from dmat.campaigns.plan import MOST_REACTIONS, MOST_VARIANTS
from dmat.campaigns.reactions import TELLS
from dmat.messages.tracking import parameters_of

Document = dict[str, Any]
KEYS = "abcdefghijklmnopqrstuvwxyz"
DID: Mapping[str, str] = MappingProxyType(
    {"opened": "opened", "clicked": "clicked", "read": "read", "replied": "replied to", "anything": "reacted to",
     "got": "got"}
)  # fmt: skip
DID_NOT: Mapping[str, str] = MappingProxyType(
    {"opened": "did not open", "clicked": "did not click in", "read": "did not read", "replied": "did not reply to",
     "anything": "did not react to", "got": "did not get"}
)  # fmt: skip
LINK_FIELDS = ("source", "medium", "campaign", "content", "term")


def _step(plan: Document, key: str) -> Document | None:
    return next((step for step in plan.get("steps", ()) if step["key"] == key), None)


# -- variants ------------------------------------------------------------------------------------------------------


def add_variant(plan: Document, step_key: str) -> None:
    """One variant more; the first time two, of which the first is what the step says already. Shares become even."""
    step = _step(plan, step_key)
    variants = [] if step is None else [*(step.get("variants") or ())]
    if step is None or len(variants) >= MOST_VARIANTS:
        return
    for _ in range(1 if variants else 2):
        taken = {each["key"] for each in variants}
        variants.append({"key": next(key for key in KEYS if key not in taken), "template": "", "subject": ""})
    step["variants"] = evened(variants)


def remove_variant(plan: Document, place: str) -> None:
    """Take `<step>|<variant>` away; one alone is none."""
    step_key, _, key = place.partition("|")
    step = _step(plan, step_key)
    if step is not None:
        left = [each for each in step.get("variants") or () if each["key"] != key]
        step["variants"] = evened(left) if len(left) > 1 else []


def even_shares(plan: Document, step_key: str) -> None:
    """The same share for each variant."""
    step = _step(plan, step_key)
    if step is not None:
        step["variants"] = evened(step.get("variants") or ())


def evened(variants: Sequence[Mapping[str, Any]]) -> list[Document]:
    """Variants with even shares in whole percents; the first ones take what is left over."""
    percents, over = divmod(100, len(variants)) if variants else (0, 0)
    return [{**each, "share": (percents + (number < over)) / 100} for number, each in enumerate(variants)]


def change_variant(plan: Document, place: str, value: Any) -> None:
    """Change `<step>|<variant>|<field>`; of two variants the other takes the rest of the share."""
    step_key, key, field = [*place.split("|"), "", ""][:3]
    step = _step(plan, step_key)
    variants = (step.get("variants") or ()) if step else ()
    mine = next((each for each in variants if each["key"] == key), None)
    if mine is None or field not in {"share", "template", "subject"}:
        return
    mine[field] = share(value) if field == "share" else text(value)
    if field == "share" and len(variants) == 2 and mine["share"] is not None and 0 < mine["share"] < 1:
        other = next(each for each in variants if each is not mine)
        other["share"] = round(1 - mine["share"], 4)


# -- for whom a step is --------------------------------------------------------------------------------------------


def add_reaction(plan: Document, step_key: str) -> None:
    """Ask for a reaction to the step before: at first, who did not open or react."""
    step, before = _step(plan, step_key), earlier_steps(plan, step_key)
    if step is None or not before:
        return
    other = before[-1]
    did = "opened" if "opened" in TELLS[other["channel"]] else TELLS[other["channel"]][-1]
    audience = _audience(step)
    audience["reactions"] = [*audience["reactions"], {"step": other["key"], "did": did, "is_not": True}]
    audience["reactions"] = audience["reactions"][:MOST_REACTIONS]


def remove_reaction(plan: Document, place: str) -> None:
    """Take `<step>|<number>` away."""
    step_key, _, number = place.partition("|")
    step = _step(plan, step_key)
    if step is not None and step.get("audience"):
        kept = [each for n, each in enumerate(_audience(step)["reactions"]) if str(n) != number]
        step["audience"]["reactions"] = kept
        _tidy(step)


def change_reaction(plan: Document, place: str, value: Any) -> None:
    """Change `<step>|<number>|<field>`: which step, or what people did (`not:opened` is that they did not)."""
    step_key, number, field = [*place.split("|"), "", ""][:3]
    step = _step(plan, step_key)
    reactions = _audience(step)["reactions"] if step is not None and step.get("audience") else []
    if not number.isdigit() or int(number) >= len(reactions):
        return
    if field == "step":
        reactions[int(number)]["step"] = text(value)
    elif field == "did":
        reactions[int(number)].update(did=text(value).removeprefix("not:"), is_not=text(value).startswith("not:"))


def narrow(plan: Document, place: str, value: Any) -> None:
    """Let `<step>|segments` or `<step>|exclude` name one segment more."""
    step_key, _, kind = place.partition("|")
    step, key = _step(plan, step_key), text(value)
    if step is not None and kind in {"segments", "exclude"} and key:
        audience = _audience(step)
        audience[kind] = [*dict.fromkeys([*audience[kind], key])]


def widen(plan: Document, place: str) -> None:
    """Take `<step>|<segments or exclude>|<segment>` away."""
    step_key, kind, key = [*place.split("|"), "", ""][:3]
    step = _step(plan, step_key)
    if step is not None and step.get("audience") and kind in {"segments", "exclude"}:
        step["audience"][kind] = [each for each in _audience(step)[kind] if each != key]
        _tidy(step)


def _audience(step: Document) -> Document:
    found = {"segments": [], "exclude": [], "reactions": [], **(step.get("audience") or {})}
    step["audience"] = found
    return found


def _tidy(step: Document) -> None:
    if not any(step["audience"].get(name) for name in ("segments", "exclude", "reactions")):
        step["audience"] = None


def earlier_steps(plan: Mapping[str, Any], step_key: str) -> list[Document]:
    """Steps before this one (by day and time) that write to people, and of which more is known than nothing."""
    listed = in_order(plan.get("steps", ()), plan.get("starts_at"))
    before = []
    for step in listed:
        if step["key"] == step_key:
            break
        before.append(step)
    return [step for step in before if step["channel"] in TELLS]


def reaction_choices(channel: str) -> list[tuple[str, str]]:
    """What can be asked of an earlier step on a channel: value -> words."""
    tells = TELLS.get(channel, ())
    return [*((f"not:{did}", DID_NOT[did]) for did in tells), *((did, DID[did]) for did in tells)]


# -- links ---------------------------------------------------------------------------------------------------------


def change_link_rule(plan: Document, field: str, value: Any) -> None:
    """Change one parameter of the campaign's links; what is empty is as the workspace says."""
    if field in LINK_FIELDS:
        rule = {**(plan.get("utm") or {}), field: text(value).strip()}
        plan["utm"] = rule if any(rule.values()) else None


def link_example(plan: Mapping[str, Any], workspace: Mapping[str, str], name: str) -> str:
    """The parameters that a link of the first step would get; empty when there is no step, or a rule has a mistake."""
    steps = plan.get("steps") or ()
    if not steps:
        return ""
    rule = {**workspace, **{field: said for field, said in (plan.get("utm") or {}).items() if said}}
    first = steps[0]
    variants = first.get("variants") or ({"key": ""},)
    words = {"channel": first["channel"], "campaign": name, "step": first["key"], "variant": variants[0]["key"],
             "template": first.get("template") or "", "programme": "", "locale": "en"}  # fmt: skip
    return "&".join(f"{field}={value}" for field, value in parameters_of(rule, words).items())


def step_choices(plan: Mapping[str, Any], channel: str) -> list[tuple[str, str]]:
    """The steps that a rule may be about: key -> name, the first for all of the channel."""
    fitting = [step for step in plan.get("steps") or () if step["channel"] == channel]
    return [("", "any of it"), *((step["key"], step.get("name") or step["key"]) for step in fitting)]
