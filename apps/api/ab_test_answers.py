"""What the doors for tests answer: shapes in JSON.

Belongs here: turning what `dmat.experiments` gives into JSON values. Stays out: asking for it (`ab_tests.py`).
Times are UTC and say so (`...Z`); rates are 0 to 1; what is not known is null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from dmat.experiments.factors import Factors
from dmat.experiments.gain import Gain
from dmat.experiments.horizon import HELD_BACK
from dmat.experiments.plan import as_document
from dmat.experiments.records import Decision, Experiment, LogLine, Wave
from dmat.experiments.running import Judged

Json = dict[str, Any]


def moment(value: datetime | None) -> str | None:
    """A moment as text, with a Z."""
    return None if value is None else value.replace(microsecond=0).isoformat() + "Z"


def whole_json(found: Experiment) -> Json:
    """A test with its plan, under the names of the plan and those of the requirement."""
    plan = found.plan
    return {
        "id": found.experiment_id, "key": found.key, "name": found.name, "kind": found.kind, "status": found.status,
        "statusReason": found.status_reason, "campaignId": found.campaign_id, "step": found.step, "page": found.page,
        "hypothesis": plan.hypothesis, "testPercentage": round(plan.test_share * 100, 6),
        "durationHours": plan.duration_hours, "successMetric": plan.primary, "autoSendWinner": plan.rule.auto,
        "variations": [
            {"id": arm.key, "key": arm.key, "name": arm.shown_name, "isControl": arm.key == plan.control_key,
             "trafficPercentage": round(arm.share * 100, 6), "content": arm.overrides.model_dump(exclude_defaults=True)}
            for arm in plan.arms
        ],
        "version": found.version, "runningVersion": found.running_version, "winner": found.winner or None,
        "startedAt": moment(found.started_at), "beganAt": moment(found.began_at),
        "deadlineAt": moment(found.deadline_at), "decidedAt": moment(found.decided_at),
        "endedAt": moment(found.ended_at), "createdAt": moment(found.created_at), "createdBy": found.created_by,
        "updatedAt": moment(found.updated_at), "updatedBy": found.updated_by, "learning": found.learning,
        "plan": as_document(plan),
    }  # fmt: skip


def results_json(
    found: Experiment, judged: Judged, counts: Mapping[str, Mapping[str, int]], waves: Sequence[Wave],
    decision: Decision | None, now: datetime, factors: Sequence[Factors] = (), gains: Sequence[Gain] = (),
) -> Json:  # fmt: skip
    """What is known of a test now, and what would be concluded from it; `factors` of tests of two things at once.

    `gains`: what each variation brings to the people who wait; nothing before figures count.
    """
    analysis, verdict = judged.analysis, judged.verdict
    left = (found.deadline_at - now).total_seconds() if found.deadline_at and found.is_live else None
    answer: Json = finite({
        "id": found.experiment_id, "name": found.name, "status": found.status, "statusReason": found.status_reason,
        "successMetric": analysis.primary, "inference": judged.design.inference, "asOf": moment(now),
        "secondsRemaining": None if left is None else max(0, round(left)),
        "variations": [
            {
                "id": arm.key, "name": arm.title, "isControl": arm.key == judged.design.control,
                "assigned": judged.observed.assigned.get(arm.key, 0), "counts": dict(counts.get(arm.key, {})),
                "metrics": {
                    each.metric: {name: value for name, value in asdict(each).items() if name not in ("arm", "metric")}
                    for each in analysis.arms if each.arm == arm.key
                },
            }
            for arm in judged.design.arms
        ],
        "heldBack": HELD_BACK if judged.is_preview else None,
        "comparisons": [_compared(asdict(each), judged) for each in analysis.comparisons],
        "factors": [_factors(each, judged) for each in factors],
        "expectedGains": [] if judged.is_preview else [_gain(each) for each in gains],
        "guardrails": [asdict(each) for each in analysis.guardrails],
        "health": [asdict(each) for each in analysis.health], "healthLevel": analysis.health_level,
        "family": analysis.family, "peopleNeededPerVariation": analysis.people_needed_per_arm,
        "power": analysis.current_power, "sentence": " ".join(judged.sentences), "sentences": list(judged.sentences),
        "verdict": asdict(verdict), "winner": found.winner or None,
        "decision": None if decision is None else decision_json(decision),
        "waiting": _waiting(waves, found), "rolledOut": _rolled_out(waves),
    })  # fmt: skip
    return answer


def _compared(compared: Json, judged: Judged) -> Json:
    """A comparison; before the planned end of a test that is judged there, nothing of it is significant or not."""
    return compared | ({"is_significant": None, "held_back": HELD_BACK} if judged.is_preview else {"held_back": None})


def _gain(gain: Gain) -> Json:
    return {
        "variation": gain.arm, "insteadOf": gain.other, "metric": gain.metric, "people": gain.people,
        "value": gain.value, "low": gain.low, "high": gain.high, "isProven": gain.is_proven,
    }  # fmt: skip


def _factors(found: Factors, judged: Judged) -> Json:
    told = asdict(found)
    if not judged.is_preview:
        return told
    effects = [{**each, "is_significant": None, "sentence": HELD_BACK} for each in told["effects"]]
    return told | {"effects": effects, "sentence": HELD_BACK}


def decision_json(decision: Decision) -> Json:
    """What was decided, by whom and why."""
    return {
        "kind": decision.kind, "variation": decision.arm or None, "reason": decision.reason,
        "decidedAt": moment(decision.decided_at), "decidedBy": decision.decided_by,
        "snapshotId": decision.snapshot_id or None,
    }  # fmt: skip


def log_json(line: LogLine) -> Json:
    """One line of a test's log."""
    return {
        "at": moment(line.happened_at), "by": line.actor, "kind": line.kind, "words": line.words,
        "detail": dict(line.detail),
    }  # fmt: skip


def _rolled_out(waves: Sequence[Wave]) -> int:
    return sum(wave.planned_position for wave in waves if wave.kind == "rest")


def _waiting(waves: Sequence[Wave], found: Experiment) -> str:
    rests = [wave for wave in waves if wave.kind == "rest"]
    if not waves:
        return "the step has not begun" if found.campaign_id else ""
    if not rests:
        return "the rest waits for the winner" if found.plan.test_share < 1 else ""
    return "" if all(wave.planned_at for wave in rests) else "the rest is being planned"


def finite(value: Any) -> Any:
    """The same without numbers that JSON does not know."""
    if isinstance(value, Mapping):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
