"""What can be put into a journey: steps, triggers and questions, each as it begins.

Belongs here: their names, what they do in a line, and a document to begin with. Stays out: putting them in
(`edits.py`), what they may say (`dmat/journeys`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from apps.screens.journeys.edits import fresh_key
from apps.screens.journeys.graph import Document
from dmat.errors import NotFoundError


@dataclass(frozen=True)
class Offered:
    """A kind of step that can be put in.

    Attributes:
        base: what its key begins with.
        document: the step to begin with, without key and ways.
    """

    kind: str
    name: str
    about: str
    icon: str
    group: str
    base: str
    document: Document


def _send(channel: str, name: str, icon: str, about: str) -> Offered:
    document = {"do": "send", "channel": channel, "template": ""}
    return Offered(f"send-{channel}", name, about, icon, "Send", channel.replace("_", "-"), document)


_SCORE: Document = {"kind": "score", "at_least": 50}
STEPS = (
    _send("email", "E-mail", "mail", "a mail from a template"),
    _send("sms", "SMS", "phone", "to those who agreed to texts"),
    _send("whatsapp", "WhatsApp", "chat", "an approved template"),
    _send("push", "Push", "bolt", "a notification in app or browser"),
    _send("in_app", "In-app message", "form", "shown when they come next"),
    Offered("wait", "Wait", "for a while, or until a time of day", "clock", "Time", "wait",
            {"do": "wait", "for": "1d"}),
    Offered("wait-event", "Wait for something", "until they do it, with a longest time", "events", "Time", "until",
            {"do": "wait", "for": "3d", "until_event": {"event": "ordered"}}),
    Offered("wait-date", "Wait for a date", "birthday, anniversary of an order", "calendar", "Time", "date",
            {"do": "wait", "until_date": "birthday"}),
    Offered("branch", "Branch", "different ways for different people", "branch", "Ways", "branch",
            {"do": "branch", "cases": [{"when": {"kind": "all", "of": [_SCORE]}}]}),
    Offered("split", "Split", "by chance, as for an A/B test", "flask", "Ways", "split",
            {"do": "split", "arms": [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5}]}),
    Offered("assign_lead", "Give to sales", "a rep gets the lead", "person", "Do", "to-sales",
            {"do": "assign_lead", "data": {"reason": ""}}),
    Offered("create_task", "Task", "for somebody of your team", "check", "Do", "task",
            {"do": "create_task", "data": {"title": ""}}),
    Offered("update_score", "Score", "points more or fewer as a lead", "chart", "Do", "score",
            {"do": "update_score", "data": {"points": 10}}),
    Offered("add_points", "Loyalty points", "on the customer's account", "coins", "Do", "points",
            {"do": "add_points", "data": {"points": 100}}),
    Offered("add_tag", "Tag", "a word on the person", "tag", "Do", "tag", {"do": "add_tag", "data": {"tag": ""}}),
    Offered("remove_tag", "Take a tag away", "off the person", "close", "Do", "untag",
            {"do": "remove_tag", "data": {"tag": ""}}),
    Offered("set_value", "Set a value", "a property of the person", "edit", "Do", "value",
            {"do": "set_value", "data": {"name": "", "value": ""}}),
    Offered("audience", "Ad audience", "show them advertisements for a time", "people", "Do", "advertise",
            {"do": "audience", "list_name": "", "days": 14}),
    Offered("webhook", "Webhook", "tell one of your own systems", "code", "Do", "tell", {"do": "webhook"}),
    Offered("goal", "Goal", "they did what the journey is for", "flag", "End", "goal", {"do": "goal"}),
    Offered("exit", "End here", "the journey ends on this way", "stop", "End", "end-here", {"do": "exit"}),
)  # fmt: skip
GROUPS = ("Send", "Time", "Ways", "Do", "End")

TRIGGERS: dict[str, tuple[str, Document]] = {
    "event": ("They do something", {"kind": "event", "event": "form_submitted"}),
    "cart_abandoned": ("They leave a cart", {"kind": "cart_abandoned", "after": "1h"}),
    "segment": ("They enter or leave a segment", {"kind": "segment", "segment": "", "change": "entered"}),
    "date": ("A date of theirs comes round", {"kind": "date", "field": "birthday", "days_before": 0, "at": "09:00"}),
    "schedule": ("A day and time, for a segment", {"kind": "schedule", "segment": "", "every": "week", "day": 1,
                                                   "at": "09:00"}),
    "moment": ("Once, at a moment, for a segment", {"kind": "schedule", "segment": "", "moment": ""}),
    "tier_reached": ("They reach a tier", {"kind": "tier_reached"}),
    "api": ("Another system says so", {"kind": "api"}),
}  # fmt: skip
QUESTIONS: dict[str, tuple[str, Document]] = {
    "segment": ("is in a segment", {"kind": "segment", "segment": ""}),
    "consent": ("agreed to a channel", {"kind": "consent", "channel": "sms"}),
    "reacted": ("reacted to a message", {"kind": "reacted", "step": "", "how": "opened"}),
    "did": ("did something", {"kind": "did", "event": "ordered"}),
    "score": ("has a score of", {"kind": "score", "at_least": 50}),
    "person": ("has a field that", {"kind": "person", "is": {"name": "", "op": "equals", "value": ""}}),
    "value": ("came with a value", {"kind": "value", "is": {"name": "total_cents", "op": "at_least", "value": 5000}}),
}
WAITS: dict[str, tuple[str, Document]] = {
    "span": ("For a while, or until a time", {"for": "1d"}),
    "date": ("Until a date of theirs", {"until_date": "birthday"}),
    "event": ("Until they do something", {"for": "3d", "until_event": {"event": "ordered"}}),
}


def offered_step(kind: str) -> Offered:
    """The kind of step with this name.

    Raises:
        NotFoundError: there is none.
    """
    for each in STEPS:
        if each.kind == kind:
            return each
    raise NotFoundError(f"there is no step called {kind!r}")


def new_step(plan: Document, kind: str, taken: Collection[str] = ()) -> Document:
    """A step of a kind with a key of its own; its ways lead nowhere yet.

    Raises:
        NotFoundError: there is no such kind.
    """
    found = offered_step(kind)
    step: dict[str, Any] = {"key": fresh_key(plan, found.base, taken), **found.document}
    return step


def trigger_kind(trigger: Document) -> str:
    """What starts a journey, as `TRIGGERS` name it."""
    kind = str(trigger.get("kind", ""))
    return "moment" if kind == "schedule" and not trigger.get("every") else kind


def wait_kind(step: Document) -> str:
    """What a wait waits for: span, date or event."""
    return "event" if step.get("until_event") else "date" if step.get("until_date") else "span"


def blank_plan() -> Document:
    """A journey to begin with: who fills in a form gets a mail."""
    return {
        "key": "new-journey", "name": "", "trigger": dict(TRIGGERS["event"][1]), "entry": {}, "exit_when": [],
        "goal": {"event": "ordered", "days": 7}, "holdout": {"share": 0.05},
        "steps": [{"key": "email", "do": "send", "channel": "email", "template": "", "then": "end"}],
    }  # fmt: skip
