"""Rules of routing on screen: a draft is changed rule by rule, tried on a lead and on the last weeks, and kept.

Belongs here: the draft (kept in the store, so that a restart loses nothing) and the values of the template. Stays out:
deciding (`dmat/routing/decide.py`), trying out (`dmat/routing/trying.py`), words (`rule_words.py`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from apps.context import Context
from apps.parts.words import refusal
from apps.screens.leads.rule_words import LABELS, WHO, rule_document, rule_words
from apps.screens.leads.state import LeadState
from apps.screens.leads.team import as_in_form
from dmat.errors import InvalidInputError
from dmat.routing.decide import Decision
from dmat.routing.plan import PRIORITIES, RoutingPlan, keep_plan, parse_routing, read_plan
from dmat.routing.reps import read_reps
from dmat.routing.trying import Tried, made_up_lead, try_history, try_lead
from dmat.scoring.leads import SIZES, SOURCES
from dmat.store.access import Caller
from dmat.store.workspace_values import get_value, set_value

TRY_DAYS = 30
MOST_SCORE = 10_000
SHOWN = 12
TRIED_FIELDS = ("country_code", "region", "industry", "company_size", "source")


class Ruling:
    """What the rules show to one reader."""

    template = "rules"

    def __init__(self, context: Context, caller: Caller) -> None:
        self.context, self.caller = context, caller
        self.edited, self.tried_form = "", {"score": "65"}
        self.decision: Decision | None = None
        self.try_problem = ""

    @property
    def _kept_as(self) -> str:
        return f"routing.draft.{self.caller.name}"

    def _draft(self) -> dict[str, Any] | None:
        found = get_value(self.context.store, self._kept_as)
        return found if isinstance(found, dict) and found.get("plan") else None

    def _plan(self) -> tuple[int, RoutingPlan, bool]:
        """(version it is based on, plan, whether it is a draft)."""
        draft = self._draft()
        if draft is not None:
            return int(draft["version"]), parse_routing(draft["plan"]), True
        with self.context.store.read() as connection:
            return *read_plan(connection), False

    def values(self, state: LeadState) -> dict[str, Any]:
        """Everything that the template needs."""
        store, now = self.context.store, self.context.now()
        version, plan, is_draft = self._plan()
        with store.read() as connection:
            reps, applies = read_reps(connection), read_plan(connection)[0]
        tried = try_history(store, plan, now, TRY_DAYS)
        names = {rep.rep_key: rep.name for rep in reps}
        edited = next((rule for rule in plan.rules if rule.key == self.edited), None)
        return {
            "plan": plan, "version": version, "applies": applies, "is_draft": is_draft, "names": names, "reps": reps,
            "rows": [(rule, rule_words(rule, names)) for rule in plan.in_order()], "edited": edited,
            "is_adding": self.edited == "new", "sizes": SIZES, "sources": SOURCES, "who": WHO, "priorities": PRIORITIES,
            "tried_form": self.tried_form, "decision": self.decision, "try_problem": self.try_problem,
            "history": summary_of(tried, names), "differing": [each for each in tried if not each.is_same][:SHOWN],
            "place_of": lambda place, key: names.get(key, key) if key else place, "try_days": TRY_DAYS,
        }  # fmt: skip

    def act(self, name: str, value: Any) -> str:
        """Change the draft, try it out, keep it or drop it; gives what was done, in words.

        Raises:
            DmatError: it cannot be done, in words for the reader.
        """
        if name == "try" and isinstance(value, dict):
            self._try(value)
            return ""
        self.caller.require("leads:route")
        if name in {"edit_rule", "close_rule"}:
            self.edited = str(value or "")[:60] if name == "edit_rule" else ""
            return ""
        try:
            return self._change(name, value)
        except InvalidInputError as error:
            raise as_in_form(error, LABELS) from None

    def _change(self, name: str, value: Any) -> str:
        version, plan, _ = self._plan()
        rules = [rule.model_dump(mode="json") for rule in plan.rules]
        document = plan.model_dump(mode="json")
        if name == "keep_rule" and isinstance(value, dict):
            fresh = rule_document(value, [rule["key"] for rule in rules])
            at = next((n for n, rule in enumerate(rules) if rule["key"] == fresh["key"]), None)
            rules[at if at is not None else len(rules) : (at + 1) if at is not None else len(rules)] = [fresh]
        elif name == "drop_rule":
            rules = [rule for rule in rules if rule["key"] != value]
        elif name in {"rule_up", "rule_down"}:
            rules = moved(rules, str(value), -1 if name == "rule_up" else 1)
        elif name == "clock" and isinstance(value, dict):
            document |= clock_of(value)
        elif name == "keep_rules":
            return self._keep(value, document, version)
        elif name == "drop_rules":
            set_value(self.context.store, self._kept_as, {}, self.context.now(), self.caller.name)
            return "The draft is dropped; the rules that apply are shown"
        else:
            return ""
        self._set_draft(parse_routing(document | {"rules": rules}), version)
        self.edited = ""
        return ""

    def _set_draft(self, plan: RoutingPlan, version: int) -> None:
        draft = {"version": version, "plan": plan.model_dump(mode="json")}
        set_value(self.context.store, self._kept_as, draft, self.context.now(), self.caller.name)
        self._decide()

    def _keep(self, value: Any, document: dict[str, Any], version: int) -> str:
        note = str(value.get("note") or "")[:500] if isinstance(value, dict) else ""
        store, now = self.context.store, self.context.now()
        number, _ = keep_plan(store, document, now, self.caller.name, note, version)
        set_value(store, self._kept_as, {}, now, self.caller.name)
        return f"Version {number} of the rules applies from now on; leads that are given stay where they are"

    def _try(self, form: Mapping[str, Any]) -> None:
        self.tried_form = {name: str(form.get(name) or "")[:100] for name in (*TRIED_FIELDS, "score")}
        self._decide()

    def _decide(self) -> None:
        form, now = self.tried_form, self.context.now()
        try:
            score = _score_of(form.get("score") or "0")
            lead = made_up_lead({name: form.get(name) for name in TRIED_FIELDS}, now)
            self.decision, self.try_problem = try_lead(self.context.store, lead, score, now, self._plan()[1]), ""
        except InvalidInputError as error:
            self.decision, self.try_problem = None, refusal(error)


def _score_of(text: str) -> Decimal:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not 0 <= score <= MOST_SCORE:
        raise InvalidInputError("score", f"{text[:20]!r} is not a score", f"a number, 0 to {MOST_SCORE:,}")
    return Decimal(str(score))


def moved(rules: list[dict[str, Any]], key: str, step: int) -> list[dict[str, Any]]:
    """The rules with one moved before or after its neighbour of the same priority."""
    at = next((number for number, rule in enumerate(rules) if rule["key"] == key), None)
    if at is None:
        return rules
    same = [n for n, rule in enumerate(rules) if rule["priority"] == rules[at]["priority"]]
    place = same.index(at) + step
    if 0 <= place < len(same):
        other = same[place]
        rules[at], rules[other] = rules[other], rules[at]
    return rules


def clock_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """What the form of clocks and conditions says; what is no number is left for `parse_routing` to name."""
    return {
        "ready": {name: form.get(name) is not None for name in ("email_engagement", "company")},
        **{name: str(form.get(name) or "").strip() for name in ("response_minutes", "contact_minutes", "reassigns")},
        "unanswered_after_reassigns": str(form.get("unanswered_after_reassigns") or "manager"),
    }  # fmt: skip


def summary_of(tried: list[Tried], names: Mapping[str, str]) -> dict[str, Any]:
    """How many leads there were, how many would have gone elsewhere, and who would have had how many."""
    was = Counter(each.was_rep or each.was_place for each in tried)
    would = Counter(each.decision.rep_key or each.decision.place for each in tried)
    keys = sorted({*was, *would}, key=lambda key: (-would[key], key))
    return {
        "count": len(tried), "differing": sum(not each.is_same for each in tried),
        "rows": [(names.get(key, key.capitalize()), was[key], would[key]) for key in keys],
    }  # fmt: skip
