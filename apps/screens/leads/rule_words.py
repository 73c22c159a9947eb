"""One rule of routing as a sentence, and from the fields of its form.

Belongs here: words and forms. Stays out: what a rule may say (`dmat/routing/plan.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from dmat.keys import key_of, own_key
from dmat.routing.plan import RoutingRule, ToRep

WHO = {
    "territory": "the rep of its territory", "specialist": "the specialist for its industry", "manager": "a manager",
    "anyone": "all evenly", "rep": "one rep",
}  # fmt: skip
LISTS = {"countries": "country", "regions": "region", "industries": "industry", "company_sizes": "company size",
         "sources": "source"}  # fmt: skip


LABELS = {
    "score_over": "Score over", "countries": "Country", "regions": "Region", "industries": "Industry",
    "company_sizes": "Company size", "sources": "Source", "rep": "The rep, when it is one", "to": "Who",
    "response_minutes": "Answer within", "contact_minutes": "First contact within",
    "reassigns": "Hand-overs without an answer", "unanswered_after_reassigns": "After that", "name": "Name",
    "priority": "Priority", "when_full": "Nobody has room",
}  # fmt: skip
"""Field of a plan -> what the forms call it."""


def rule_words(rule: RoutingRule, names: Mapping[str, str]) -> str:
    """A rule as a sentence.

    >>> rule_words(rule, {})
    'When company size is 1000+: to a manager; with no room there, the next rule decides.'
    """
    parts = [f"the score is over {rule.when.score_over:g}"] if rule.when.score_over is not None else []
    for field, word in LISTS.items():
        values = getattr(rule.when, field)
        if values:
            parts.append(f"{word} is {' or '.join(values)}")
    when = f"When {' and '.join(parts)}" if parts else "Every lead"
    who = names.get(rule.then.rep, rule.then.rep) if isinstance(rule.then, ToRep) else WHO[rule.then.to]
    full = "it waits in the queue" if rule.when_full == "queue" else "the next rule decides"
    return f"{when}: to {who}; with no room there, {full}."


def rule_document(form: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    """The document of a rule from the fields of its form; a new one gets a key of its own from its name."""
    name, key = str(form.get("name") or "").strip(), str(form.get("key") or "").strip()
    when: dict[str, Any] = {
        field: [word.strip() for word in str(form.get(field) or "").split(",") if word.strip()] for field in LISTS
    }
    score = str(form.get("score_over") or "").strip()
    to = str(form.get("to") or "")
    then = {"to": to, "rep": str(form.get("rep") or "")} if to == "rep" else {"to": to}
    return {
        "key": key or own_key(key_of(name) or "rule", keys), "name": name,
        "when": when | {"score_over": score or None},
        "priority": str(form.get("priority") or "medium"), "then": then,
        "when_full": str(form.get("when_full") or "queue"),
    }  # fmt: skip
