"""Examples of answers for the documentation of the doors for campaigns (`/openapi.json`).

Belongs here: one example an answer. Stays out: how answers are made; a test compares their keys with real ones.
"""

from __future__ import annotations

from typing import Any

Responses = dict[int | str, dict[str, Any]]


def _json(example: Any, words: str = "Done", status: int = 200) -> Responses:
    return {status: {"description": words, "content": {"application/json": {"example": example}}}}


PLAN: dict[str, Any] = {
    "objective": "Generate 1000 sales", "starts_at": "2026-03-15T00:00:00", "audience": {"segments": ["newsletter"]},
    "steps": [{"key": "mail", "channel": "email", "template": "spring_sale", "day": 1, "time": "09:00",
               "clock": "person"}],
}  # fmt: skip
_WHOLE: dict[str, Any] = {
    "id": 50, "name": "Spring Sale", "description": "E-commerce promotion", "status": "draft", "status_reason": "",
    "folder": "", "tags": [], "owner": "ann@shop.example", "version": 1, "running_version": None,
    "objective": "Generate 1000 sales", "start_date": "2026-03-15T00:00:00Z", "end_date": "2026-03-22T23:59:59Z",
    "budget": 5000.0, "currency_code": "EUR", "plan": PLAN, "started_at": None, "ended_at": None,
    "created_at": "2026-03-01T10:25:00Z", "created_by": "ann@shop.example", "updated_at": "2026-03-01T10:25:00Z",
    "updated_by": "ann@shop.example", "decisions": [],
}  # fmt: skip
CAMPAIGN = _json(_WHOLE)
MADE = _json(_WHOLE, "Made", 201)
LIST = _json({
    "campaigns": [{name: value for name, value in _WHOLE.items() if name != "decisions"}], "total": 1,
    "next_after": None,
})  # fmt: skip
VERSIONS = _json({"versions": [{
    "version": 1, "plan": PLAN, "note": "", "created_at": "2026-03-01T10:25:00Z", "created_by": "ann@shop.example",
}]})  # fmt: skip
_MONEY = {"conversions": 120, "revenue": 24000.0, "cost": 5000.0, "roi": 4.8}
ANALYTICS = _json({
    "campaign_id": 50, "total_leads": 2450, "mqls": 610, "conversions": 120, "revenue": 24000.0, "roi": 4.8,
    "channels": {"email": {"sends": 15000, "clicks": 580, "ctr": 0.0387, "opens": 4200, "open_rate": 0.28,
                           "delivered": 14890, "reads": 0, "replies": 3, **_MONEY}},
    "currency_code": "EUR", "as_of": "2026-03-16T09:00:00Z", "results_as_of": "2026-03-16T08:59:58Z",
})  # fmt: skip
_REASON = {"state": "suppressed", "reason": "no consent", "count": 40}
STANDING = _json({
    "audience": 15000, "sent": 14000, "failed": 30, "suppressed": 40, "held_out": 750, "expired": 0, "waiting": 180,
    "ambiguous": 0, "is_finished": False, "frozen": 15000, "steps": {"planned": 1}, "reasons": [_REASON],
})  # fmt: skip
ESTIMATE = _json({
    "audience": 15000, "recipients": 14210, "cost_cents": 0, "data_version": 311, "data_as_of": "2026-03-14T12:00:00Z",
    "steps": [{"step": "mail", "channel": "email", "due_at": "2026-03-14T19:00:00Z", "audience": 15000,
               "held_out": 750, "losses": {"no consent": 40}, "delayed": {"quiet hours in Europe/Berlin": 300},
               "recipients": 14210, "cost_cents": 0, "sampled": 10000, "texts": None}],
    "notes": [],
})  # fmt: skip
_FIGURES = {
    "planned": 15000, "waiting": 180, "sent": 14000, "failed": 30, "suppressed": 40, "held_out": 750, "expired": 0,
    "ambiguous": 0, "delivered": 13890, "opened": 4200, "opened_by_machines": 2100, "read": 0, "clicked": 580,
    "clicked_by_machines": 90, "replied": 3, "shown": 0, "unsubscribed": 45, "bounced": 30, "complained": 1,
    "converted": 120, "revenue_cents": 2_400_000, "cost_cents": 500_000, "roi": 4.8,
}  # fmt: skip
_STEP = {"step": "mail", "name": "Announcement", "channel": "email", "variant": "", **_FIGURES, "state": "planned"}
MONITOR = _json({
    "total": _FIGURES, "steps": [_STEP], "variants": [], "lift": None, "reasons": [_REASON], "budget_cents": 500_000,
    "spent_cents": 500_000, "as_of": "2026-03-16T09:00:00Z", "results_as_of": "2026-03-16T08:59:58Z",
})  # fmt: skip
SENT = _json({
    "id": 250, "status": "scheduled", "scheduled_at": "2026-03-15T09:00:00Z", "estimated_recipients": 15000,
    "campaign_id": 50, "step": "email-1",
}, "Accepted", 202)  # fmt: skip
EMAIL_ANALYTICS = _json({
    "email_campaign_id": 250, "total_sent": 15000, "total_opened": 4200, "open_rate": 0.28, "total_clicked": 580,
    "click_rate": 0.0387, "conversions": 120, "conversion_rate": 0.008, "unsubscribes": 45, "bounces": 30,
})  # fmt: skip
