"""What the composer asks about a plan: what is wrong with it, and whom it would reach.

Belongs here: looking at a plan that may be half done, so that one unfinished step does not hide the rest. Stays out:
the checks and the estimate themselves (`dmat/campaigns/checking.py`, `estimate.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.screens.campaigns.composing import Found
from apps.screens.campaigns.desk import Desks
from dmat.campaigns.checking import Finding, check_plan
from dmat.campaigns.estimate import Estimate, estimate
from dmat.campaigns.plan import CampaignPlan, parse_plan
from dmat.errors import DmatError, InvalidInputError, NotFoundError
from dmat.messages.checks import ERROR, check_template
from dmat.messages.codes import list_pools

Document = Mapping[str, Any]


def split(document: Document) -> tuple[CampaignPlan | None, list[Finding]]:
    """The plan as far as it is whole, with what is wrong with the rest; None when even the frame is not."""
    found: list[Finding] = []
    steps, places = [], []
    frame = {**document, "steps": []}
    for number, step in enumerate(document.get("steps", ())):
        try:
            parse_plan({"steps": [step]})
        except InvalidInputError as error:
            found.append(_finding(error, error.field.replace("steps[0]", f"steps[{number}]", 1)))
        else:
            steps.append(step)
            places.append(number)
    rules = _whole_rules(document.get("rules", ()), found)
    milder: tuple[dict[str, Any], ...] = ({}, {"holdout": {}}, {"starts_at": None, "ends_at": None})
    for part in milder:
        try:
            return parse_plan({**frame, **part, "steps": steps, "rules": rules}), found
        except InvalidInputError as error:
            wrong = _finding(error, error.field)
            if wrong not in found:
                found.append(wrong)
    return None, found


def _whole_rules(rules: Sequence[Any], found: list[Finding]) -> list[Any]:
    """The rules that are whole; what is wrong with the others is added to `found`."""
    whole = []
    for number, rule in enumerate(rules):
        try:
            parse_plan({"rules": [rule]})
        except InvalidInputError as error:
            found.append(_finding(error, error.field.replace("rules[0]", f"rules[{number}]", 1)))
        else:
            whole.append(rule)
    return whole


def _finding(error: InvalidInputError, place: str) -> Finding:
    return Finding(place, error.problem + (f" (allowed: {error.allowed})" if error.allowed else ""), error.allowed)


class Answering:
    """Answers for the composers of one server."""

    def __init__(self, desks: Desks) -> None:
        self.desks = desks
        self._checked: dict[tuple[str, int], str] = {}

    def parse(self, document: Document) -> CampaignPlan:
        """The plan of a document.

        Raises:
            InvalidInputError: it is not whole.
        """
        return parse_plan(dict(document))

    def look(self, document: Document, serial: int) -> Found:
        """Check and count a plan as far as it is whole."""
        plan, found = split(document)
        if plan is None:
            return Found(serial, tuple(found))
        context = self.desks.context
        checked = check_plan(context.store, context.settings, plan)
        has_open_steps = len(plan.steps) < len(document.get("steps", ()))
        checked = [each for each in checked if not (has_open_steps and each.place == "steps")]
        counted = self._estimate(plan)
        found += [*checked, *self._templates(document), *self._codes(plan, counted)]
        return Found(serial, tuple(found), counted)

    def _codes(self, plan: CampaignPlan, counted: Estimate | None) -> list[Finding]:
        """Pools that have fewer codes than the steps that ask for them would need."""
        wanted = {step.key: (number, step.code_pool) for number, step in enumerate(plan.steps) if step.code_pool}
        if not wanted or counted is None:
            return []
        with self.desks.context.store.read() as connection:
            room = {pool.key: pool.room for pool in list_pools(connection)}
        found = []
        for step in counted.steps:
            number, pool = wanted.get(step.step, (0, ""))
            if pool not in room:
                continue
            room[pool] -= step.recipients
            if room[pool] < 0:
                what = f"the pool of codes is short of about {-room[pool]:,}: a step without codes for all stops"
                found.append(Finding(f"steps[{number}].code_pool", what, is_blocking=False))
        return found

    def _templates(self, document: Document) -> list[Finding]:
        """Steps whose template is gone, or has errors."""
        found = []
        for number, step in enumerate(document.get("steps", ())):
            variants = (each.get("template") for each in step.get("variants") or ())
            for key in dict.fromkeys([str(step.get("template") or ""), *(str(each or "") for each in variants)]):
                problem = self._problem_of(key)
                if problem:
                    found.append(Finding(f"steps[{number}].template", problem))
        return found

    def _problem_of(self, key: str) -> str:
        if not key:
            return ""
        try:
            template = self.desks.templates.get(key)
        except NotFoundError:
            return ""  # the plan's own checks say so
        if template.is_built_in:
            return ""
        known = (template.key, template.version)
        if known not in self._checked:
            errors = [each for each in check_template(self.desks.context.settings, template) if each.level == ERROR]
            self._checked[known] = f"the template has errors: {errors[0].what}" if errors else ""
        return self._checked[known]

    def _estimate(self, plan: CampaignPlan) -> Estimate | None:
        if not plan.audience.segments and not plan.audience.is_everybody:
            return None
        context = self.desks.context
        try:
            return estimate(context.settings, context.store, self.desks.segments, plan)
        except DmatError:
            return None
