"""What a test in the making still lacks, in the words of the form; each fault belongs to one of its cards.

Belongs here: pure looks at the document. Stays out: what needs the store (`judging.py`), and what a plan may say
(`dmat/experiments/plan.py`), which is asked last.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.screens.experiments.forming import Document, Missing, in_words
from dmat.errors import InvalidInputError
from dmat.experiments.metrics import METRICS
from dmat.experiments.plan import OF_A_JOURNEY, TestPlan, parse_test_plan

IDEA, PLACE, ARMS, PEOPLE, DECISION = "idea", "place", "variants", "people", "decision"
ITEMS = ((IDEA, "Idea"), (PLACE, "Where it runs"), (ARMS, "Variants"), (PEOPLE, "People and time"),
         (DECISION, "Decision"))  # fmt: skip
OF_FIELD = {
    "name": IDEA, "hypothesis": IDEA, "kind": IDEA, "key": IDEA, "campaign_id": PLACE, "step": PLACE, "page": PLACE,
    "journey": PLACE,
    "form": PLACE, "arms": ARMS, "control": ARMS, "test_share": PEOPLE, "sample_per_arm": PEOPLE,
    "duration_hours": PEOPLE, "exclusion_group": PEOPLE, "allocation": PEOPLE, "waves": PEOPLE,
}  # fmt: skip


def item_of(field: str) -> str:
    """The card that a place of the plan belongs to."""
    return OF_FIELD.get(field.partition("[")[0].partition(".")[0], DECISION)


def missing_of(document: Document) -> tuple[TestPlan | None, list[Missing]]:
    """The plan when it is whole, and what is missing."""
    found = list(_looks(document))
    if any(each.is_blocking for each in found):
        return None, found
    try:
        return parse_test_plan(document), found
    except InvalidInputError as error:
        item = item_of(error.field) if error.field not in {"", "plan"} else _guess(error.problem)
        return None, [*found, Missing(item, in_words(error, document))]


def _guess(problem: str) -> str:
    if "arm" in problem:
        return ARMS
    return PLACE if "campaign" in problem or "step" in problem or "page" in problem else DECISION


def _looks(document: Document) -> Iterator[Missing]:
    yield from _idea(document)
    yield from _place(document)
    yield from _arms(document)
    yield from _people(document)
    yield from _decision(document)


def _idea(document: Document) -> Iterator[Missing]:
    if not str(document.get("name") or "").strip():
        yield Missing(IDEA, "Give the test a name.")
    if not str(document.get("hypothesis") or "").strip():
        yield Missing(IDEA, "Write down what you expect: later it keeps you honest.", is_blocking=False)


def _place(document: Document) -> Iterator[Missing]:
    kind = document.get("kind")
    if document.get("journey"):
        if not document.get("step"):
            yield Missing(PLACE, "Say which split of the journey is tested.")
        return
    if kind == "landing_page" and not document.get("page"):
        yield Missing(PLACE, "Say which page it is, as /offer.")
    needs_campaign = kind in OF_A_JOURNEY or kind == "factorial"
    if needs_campaign and not document.get("page") and not document.get("campaign_id"):
        yield Missing(PLACE, "Choose the campaign or the journey." if kind in OF_A_JOURNEY else "Choose the campaign.")
    elif document.get("campaign_id") and kind != "frequency" and not document.get("step"):
        yield Missing(PLACE, "Choose the message of the campaign that is tested.")


def _arms(document: Document) -> Iterator[Missing]:
    arms = document.get("arms", [])
    total = sum(arm.get("share") or 0 for arm in arms)
    if abs(total - 1) > 1e-6:
        yield Missing(ARMS, f"The shares add up to {total * 100:.0f}% instead of 100%.")
    if any(not arm.get("share") for arm in arms):
        yield Missing(ARMS, "Each variant needs a share of the people.")
    fault = "" if document.get("journey") else _same(str(document.get("kind")), arms)  # the ways of the split differ
    if fault:
        yield Missing(ARMS, fault)


_NEEDS: dict[str, tuple[tuple[str, ...], str]] = {
    "subject": (("subject",), "Write another subject: two variants have the same one."),
    "content": (("template", "subject"), "Choose another template: two variants are the same."),
    "media": (("template",), "Choose another template: two variants are the same."),
    "offer": (("code_pool", "template"), "Choose another pool of codes or template: two variants are the same."),
    "factorial": (("subject", "template"), "Give two variants another subject, and two another template."),
    "landing_page": (("url",), "Nothing says yet how the variants differ; your page can ask our script for it."),
}


def _same(kind: str, arms: list[Any]) -> str:
    given = [arm.get("overrides", {}) for arm in arms]
    if kind == "send_time":
        times = [each.get("time") for each in given]
        return "" if all(times) and len(set(times)) == len(times) else "Give each variant a time of its own."
    if kind == "frequency":
        steps = [frozenset(each.get("steps") or ()) for each in given]
        return "" if len(set(steps)) == len(steps) else "Tick for each variant which messages it gets; no two alike."
    if kind not in _NEEDS or kind == "landing_page":
        return ""
    places, words = _NEEDS[kind]
    seen = {tuple(each.get(place) or "" for place in places) for each in given}
    return "" if len(seen) == len(given) else words


def _people(document: Document) -> Iterator[Missing]:
    if not document.get("duration_hours") and not document.get("sample_per_arm"):
        yield Missing(PEOPLE, "Say how long it runs, or how many people it needs.")
    share = document.get("test_share")
    if not share or not 0 < share <= 1:
        yield Missing(PEOPLE, "The share of the audience is between 1 and 100 percent.")


def _decision(document: Document) -> Iterator[Missing]:
    metric = METRICS.get(str(document.get("primary")))
    rule = document.get("rule", {})
    if metric is None or not metric.is_weak_evidence:
        return
    if rule.get("auto") and not str(rule.get("metric_reason") or "").strip():
        yield Missing(DECISION, "Say why opens may decide, or let clicks decide.")
    yield Missing(DECISION, "Machines open mails too, which hides differences. Clicks are the better judge.",
                  is_blocking=False)  # fmt: skip
