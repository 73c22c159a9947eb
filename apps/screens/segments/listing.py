"""The list of segments: how large each is, how it moved, who made it and who uses it; and the templates to start from.

Belongs here: rows of the list and the choice of what is shown. Stays out: one segment (`detail.py`) and layout.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import param

from apps.context import Context, Pulse
from apps.parts.listing import ListPage
from apps.parts.render import render
from apps.screens.segments.addressing import asked_for, remember
from apps.screens.segments.answers import Answers
from apps.screens.segments.history import Trend, read_trends
from dmat.segments.library import Wanted
from dmat.segments.records import Segment
from dmat.segments.templates import list_templates
from dmat.store.access import caller_of_user
from dmat.store.users import User

MOST = 200


@dataclass(frozen=True)
class Row:
    """One segment in the list."""

    segment: Segment
    size: int | None
    trend: Trend
    uses: int


@dataclass(frozen=True)
class Listed:
    """The segments that fit, and what they can be narrowed by, with how many each has."""

    rows: tuple[Row, ...]
    fitting: int
    every: int
    archived: int
    folders: tuple[tuple[str, int], ...]
    tags: tuple[tuple[str, int], ...]

    @property
    def days(self) -> int:
        """How many days the longest history has that is shown, at least two."""
        return max([2, *(len(row.trend.points) for row in self.rows)])


class ListState(param.Parameterized):
    """What the list is narrowed to."""

    search = param.String(default="")
    folder = param.String(default="")
    tag = param.String(default="")
    state = param.String(default="")
    listed = param.ClassSelector(class_=Listed, default=None, allow_None=True)


def list_segments(answers: Answers, state: ListState) -> Listed:
    """The segments that fit what the list is narrowed to."""
    active, archived = answers.library.list(), answers.library.list(Wanted(state="archived"))
    every = archived if state.state == "archived" else active
    trends = read_trends(answers)
    words = state.search.lower().split()
    fitting = [each for each in every if _fits(each, state, words)]
    rows = tuple(
        Row(each, size_of(answers, each), trends.get(each.key, Trend()), len(answers.library.used_by(each.key)))
        for each in fitting[:MOST]
    )
    folders, tags = _counted(each.folder for each in every), _counted(tag for each in every for tag in each.tags)
    return Listed(rows, len(fitting), len(every), len(archived), folders, tags)


def size_of(answers: Answers, segment: Segment) -> int | None:
    """How many people are in a segment now, as the last evaluation says, or counted when there was none."""
    if segment.evaluation is not None and segment.evaluation.rule_version == segment.version:
        return segment.evaluation.size
    return answers.size(segment) if segment.is_evaluated else None


def _fits(segment: Segment, state: ListState, words: Sequence[str]) -> bool:
    text = f"{segment.name} {segment.description} {segment.folder} {' '.join(segment.tags)} {segment.owner}".lower()
    return (
        all(word in text for word in words)
        and (not state.folder or segment.folder == state.folder)
        and (not state.tag or state.tag in segment.tags)
    )


def _counted(names: Any) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((name, count) for name, count in Counter(names).items() if name))


class ListScreen(ListPage):
    """The list of segments of one reader."""

    NARROWED = ("search", "folder", "tag", "state")

    def __init__(self, context: Context, user: User, answers: Answers) -> None:
        super().__init__()
        self.context, self.user, self.answers = context, user, answers
        self.state = ListState(**{name: asked_for(name) for name in self.NARROWED})
        self.lay_out(context, self._render("list_head"))

    def refresh(self, pulse: Pulse) -> Any:
        """Ask for the list; the returned function shows it."""
        listed = list_segments(self.answers, self.state)
        return lambda: self._show(listed)

    def _show(self, listed: Listed) -> None:
        self.state.listed = listed
        self.table.html = self._render("list", listed=listed, state=self.state)

    def _render(self, name: str, **values: Any) -> str:
        may = caller_of_user(self.user).may("segments:write")
        return render(f"screens/segments/{name}.jinja", self.context.now(), self.context.zone, may_write=may,
                      templates=list_templates(), **values)  # fmt: skip

    async def _on_action(self, name: str, value: Any) -> None:
        text = str(value or "")[:200]
        if name not in self.NARROWED:
            return
        setattr(self.state, name, "" if name != "search" and text == getattr(self.state, name) else text)
        remember({each: getattr(self.state, each) for each in self.NARROWED})
        self._show(list_segments(self.answers, self.state))
