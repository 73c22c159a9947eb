"""Words of journeys: what a step is called and does, statuses, ways.

Belongs here: words and icons. Stays out: HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.parts.channels import channel_icon, channel_name
from apps.parts.words import sentence_case
from apps.screens.journeys.fields import UNITS, span_parts
from apps.screens.journeys.graph import Document, Way
from apps.screens.journeys.offering import STEPS, TRIGGERS

TONES = {"draft": ("", "edit"), "live": ("success", "play"), "paused": ("warning", "pause"), "archived": ("", "stop")}
STATUS_WORDS = {"draft": "Draft", "live": "Live", "paused": "Paused", "archived": "Archived"}
MEMBER_WORDS = {
    "waiting": ("Inside", "info", "clock"), "completed": ("Came to the end", "success", "check"),
    "exited": ("Left before the end", "", "exit"), "refused": ("Not let in", "warning", "shield"),
}  # fmt: skip
OPS = {"equals": "is", "not_equals": "is not", "at_least": "is at least", "at_most": "is at most",
       "one_of": "is one of", "contains": "contains"}  # fmt: skip
DATES = {"birthday": "birthday", "first_order_at": "day of the first order", "last_order_at": "day of the last order",
         "first_seen_at": "day we first saw them"}  # fmt: skip
HOWS = {"sent": "was sent", "delivered": "was delivered", "opened": "was opened", "clicked": "was clicked",
        "replied": "was answered", "bounced": "bounced", "unsubscribed": "led to unsubscribing"}  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ONE = {"minutes": "minute", "hours": "hour", "days": "day", "weeks": "week"}
_ICONS = {each.document["do"]: each.icon for each in reversed(STEPS) if each.document["do"] != "send"}
_NAMES = {each.document["do"]: each.name for each in reversed(STEPS) if each.document["do"] != "send"}


def span_words(span: Any) -> str:
    """`23h` -> 23 hours."""
    count, unit = span_parts(span)
    named = UNITS[unit]
    return f"{int(count):,} {ONE[named] if count == '1' else named}" if count else "?"


def plain(key: Any) -> str:
    """`form_submitted` -> form submitted."""
    return str(key or "?").replace("_", " ").replace("-", " ")


def icon_of(step: Document) -> str:
    """Its icon."""
    return channel_icon(str(step.get("channel"))) if step["do"] == "send" else _ICONS.get(step["do"], "more")


def title_of(step: Document, templates: Mapping[str, str] = {}) -> str:
    """What a step is called: its own name, or what it does; `templates` names events too, as `event:<key>`."""
    if step.get("name"):
        return str(step["name"])
    if step["do"] == "send":
        return templates.get(str(step.get("template")), "") or sentence_case(
            plain(step.get("template") or "No message")
        )
    if step["do"] == "wait":
        return sentence_case(wait_words(step, templates))
    return _NAMES.get(step["do"], sentence_case(step["do"]))


def about_of(step: Document, names: Mapping[str, str] = {}) -> str:
    """What a step does, in a line below its name."""
    do, data = step["do"], step.get("data") or {}
    if do == "send":
        return channel_name(str(step.get("channel")))
    if do == "wait":
        return sentence_case(wait_words(step, names)) if step.get("name") else ""
    if do == "branch":
        count = len(step["cases"]) + 1
        return f"{count} ways, the first that fits"
    if do == "split":
        return ", ".join(f"{arm['key'].upper()} {arm['share']:.0%}" for arm in step["arms"])
    if do == "audience":
        return f"{step.get('list_name') or 'An audience'}, {step.get('days', 14)} days"
    told = data.get("title") or data.get("reason") or data.get("tag") or step.get("reason")
    if "points" in data:
        told = f"{data['points']:+,} points" if isinstance(data["points"], (int, float)) else "points?"
    if do == "set_value":
        told = f"{plain(data.get('name'))} = {data.get('value', '')}"
    return str(
        told or {"goal": "what the journey is for", "exit": "the journey ends", "webhook": "journey.step"}.get(do, "")
    )


def wait_words(step: Document, names: Mapping[str, str] = {}) -> str:
    """What is waited for."""
    if step.get("until_event"):
        return f"until {event_words(step['until_event'], names)}, at most {span_words(step.get('for'))}"
    if step.get("until_date"):
        words = f"until the {DATES.get(step['until_date'], step['until_date'])}"
    else:
        words = f"wait {span_words(step['for'])}" if step.get("for") else "wait"
    if step.get("until_time"):
        day = f"{WEEKDAYS[int(step['weekday']) - 1]}, " if step.get("weekday") else ""
        words += f"{', then' if step.get('for') else ''} until {day}{step['until_time']}"
    return words


def event_name(key: Any, names: Mapping[str, str] = {}) -> str:
    """What an event is called; names of events are kept as `event:<key>`."""
    return names.get(f"event:{key}", plain(key)).lower()


def event_words(event: Document, names: Mapping[str, str] = {}) -> str:
    """An event with its conditions."""
    return ", ".join([event_name(event.get("event"), names), *(where_words(each) for each in event.get("where") or ())])


def where_words(where: Document) -> str:
    """A comparison."""
    value = where.get("value", "")
    shown = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return f"{plain(where.get('name'))} {OPS.get(where.get('op', 'equals'), 'is')} {shown}"


def question_words(question: Document, names: Mapping[str, str] = {}) -> str:
    """A question of a branch; `names` are those of segments and steps."""
    kind = question.get("kind")
    if kind in ("all", "any"):
        return f" {'and' if kind == 'all' else 'or'} ".join(question_words(each, names) for each in question["of"])
    if kind == "not":
        return f"not {question_words(question['of'], names)}"
    if kind == "segment":
        return f"in {names.get(question.get('segment', ''), plain(question.get('segment')))}"
    if kind == "consent":
        return f"agreed to {channel_name(question.get('channel', ''))}"
    if kind == "reacted":
        message = names.get(question.get("step", ""), plain(question.get("step")))
        return f"{message} {HOWS.get(question.get('how', ''), '')}"
    if kind == "did":
        since = f" within {span_words(question['within'])}" if question.get("within") else ""
        return event_words(question, names) + since
    if kind == "score":
        over = question.get("over")
        return f"score at least {question.get('at_least')}" if over is None else f"score over {over}"
    return where_words(question.get("is") or question.get("is_") or {})


def way_words(step: Document | None, way: Way, names: Mapping[str, str] = {}) -> str:
    """When a way is taken; empty where there is only one."""
    if step is None or not way.when:
        return ""
    if way.when == "case":
        return question_words(step["cases"][int(way.place.split(".")[1])]["when"], names)
    if way.when == "arm":
        arm = step["arms"][int(way.place.split(".")[1])]
        return f"{arm['key'].upper()}, {arm['share']:.0%}"
    return "all others" if way.when == "otherwise" else way.when


def trigger_words(trigger: Document, names: Mapping[str, str] = {}) -> str:
    """What starts the journey."""
    kind = trigger.get("kind")
    segment = names.get(trigger.get("segment", ""), plain(trigger.get("segment")))
    if kind == "cart_abandoned":
        cents = int(trigger.get("min_total_cents") or 0)
        least = f" worth {cents / 100:,.2f} or more" if cents else ""
        return f"A cart{least} is left for {span_words(trigger.get('after', '1h'))}"
    if kind == "event":
        return sentence_case(event_words(trigger, names))
    if kind == "segment":
        return f"Somebody {'enters' if trigger.get('change', 'entered') == 'entered' else 'leaves'} {segment}"
    if kind == "date":
        return sentence_case(_date_words(trigger))
    if kind == "schedule":
        return f"{_schedule_words(trigger)}, for {segment}"
    if kind == "tier_reached":
        return f"They reach {' or '.join(map(plain, trigger.get('tiers') or ())) or 'a higher tier'}"
    return TRIGGERS["api"][0]


def _schedule_words(trigger: Document) -> str:
    if trigger.get("every"):
        return f"Every {trigger['every']} at {trigger.get('at', '09:00')}"
    moment = str(trigger.get("moment") or "")
    return f"Once, {moment[:16].replace('T', ' ')} UTC" if moment else "Once"


def _date_words(trigger: Document) -> str:
    name, days = DATES.get(trigger.get("field", ""), "date"), int(trigger.get("days_before") or 0)
    month = "month of the " if trigger.get("part") == "month" else ""
    side = f"{abs(days)} days {'before' if days > 0 else 'after'} the " if days else "the "
    return f"{side}{month}{name}, at {trigger.get('at', '09:00')}"


def exit_words(rule: Document, names: Mapping[str, str] = {}) -> str:
    """What ends the journey wherever the person stands."""
    if rule.get("left_segment"):
        return f"they leave {names.get(rule['left_segment'], plain(rule['left_segment']))}"
    if rule.get("where"):
        return event_words(rule["where"], names)
    return "the cart is ordered" if rule.get("event") == "cart_ordered" else event_name(rule.get("event"), names)
