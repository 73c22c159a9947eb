"""Edits of a test in the making, as pure functions on its document: arms, shares, one place.

Belongs here: what changes in the document. Stays out: asking and keeping (`forming.py`), what a plan may say
(`dmat/experiments/plan.py`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from dmat.experiments.plan import OF_A_JOURNEY

Document = dict[str, Any]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
MOST_ARMS = 6
OF_KIND: dict[str, tuple[str, ...]] = {
    "subject": ("subject",), "content": ("template",), "media": ("template",), "offer": ("code_pool", "template"),
    "send_time": ("time",), "frequency": ("steps",), "landing_page": ("url",), "factorial": ("subject", "template"),
    "custom": ("template", "subject"),
}  # fmt: skip
"""What an arm of each kind may have instead of the step."""
FACTOR_OF = {"overrides.subject": "subject", "overrides.template": "message"}
"""Place of an arm -> the factor that it is a level of, in tests of two things at once."""


def set_place(document: Document, place: str, value: Any) -> Document:
    """The document with one place changed, as `rule.auto`."""
    made = copy.deepcopy(document)
    *parents, last = place.split(".")
    at = made
    for name in parents:
        at = at.setdefault(name, {})
    at[last] = value
    return made


def in_campaign(document: Document, campaign_id: int | None) -> Document:
    """The test runs in a campaign; which message is chosen next."""
    made = copy.deepcopy(document)
    return {**made, "campaign_id": campaign_id, "journey": "", "step": ""}


def in_journey(document: Document, journey: str) -> Document:
    """The test runs inside a journey, on everybody who reaches a split of it; which one is chosen next."""
    made = copy.deepcopy(document)
    for arm in made["arms"]:
        arm["overrides"] = {}
        arm.pop("levels", None)
    kind = made["kind"] if made["kind"] in OF_A_JOURNEY else "custom"
    return {
        **made, "kind": kind, "journey": journey, "campaign_id": None, "page": "", "form": "", "step": "",
        "test_share": 1.0, "exclusion_group": "", "allocation": "fixed",
    }  # fmt: skip


def at_split(document: Document, split: str, ways: Sequence[tuple[str, float, str]]) -> Document:
    """The split of its journey that is tested, whose ways (key, share, name) are its variants."""
    made = copy.deepcopy(document)
    arms = [{"key": key, "name": name, "share": share, "overrides": {}} for key, share, name in ways]
    control = made.get("control") if any(arm["key"] == made.get("control") for arm in arms) else ""
    return {**made, "step": split, "arms": arms or made["arms"], "control": control}


def set_arm(document: Document, key: str, place: str, value: Any) -> Document:
    """The document with one place of an arm changed, as `overrides.subject`; an empty value takes it away.

    With two factors, what one arm gets, all arms with the same level of that factor get.
    """
    made = copy.deepcopy(document)
    chosen = arm_of(made, key)
    if chosen is None:
        return made
    factor = FACTOR_OF.get(place, "") if made["kind"] == "factorial" else ""
    for arm in made["arms"]:
        level = (arm.get("levels") or {}).get(factor)
        if arm is chosen or (level and level == (chosen.get("levels") or {}).get(factor)):
            _set(arm, place, value)
    return made


def _set(arm: Document, place: str, value: Any) -> None:
    name = place.removeprefix("overrides.")
    if name == place:
        arm[place] = value
        return
    overrides = {**arm.get("overrides", {}), name: value}
    arm["overrides"] = {each: kept for each, kept in overrides.items() if each == "steps" or kept not in {"", None}}


def arm_of(document: Document, key: str) -> Document | None:
    """The arm with this key."""
    return next((arm for arm in document["arms"] if arm["key"] == key), None)


def with_arm(document: Document) -> Document:
    """One arm more, shares even."""
    made = copy.deepcopy(document)
    arms = made["arms"]
    taken = {arm["key"] for arm in arms}
    if len(arms) >= MOST_ARMS:
        return made
    key = next(letter for letter in LETTERS if letter not in taken)
    overrides: Document = {"steps": []} if made["kind"] == "frequency" else {}
    arms.append({"key": key, "name": f"Variant {key.upper()}", "share": 0.0, "overrides": overrides})
    return even(made)


def without_arm(document: Document, key: str) -> Document:
    """One arm less, shares even; two stay."""
    made = copy.deepcopy(document)
    if len(made["arms"]) <= 2:
        return made
    made["arms"] = [arm for arm in made["arms"] if arm["key"] != key]
    if made.get("control") == key:
        made["control"] = ""
    return even(made)


def even(document: Document) -> Document:
    """All arms with the same share; rounding goes to the first."""
    made = copy.deepcopy(document)
    shares = even_shares(len(made["arms"]))
    for arm, share in zip(made["arms"], shares, strict=True):
        arm["share"] = share
    return made


def even_shares(count: int) -> Sequence[float]:
    """Shares that add up to 1: three -> 0.34, 0.33, 0.33."""
    each = int(100 / count) / 100
    return [round(1 - each * (count - 1), 4), *([each] * (count - 1))]


def of_kind(document: Document, kind: str) -> Document:
    """The same test of another kind: arms keep their names, and what the new kind does not know falls away."""
    made = copy.deepcopy(document)
    made["kind"] = kind
    known = () if made.get("journey") else OF_KIND.get(kind, ())
    for arm in made["arms"]:
        arm["overrides"] = {name: value for name, value in arm.get("overrides", {}).items() if name in known}
        if kind == "frequency" and not made.get("journey"):
            arm["overrides"].setdefault("steps", [])
        if kind != "factorial":
            arm.pop("levels", None)
    return made


def toggled_step(document: Document, key: str, step: str) -> Document:
    """A step of the campaign given to an arm, or taken from it (tests of frequency)."""
    arm = arm_of(document, key)
    steps = list((arm or {}).get("overrides", {}).get("steps") or ())
    chosen = [each for each in steps if each != step] if step in steps else [*steps, step]
    return set_arm(document, key, "overrides.steps", chosen)
