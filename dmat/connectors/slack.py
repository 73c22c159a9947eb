"""Slack: one message into a channel, by `chat.postMessage` of the Web API.

Slack answers 200 also when it refuses: `ok` says which. A lost answer is ambiguous: a line sent twice is worse than
one that is missing, so it is not tried again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import httpx

from dmat.connectors.contract import Connector
from dmat.connectors.http import VendorHttp
from dmat.errors import RateLimitedError, VendorUnavailableError
from dmat.settings import Settings

TRANSIENT = {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}


class Slack(Connector):
    """Writes to one workspace of Slack.

    Raises:
        InvalidInputError: it is not connected.
    """

    vendor: ClassVar[str] = "slack"
    resources: ClassVar[tuple[str, ...]] = ()

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.slack_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        return VendorHttp(self.vendor, settings.slack_url, headers=headers, secrets=[token], client=client)

    def post(self, payload: Mapping[str, Any]) -> str:
        """Post `{"channel", "text"}`; gives the message's `ts`, its id in that channel.

        Raises:
            VendorRefusedError: Slack says no (`channel_not_found`, `invalid_auth` ...).
            RateLimitedError, VendorUnavailableError: later.
            AmbiguousError: the answer was lost.
        """
        response = self.http.send("POST", "/chat.postMessage", json=message_body(payload))
        body = response.json()
        if not isinstance(body, dict):
            raise self.refused(response.status_code, "the answer is not an object")
        if body.get("ok"):
            return str(body.get("ts", ""))
        error = str(body.get("error", "no reason given"))
        if error == "ratelimited":
            raise RateLimitedError(self.vendor, float(response.headers.get("Retry-After") or 30))
        if error in TRANSIENT:
            raise VendorUnavailableError(f"slack says {error}")
        raise self.refused(response.status_code, error)


def message_body(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a message: links are not unfurled, names are not looked for."""
    return {
        "channel": payload["channel"], "text": payload["text"], "unfurl_links": False, "unfurl_media": False,
        "link_names": False, "parse": "none",
    }  # fmt: skip
