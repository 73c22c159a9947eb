"""The control door: switch faults, move the world on, look at what was sent. No vendor has one.

Belongs here: `/control/*`, for the demo and for proofs. Stays out: everything that a connector may call.
It needs no key: the server binds to loopback and holds nothing real.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dmat.errors import InvalidInputError
from dmat.simulate.diary import Mail
from dmat.simulate.vendors.door import JsonResponse, Office, whole
from dmat.simulate.vendors.faults import Faults
from dmat.simulate.vendors.limits import LIMITS, Limit


class Control:
    """The control door of one server; `step` moves the world on and posts what is due."""

    def __init__(self, office: Office, faults: Faults, step: Callable[[], dict[str, Any]]) -> None:
        self.office, self.faults, self._step = office, faults, step

    def routes(self) -> list[Route]:
        """All control paths."""
        return [
            Route("/control/health", self.health),
            Route("/control/state", self.state),
            Route("/control/sent", self.sent),
            Route("/control/step", self.step, methods=["POST"]),
            Route("/control/faults", self.switch_fault, methods=["POST"]),
            Route("/control/faults", self.clear_faults, methods=["DELETE"]),
            Route("/control/limits", self.set_limit, methods=["POST"]),
        ]

    async def health(self, request: Request) -> Response:
        """It is up."""
        return JsonResponse({"status": "ok"})

    async def state(self, request: Request) -> Response:
        """Time, counters, what is waiting, faults."""
        return JsonResponse(await run_in_threadpool(self._state))

    def _state(self) -> dict[str, Any]:
        world = self.office.world
        return {
            "now": self.office.now().isoformat(),
            "stepped_to": world.stepped_to.isoformat(),
            "waiting": world.diary.waiting(),
            "counts": world.diary.counts(),
            "faults": [{"vendor": one.vendor, "kind": one.kind, "share": one.share, "path": one.path,
                        "seconds": one.seconds} for one in self.faults.active],
            "struck": dict(self.faults.struck),
        }  # fmt: skip

    async def sent(self, request: Request) -> Response:
        """Every mail that was accepted, in order; `?after=N` skips the first N, `?full=1` adds body and headers."""
        after = whole(request.query_params.get("after"), 0, 0, 1 << 40)
        is_full = request.query_params.get("full") == "1"
        mails = await run_in_threadpool(self.office.world.diary.mails)
        return JsonResponse({"count": len(mails), "mails": [_shown(mail, is_full) for mail in mails[after:]]})

    async def step(self, request: Request) -> Response:
        """Advance the world to the clock's time, post what is due, and answer when it is posted."""
        return JsonResponse(await run_in_threadpool(self._step))

    async def switch_fault(self, request: Request) -> Response:
        """Switch a fault on or off."""
        try:
            self.faults.switch(orjson.loads(await request.body()))
        except (orjson.JSONDecodeError, InvalidInputError, ValueError) as error:
            return JsonResponse({"error": str(error)}, 400)
        return JsonResponse(await run_in_threadpool(self._state))

    async def clear_faults(self, request: Request) -> Response:
        """Switch all faults off."""
        self.faults.clear()
        return JsonResponse(await run_in_threadpool(self._state))

    async def set_limit(self, request: Request) -> Response:
        """Give a vendor another rate limit: {"vendor": "shopify", "burst": 2000, "per_second": 100}."""
        try:
            asked = orjson.loads(await request.body())
            limit = Limit(float(asked["burst"]), float(asked["per_second"]))
            if asked["vendor"] not in LIMITS or limit.burst < 0 or limit.per_second <= 0:
                raise InvalidInputError("vendor", "no such limit, or no positive rate", ", ".join(LIMITS))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, InvalidInputError) as error:
            return JsonResponse({"error": str(error)}, 400)
        self.office.buckets.set_limit(asked["vendor"], limit)
        return JsonResponse({"vendor": asked["vendor"], **asdict(limit)})


def _shown(mail: Mail, is_full: bool) -> dict[str, Any]:
    shown = {
        "dmat_message_id": mail.dmat_message_id,
        "sg_message_id": mail.sg_message_id,
        "to": mail.to_email,
        "from": mail.from_email,
        "subject": mail.subject,
        "accepted_at": mail.accepted_at.isoformat(),
        "status": mail.status,
        "opens_count": mail.opens,
        "clicks_count": mail.clicks,
    }
    return shown | orjson.loads(mail.body) if is_full else shown
