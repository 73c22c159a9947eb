"""What a new test begins with: the usual elements to test, each with its control, measure and length.

Belongs here: offering them, and the document that each begins with. Stays out: what a plan may say
(`dmat/experiments/plan.py`), edits (`edits.py`).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from dmat.errors import NotFoundError

Document = dict[str, Any]
HOURS_OF_A_WEEK = 168
SHARE_OF_AUDIENCE = 0.2
GUARDRAILS = ["unsubscribe", "complaint"]


@dataclass(frozen=True)
class Pattern:
    """Something to test.

    Attributes:
        kind: the kind of the plan.
        control, variant: what the two arms are called at first.
        primary: key of the metric that decides.
        share: share of the audience that is in the test.
    """

    key: str
    name: str
    kind: str
    icon: str
    about: str
    control: str
    variant: str
    primary: str
    hours: int
    share: float = SHARE_OF_AUDIENCE
    guardrails: tuple[str, ...] = tuple(GUARDRAILS)
    hypothesis: str = ""


PATTERNS = (
    Pattern("subject", "Subject line", "subject", "mail", "Two first lines of one mail: which one is acted on?",
            "Subject as it is", "Another subject", "click", 24,
            hypothesis="A subject that names the saving brings more clicks than one that is only friendly."),
    Pattern("cta", "Call to action", "content", "bolt", "Another word or colour on the button that matters.",
            "Button as it is", "Another button", "click", 48,
            hypothesis="A button that says what happens next is clicked more often."),
    Pattern("message", "Whole message", "content", "edit", "Two texts, two layouts, two lengths of one message.",
            "Message as it is", "Another message", "click", 24,
            hypothesis="A shorter message is acted on by more people."),
    Pattern("media", "Pictures and media", "media", "globe", "A photograph, a drawing, a moving picture, or none.",
            "Picture as it is", "Another picture", "click", 48,
            hypothesis="A picture of the product in use brings more clicks than the product alone."),
    Pattern("offer", "Offer", "offer", "coins", "An amount off, a share off, free delivery: what makes people buy?",
            "Amount off", "Percentage off", "conversion", 72,
            hypothesis="A percentage makes more people buy than an amount of the same worth."),
    Pattern("send_time", "Send time", "send_time", "clock", "The same message in the morning and in the evening.",
            "09:00", "18:00", "click", 72,
            hypothesis="In the evening people have time to read and to buy."),
    Pattern("frequency", "Frequency", "frequency", "events", "Fewer or more messages of one campaign.",
            "All messages", "Fewer messages", "conversion", 4 * HOURS_OF_A_WEEK, share=1.0,
            hypothesis="One message a week loses fewer subscribers and sells as much as two."),
    Pattern("journey", "Ways of a journey", "custom", "branch", "The ways of a split: which one leads further?",
            "Way A", "Way B", "click", 2 * HOURS_OF_A_WEEK, share=1.0,
            hypothesis="Who hears from us at once buys more often than who is left alone for a day."),
    Pattern("form", "Form fields", "landing_page", "form", "A short form beside a longer one.",
            "Three fields", "Five fields", "form_completion", HOURS_OF_A_WEEK, share=1.0, guardrails=(),
            hypothesis="A form with three fields is completed by more visitors than one with five."),
    Pattern("layout", "Page layout", "landing_page", "table", "Form left or right, long or short, with or without.",
            "Form on the left", "Form on the right", "form_completion", HOURS_OF_A_WEEK, share=1.0, guardrails=(),
            hypothesis="A form beside the first words is completed by more visitors than one below them."),
    Pattern("factorial", "Two things at once", "factorial", "flask", "Two subjects times two messages: four variants.",
            "", "", "click", 48,
            hypothesis="The better subject is better with either message."),
)  # fmt: skip


def pattern_of(key: str) -> Pattern:
    """The pattern with this key.

    Raises:
        NotFoundError: there is none.
    """
    for pattern in PATTERNS:
        if pattern.key == key:
            return pattern
    raise NotFoundError(f"there is no kind of test called {key!r}")


def document_of(pattern: Pattern, campaign_id: int | None = None, step: str = "") -> Document:
    """What the form holds at first; it may be half done.

    Args:
        pattern: what is tested.
        campaign_id: the campaign it was begun from.
        step: key of its step.
    """
    return {
        "name": "", "hypothesis": "", "kind": pattern.kind, "campaign_id": campaign_id, "journey": "", "step": step,
        "page": "",
        "form": "", "arms": _arms(pattern), "control": "", "test_share": pattern.share, "sample_per_arm": None,
        "duration_hours": pattern.hours, "primary": pattern.primary, "guardrails": list(pattern.guardrails),
        "inference": "always_valid", "alpha": 0.05, "power": 0.8, "mde": None,
        "rule": {"auto": True, "caring_threshold": 0.005, "min_per_arm": 100, "at_deadline": "choose_best",
                 "metric_reason": ""},
        "exclusion_group": "", "allocation": "fixed", "waves": 5, "conversion_days": 7,
    }  # fmt: skip


def fitting_pattern(pattern: Pattern, channel: str) -> Pattern:
    """The pattern, or that of the whole message on a channel without subjects."""
    return pattern if channel == "email" or pattern.kind not in {"subject", "factorial"} else pattern_of("message")


def _arms(pattern: Pattern) -> list[Document]:
    if pattern.kind == "factorial":
        return factorial_arms({"subject": ("plain", "bold"), "message": ("short", "long")})
    names = (pattern.control, pattern.variant)
    arms: list[Document] = [
        {"key": key, "name": name, "share": 0.5, "overrides": {}} for key, name in zip("ab", names, strict=True)
    ]
    if pattern.kind == "send_time":
        for arm in arms:
            arm["overrides"] = {"time": arm["name"]}
    if pattern.kind == "frequency":
        for arm in arms:
            arm["overrides"] = {"steps": []}
    return arms


def factorial_arms(factors: dict[str, tuple[str, str]]) -> list[Document]:
    """Four arms of two factors with two levels each."""
    (one, (low, high)), (other, (left, right)) = factors.items()
    cells = [(low, left), (high, left), (low, right), (high, right)]
    return [
        {"key": key, "name": f"{first} × {second}", "share": 0.25, "overrides": {},
         "levels": {one: first, other: second}}
        for key, (first, second) in zip("abcd", cells, strict=True)
    ]  # fmt: skip


def copy_of(document: Document) -> Document:
    """The same plan as a new one: nothing of it is shared."""
    made = copy.deepcopy(document)
    made["name"] = f"{made.get('name', '')} (again)".strip()
    made["key"] = ""
    return made


def expected_of(kind: str) -> str:
    """What somebody might expect of a test of that kind, as an example."""
    return next((each.hypothesis for each in PATTERNS if each.kind == kind), "What changes, and why.")
