"""What needs somebody: chosen from the figures of the warehouse, the store's counts and the pulse.

Belongs here: which findings are worth a person's time, and their words. Stays out: the queries behind them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.context import Pulse
from apps.parts.words import source_name
from apps.screens.home.data import HomeFigures, LiveCounts


@dataclass(frozen=True)
class Need:
    """One thing that somebody should look at."""

    tone: str
    icon: str
    what: str
    why: str
    link: str
    link_words: str


@dataclass(frozen=True)
class Waiting:
    """Campaigns and tests that wait for somebody: number, name, and why or who; and tests that ended lately.

    Attributes:
        stuck: journeys whose people should have gone on long ago: key, name, how many.
        alerts: open alerts about figures that nobody looks after yet: title, words, severity.
        tasks: what the reader has to do about a person by today: number of the person, words, whether it is late.
    """

    approvals: tuple[tuple[int, str, str], ...] = ()
    guarded: tuple[tuple[int, str, str], ...] = ()
    incomplete: tuple[tuple[int, str, str], ...] = ()
    deciding: tuple[tuple[int, str, str], ...] = ()
    finished: tuple[tuple[int, str, str], ...] = ()
    stuck: tuple[tuple[str, str, int], ...] = ()
    alerts: tuple[tuple[str, str, str], ...] = ()
    tasks: tuple[tuple[int, str, bool], ...] = ()


LATE_SENDING = timedelta(minutes=30)
URGENCY = ("danger", "warning", "success")
"""Tones, the most urgent first."""


def list_needs(
    figures: HomeFigures | None, live: LiveCounts | None, pulse: Pulse, now: datetime, waiting: Waiting | None = None
) -> list[Need]:
    """What needs somebody, most urgent first."""
    of_people = _needs_of_people(waiting) if waiting else []
    found = [*of_people, *_needs_of_store(live, pulse, now), *_needs_of_sources(figures, now)]
    return sorted(found, key=lambda need: URGENCY.index(need.tone))


def _needs_of_people(waiting: Waiting) -> list[Need]:
    """Of campaigns, journeys, tests, alerts and tasks."""
    planned = [*_needs_of_campaigns(waiting), *_stuck_journeys(waiting), *_needs_of_tests(waiting)]
    return [*planned, *_open_alerts(waiting), *_due_tasks(waiting), *_ended_tests(waiting)]


def _needs_of_tests(waiting: Waiting) -> list[Need]:
    return [
        Need("warning", "flask", f"{name} waits for your decision", why, f"/experiments?id={number}", "Decide")
        for number, name, why in waiting.deciding
    ]


def _stuck_journeys(waiting: Waiting) -> list[Need]:
    return [
        Need("danger", "route", f"{count:,} {'person is' if count == 1 else 'people are'} stuck in {name}",
             "They should have gone on more than an hour ago. Is the stream running?",
             f"/journeys?id={key}&view=people&only=stuck", "See who and where")
        for key, name, count in waiting.stuck
    ]  # fmt: skip


def _open_alerts(waiting: Waiting) -> list[Need]:
    return [
        Need("danger" if severity == "urgent" else "warning", "warning", title, words, "/alerts", "Look after it")
        for title, words, severity in waiting.alerts
    ]


def _due_tasks(waiting: Waiting) -> list[Need]:
    return [
        Need("danger" if is_late else "warning", "clock", words,
             f"Your task, due {'before today' if is_late else 'today'}.", f"/people?id={person}", "See the person")
        for person, words, is_late in waiting.tasks
    ]  # fmt: skip


def _ended_tests(waiting: Waiting) -> list[Need]:
    return [
        Need("success", "flask", f"{name} is decided", why, f"/experiments?id={number}", "See what came of it")
        for number, name, why in waiting.finished
    ]


def _needs_of_campaigns(waiting: Waiting) -> list[Need]:
    needs = []
    for number, name, why in waiting.guarded:
        needs.append(
            Need(
                "danger",
                "shield",
                f"{name} was stopped by the guard",
                why,
                f"/campaigns?id={number}",
                "See the campaign",
            )
        )
    for number, name, why in waiting.incomplete:
        needs.append(
            Need("danger", "warning", f"{name} does not add up", why, f"/campaigns?id={number}", "See what is open")
        )
    for number, name, who in waiting.approvals:
        asked = f"{who} asks for a second person's yes."
        needs.append(
            Need("warning", "check", f"{name} waits for approval", asked, f"/campaigns?id={number}", "Look at it")
        )
    return needs


def _needs_of_store(live: LiveCounts | None, pulse: Pulse, now: datetime) -> list[Need]:
    needs = []
    if live and live.not_sending:
        why = f"{live.not_sending[0].upper()}{live.not_sending[1:]}."
        needs.append(Need("danger", "send", "Nothing is sent", why, "/health", "Decide"))
    unclear = pulse.by_state.get("ambiguous", 0)
    if unclear:
        needs.append(
            Need(
                "danger",
                "send",
                f"{unclear:,} message{'s' if unclear > 1 else ''} may or may not have left",
                "The provider did not answer. They are never sent again by guessing.",
                "/health#queue",
                "See them",
            )
        )
    if pulse.quarantined:
        needs.append(
            Need(
                "warning",
                "shield",
                f"{pulse.quarantined:,} webhook{'s' if pulse.quarantined > 1 else ''} in quarantine",
                "Not signed by the vendor, or not readable.",
                "/health#quarantine",
                "See why",
            )
        )
    if live and live.due and live.oldest_due_at and now - live.oldest_due_at > LATE_SENDING:
        needs.append(
            Need(
                "warning",
                "clock",
                f"{live.due:,} messages wait to be sent" if live.due > 1 else "1 message waits to be sent",
                "Due for more than half an hour. Is the sender running?",
                "/health#queue",
                "See the queue",
            )
        )
    return needs


def _needs_of_sources(figures: HomeFigures | None, now: datetime) -> list[Need]:
    if figures is None:
        return []
    needs = []
    for source in figures.sources:
        state = source.state(now)
        if state == "failing":
            needs.append(
                Need(
                    "danger",
                    "error",
                    f"{source_name(source.source)} could not be read",
                    source.error[:160],
                    "/health#sources",
                    "See the source",
                )
            )
        elif state == "stale":
            needs.append(
                Need(
                    "warning",
                    "clock",
                    f"{source_name(source.source)} has sent nothing for days",
                    "Its last load is more than three days old.",
                    "/health#sources",
                    "See the source",
                )
            )
    if figures.refused_week:
        rows = "row was" if figures.refused_week == 1 else "rows were"
        needs.append(
            Need(
                "warning",
                "table",
                f"{figures.refused_week:,} {rows} refused in seven days",
                "They are kept aside with the reason.",
                "/health#refused",
                "See the reasons",
            )
        )
    return needs
