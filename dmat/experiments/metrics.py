"""What a test can be judged by: the metrics, their kind, and which direction is better.

Belongs here: the list of metrics. Stays out: how they are counted (`dmat/experiments/observed.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dmat.errors import InvalidInputError

Kind = Literal["proportion", "mean", "ratio"]
Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `unit` is `rate` (0-1), `cents`, or a noun; `is_weak_evidence` says why a win on it proves little."""

    key: str
    name: str
    kind: Kind
    better: Better = "higher"
    unit: str = "rate"
    is_weak_evidence: str = ""

    @property
    def sign(self) -> int:
        """+1 when more is better, -1 when less is."""
        return 1 if self.better == "higher" else -1


OPENS = (
    "opens are made by machines as well: when half of them are, a lift of 10 % shows as 1.7 %,"
    " and an open is not yet a reaction"
)
_ALL = (
    Metric("open_human", "opened by a person", "proportion", is_weak_evidence=OPENS),
    Metric("open_raw", "opened, machines included", "proportion", is_weak_evidence=OPENS),
    Metric("read", "read", "proportion"),
    Metric("click", "clicked", "proportion"),
    Metric("reply", "replied", "proportion"),
    Metric("conversion", "converted", "proportion"),
    Metric("revenue", "revenue a person", "mean", unit="cents"),
    Metric("order_value", "revenue an order", "ratio", unit="cents"),
    Metric("form_completion", "completed the form", "proportion"),
    Metric("unsubscribe", "unsubscribed", "proportion", better="lower"),
    Metric("complaint", "complained", "proportion", better="lower"),
)
METRICS: dict[str, Metric] = {metric.key: metric for metric in _ALL}
ALIASES = {
    "ctr": "click", "click_rate": "click", "click_through_rate": "click", "open_rate": "open_human",
    "open": "open_human", "read_rate": "read", "reply_rate": "reply", "conversion_rate": "conversion",
    "unsubscribe_rate": "unsubscribe", "complaint_rate": "complaint", "completion_rate": "form_completion",
}  # fmt: skip
METRICS |= {alias: METRICS[key] for alias, key in ALIASES.items()}


def find_metric(key: str) -> Metric:
    """The metric of a key or of one of its other names.

    Raises:
        InvalidInputError: there is none of that name.
    """
    if key not in METRICS:
        raise InvalidInputError("metric", f"{key!r} is no metric", ", ".join(metric.key for metric in _ALL))
    return METRICS[key]
