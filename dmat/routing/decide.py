"""The decision: who gets a lead, and why, in words.

Belongs here: a pure function of lead, reps, loads, rules and time. Stays out: reading and writing (`assigning.py`).

Among those whom a rule means, who has capacity is chosen by: at work now, fewer new leads today, fewer open leads,
longest without a new one, key. So reps whom the same rules mean are never more than one lead of a day apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from dmat.routing.plan import RoutingPlan, RoutingRule, ToRep, When
from dmat.routing.reps import Load, Rep
from dmat.scoring.leads import Lead
from dmat.scoring.matrix import seed_bands

REP, QUEUE, POOL = "rep", "queue", "pool"
SOON_DAYS = 4  # who does not work within so many days is not there


@dataclass(frozen=True)
class Decision:
    """Where a lead goes, by which rule, and why (sentences in the order of thought)."""

    place: str
    rep_key: str | None
    rule: str
    is_priority: bool
    because: tuple[str, ...]
    respond_by: datetime | None = None


@dataclass
class _Thought:
    """What is known while deciding."""

    lead: Lead
    score: Decimal
    reps: Sequence[Rep]
    loads: Mapping[str, Load]
    now: datetime
    excluded: Collection[str]
    because: list[str] = field(default_factory=list)


def decide(
    lead: Lead,
    score: Decimal,
    plan: RoutingPlan,
    reps: Sequence[Rep],
    loads: Mapping[str, Load],
    now: datetime,
    excluded: Collection[str] = (),
) -> Decision:
    """Where a lead goes.

    Args:
        lead, score: what rules look at.
        plan: the rules that apply.
        reps, loads: everybody, with what they have.
        now: UTC.
        excluded: keys of reps who had the lead and did not answer.
    """
    thought = _Thought(lead, score, [rep for rep in reps if rep.is_active], loads, now, set(excluded))
    thought.because.append(_score_words(score))
    for rule in plan.in_order():
        found = _by_rule(rule, plan, thought)
        if found is not None:
            return found
    thought.because.append("No rule means anybody for this lead: it goes to the general pool.")
    return Decision(POOL, None, "", False, tuple(thought.because))


def _score_words(score: Decimal) -> str:
    bands = seed_bands()
    if bands.is_qualified(score):
        return f"The score is {float(score):g}, over {bands.qualified_over}: ready for sales."
    return f"The score is {float(score):g}, not over {bands.qualified_over}: not ready for sales by itself."


def _by_rule(rule: RoutingRule, plan: RoutingPlan, thought: _Thought) -> Decision | None:
    title = rule.name or rule.key
    if not fits(rule.when, thought.lead, thought.score):
        return None
    meant = [rep for rep in thought.reps if _is_meant(rule, rep, thought.lead)]
    asked = [rep for rep in meant if rep.rep_key not in thought.excluded]
    if not asked:
        if meant:
            thought.because.append(f"{title}: {_names(meant)} did not answer before.")
        return None
    free = [rep for rep in asked if _refusal(rep, thought) is None]
    if free:
        return _give(rule, plan, free, thought)
    refusals = "; ".join(f"{rep.name} {_refusal(rep, thought)}" for rep in asked)
    thought.because.append(f"{title}: {refusals}.")
    if rule.when_full == "next_rule":
        return None
    thought.because.append("It waits in the queue" + (" with priority." if rule.priority == "high" else "."))
    return Decision(QUEUE, None, rule.key, _is_urgent(rule, thought), tuple(thought.because))


def _is_urgent(rule: RoutingRule, thought: _Thought) -> bool:
    return rule.priority == "high" or bool(thought.excluded) or seed_bands().is_qualified(thought.score)


def _give(rule: RoutingRule, plan: RoutingPlan, free: Sequence[Rep], thought: _Thought) -> Decision:
    chosen = min(free, key=lambda rep: _order(rep, thought))
    load = thought.loads.get(chosen.rep_key, Load())
    words = f"{rule.name or rule.key}: {_names(free)} could take it" if len(free) > 1 else f"{rule.name or rule.key}"
    at_work = chosen.hours.is_at_work(thought.now)
    thought.because.append(
        f"{words}: {chosen.name} gets it, with {load.today_count} new today and {load.open_count} open,"
        f" {'at work now' if at_work else 'not at work now'}."
    )
    respond_by = chosen.hours.after(thought.now, plan.response_minutes)
    return Decision(REP, chosen.rep_key, rule.key, _is_urgent(rule, thought), tuple(thought.because), respond_by)


def _order(rep: Rep, thought: _Thought) -> tuple[bool, int, int, datetime, str]:
    load = thought.loads.get(rep.rep_key, Load())
    last = load.last_at or datetime.min
    return not rep.hours.is_at_work(thought.now), load.today_count, load.open_count, last, rep.rep_key


def _refusal(rep: Rep, thought: _Thought) -> str | None:
    load = thought.loads.get(rep.rep_key, Load())
    if load.open_count >= rep.capacity:
        return f"has {load.open_count} open leads, which is enough"
    if load.today_count >= rep.most_per_day:
        return f"got {load.today_count} today, which is enough"
    if not rep.hours.works_within(thought.now, SOON_DAYS):
        return f"does not work within {SOON_DAYS} days"
    return None


def _names(reps: Sequence[Rep]) -> str:
    return ", ".join(rep.name for rep in reps)


def fits(when: When, lead: Lead, score: Decimal) -> bool:
    """Whether a lead is one that a rule is for."""
    if when.score_over is not None and not score > Decimal(str(when.score_over)):
        return False
    pairs = (
        (when.countries, lead.country_code), (when.regions, lead.region), (when.industries, lead.industry),
        (when.company_sizes, lead.company_size), (when.sources, lead.source),
    )  # fmt: skip
    return all(_has(wanted, value) for wanted, value in pairs if wanted)


def _has(words: Sequence[str], value: str) -> bool:
    return bool(value) and value.casefold() in {word.casefold() for word in words}


def _is_meant(rule: RoutingRule, rep: Rep, lead: Lead) -> bool:
    then = rule.then
    if isinstance(then, ToRep):
        return rep.rep_key == then.rep
    if then.to == "manager":
        return rep.role == "manager"
    if then.to == "territory":
        places = (lead.region, lead.country_code, f"{lead.country_code}/{lead.region}")
        return any(_has(rep.territories, place) for place in places if place.strip("/"))
    if then.to == "specialist":
        return _has(rep.industries, lead.industry)
    return rep.role == "rep"
