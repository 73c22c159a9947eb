"""What can be told by webhooks out, and who wants it.

Belongs here: names of kinds and the question whether a list of an endpoint names one. Stays out: telling (`outbox.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

KINDS = {
    "message.accepted": "a provider took a message",
    "message.delivered": "a message arrived",
    "message.opened": "a message was opened; `is_machine` says by whom",
    "message.clicked": "a link was followed",
    "message.replied": "somebody answered",
    "message.bounced": "a message came back",
    "message.dropped": "a provider did not send it",
    "message.complained": "somebody called it spam",
    "person.unsubscribed": "somebody wants nothing more on a channel",
    "campaign.started": "a campaign began",
    "campaign.paused": "a campaign was paused, by a person or by a rule",
    "campaign.finished": "a campaign came to its end",
    "test.started": "an A/B test began to run",
    "test.waiting": "an A/B test is over, or unhealthy, and waits for a person to decide",
    "test.decided": "an A/B test has a winner, found by its rule or chosen by a person",
    "test.stopped": "an A/B test ended without a winner",
    "segment.entered": "people came into a segment",
    "segment.left": "people left a segment",
    "journey.step": "somebody came to a step of a journey that tells it",
    "lead.qualified": "a lead crossed 50 points",
    "loyalty.tier_changed": "a member of the loyalty programme came to another tier",
    "lead.assigned": "a lead was given to a sales rep, queued or put into the pool",
    "alert.opened": "an alert was told",
    "report.made": "a report was made",
    "test": "you asked for it",
}


def is_wanted(events: Sequence[str], kind: str) -> bool:
    """Whether a list such as `["message.*", "campaign.finished"]` names a kind."""
    return kind == "test" or "*" in events or kind in events or f"{kind.split('.')[0]}.*" in events
