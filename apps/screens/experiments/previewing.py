"""How the variants of a test look: the line in the inbox, and the message as somebody unknown would get it.

Belongs here: putting step, template and what a variant changes together. Stays out: rendering (`dmat/messages`).
A variant that cannot be shown says why; the others are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.screens.experiments.desk import TestDesk
from dmat.campaigns.plan import Step
from dmat.errors import DmatError
from dmat.messages.preview import preview_template

KEPT = 64


@dataclass(frozen=True)
class Look:
    """How one variant looks.

    Attributes:
        subject: its first line: subject, title, or the first words.
        html: the mail; empty for other channels.
        parts: what the other channels say.
        changed: what it has that the step has not, in words.
    """

    key: str
    channel: str = ""
    from_line: str = ""
    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    changed: str = ""
    problem: str = ""


class Previews:
    """Looks of variants, each rendered once."""

    def __init__(self, desk: TestDesk) -> None:
        self.desk = desk
        self._kept: dict[tuple[Any, ...], Look] = {}

    def of(
        self, step: Step | None, arms: Sequence[Mapping[str, Any]], steps: Mapping[str, str] | None = None
    ) -> dict[str, Look]:
        """Arm -> its look; without a step only what changes. `steps` names the steps of the campaign."""
        templates = {each.key: each.name for each in self.desk.campaigns.templates.list()}
        return {str(arm["key"]): self._look(step, arm, templates, steps or {}) for arm in arms}

    def _look(
        self, step: Step | None, arm: Mapping[str, Any], templates: Mapping[str, str], steps: Mapping[str, str]
    ) -> Look:
        given = arm.get("overrides") or {}
        key, changed = str(arm["key"]), changes_of(given, templates, steps)
        template = str(given.get("template") or (step.template if step else ""))
        if step is None or not template:
            return Look(key, changed=changed, subject=str(given.get("subject") or ""))
        subject = str(given.get("subject") or step.subject)
        try:
            found = self.desk.campaigns.templates.get(template)
        except DmatError:
            return Look(key, step.channel, changed=changed, problem=f"The template {template} is not there.")
        known = (template, found.version, subject, key, changed)
        if known not in self._kept:
            while len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[known] = self._render(step, key, found, subject, changed)
        return self._kept[known]

    def _render(self, step: Step, key: str, template: Any, subject: str, changed: str) -> Look:
        context = self.desk.context
        try:
            shown = preview_template(context.settings, self.desk.workspace, template)
        except DmatError as error:
            return Look(key, step.channel, changed=changed, subject=subject, problem=f"It cannot be shown: {error}.")
        said = subject or shown.subject or str(shown.parts.get("title") or "")
        text = shown.text or str(shown.parts.get("text") or shown.parts.get("body") or "")
        return Look(
            key, step.channel, shown.from_line, said, shown.preheader, shown.html, text, changed,
            problem="" if said or text or shown.html else "The template is empty.",
        )  # fmt: skip


def changes_of(
    given: Mapping[str, Any], templates: Mapping[str, str] | None = None, steps: Mapping[str, str] | None = None
) -> str:
    """What a variant changes, in words; empty when it is as the step is."""
    said = []
    if given.get("subject"):
        said.append(f"“{given['subject']}”")
    if given.get("template"):
        said.append(f"template {(templates or {}).get(given['template'], given['template'])}")
    if given.get("time"):
        said.append(f"at {given['time']}")
    if given.get("code_pool"):
        said.append(f"codes of {given['code_pool']}")
    if given.get("url"):
        said.append(f"page {given['url']}")
    if given.get("steps"):
        names = [(steps or {}).get(key, key) for key in given["steps"]]
        said.append(f"{len(names)} message{'s' if len(names) != 1 else ''}: {', '.join(names)}")
    return ", ".join(said)
