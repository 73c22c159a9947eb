"""Rate limits: a token bucket per vendor, with the vendor's published figures.

Belongs here: buckets and figures. Stays out: how a vendor words its refusal (each vendor's own module).
Buckets run on real time, whatever the company's clock says: a client waits real seconds.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """`burst` requests (or points) at once, `per_second` restored after that."""

    burst: float
    per_second: float


#: Requests, except `shopify` (points of query cost). Where a vendor publishes no figure, one that a shared host gives.
LIMITS = {
    "shopify": Limit(40_000, 2_000),  # Commerce Components; standard is 2,000 and 100
    "woocommerce": Limit(200, 50),
    "hubspot": Limit(190, 19),  # 190 in ten seconds for a private app
    "hubspot_search": Limit(5, 5),
    "salesforce": Limit(25, 25),  # requests at once, and an allowance of 24 hours, which is not played
    "sendgrid": Limit(10_000, 10_000),
    "sendgrid_messages": Limit(60, 10),
    "twilio": Limit(100, 100),
    "whatsapp": Limit(80, 80),
    "meta": Limit(200, 20),
    "linkedin": Limit(100, 20),
    "ga4": Limit(1_400, 4),  # 14,000 tokens an hour, about ten for a report
    "wordpress": Limit(200, 50),
}


class TokenBucket:
    """A bucket that starts full; `take` gives the seconds to wait, 0 when the tokens were granted."""

    def __init__(self, limit: Limit, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._clock = clock
        self._level = float(limit.burst)
        self._seen_at = clock()
        self._lock = threading.Lock()

    def _refill(self) -> None:
        now = self._clock()
        self._level = min(self.limit.burst, self._level + (now - self._seen_at) * self.limit.per_second)
        self._seen_at = now

    @property
    def level(self) -> float:
        """Tokens there are now."""
        with self._lock:
            self._refill()
            return self._level

    def take(self, tokens: float = 1.0) -> float:
        """Take `tokens`; 0.0 if there were enough, else the seconds until there will be."""
        with self._lock:
            self._refill()
            if self._level >= tokens:
                self._level -= tokens
                return 0.0
            return (tokens - self._level) / self.limit.per_second

    def give_back(self, tokens: float) -> None:
        """Return what was taken too much (Shopify charges the actual cost, not the requested one)."""
        with self._lock:
            self._level = min(self.limit.burst, self._level + tokens)


class Buckets:
    """The buckets of all vendors; `set_limit` replaces one at run time."""

    def __init__(self) -> None:
        self._buckets = {name: TokenBucket(limit) for name, limit in LIMITS.items()}

    def __getitem__(self, name: str) -> TokenBucket:
        return self._buckets[name]

    def set_limit(self, name: str, limit: Limit) -> None:
        """Put a full bucket with `limit` in place of the one there is."""
        self._buckets[name] = TokenBucket(limit)


def retry_after(seconds: float) -> int:
    """Whole seconds for a Retry-After header, at least one."""
    return max(1, math.ceil(seconds))
