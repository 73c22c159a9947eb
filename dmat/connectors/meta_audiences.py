"""Meta Custom Audiences: lists of hashed people in one ad account (Marketing API v23.0).

A list is looked for by the key in its description before it is made, since making twice would make two. People are
added and removed by POST and DELETE on its edge `users`, 10,000 a request, the requests of one upload in one session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import httpx
import orjson

from dmat.channels.identities import META_SCHEMA, Identity, for_meta
from dmat.connectors.contract import Connector, list_of
from dmat.connectors.http import VendorHttp
from dmat.errors import RateLimitedError, VendorRefusedError
from dmat.settings import Settings

if TYPE_CHECKING:
    from dmat.channels.retargeting import Rows, Session

API_VERSION = "v23.0"
MARK = "dmat:"
TOO_FAST = ('"code":17,', '"code":4,', '"code":613,', '"code":80003,')


class MetaAudiences(Connector):
    """The lists of one ad account."""

    vendor: ClassVar[str] = "meta_audiences"
    resources: ClassVar[tuple[str, ...]] = ()
    name = "meta_audiences"
    batch = 10_000

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.meta_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        return VendorHttp(self.vendor, settings.meta_audiences_url, headers=headers, secrets=[token], client=client)

    def identify(self, identity: Identity) -> Any | None:
        """See `AudienceProvider.identify`."""
        return for_meta(identity)

    def ensure_list(self, key: str, title: str) -> str:
        """See `AudienceProvider.ensure_list`."""
        path = f"/{API_VERSION}/{self.settings.meta_ad_account}/customaudiences"
        params: dict[str, Any] = {"fields": "id,name,description", "limit": 200}
        while True:
            body = self.http.read_json("GET", path, params=params)
            for item in list_of(body, "data", self.vendor):
                if str(item.get("description", "")).endswith(MARK + key):
                    return str(item["id"])
            paging = body.get("paging") or {}
            after = (paging.get("cursors") or {}).get("after") if paging.get("next") else None
            if not after:
                break
            params = {**params, "after": after}
        return self._id_of(self._ask("POST", path, list_body(key, title)))

    def add(self, vendor_id: str, rows: Rows, session: Session) -> None:
        """See `AudienceProvider.add`."""
        self._ask("POST", f"/{API_VERSION}/{vendor_id}/users", users_body(rows, session))

    def remove(self, vendor_id: str, rows: Rows, session: Session) -> None:
        """See `AudienceProvider.remove`."""
        self._ask("DELETE", f"/{API_VERSION}/{vendor_id}/users", users_body(rows, session))

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
        try:
            return self.http.send(method, path, json=body)
        except VendorRefusedError as error:
            if any(sign in error.detail.replace(" ", "") for sign in TOO_FAST):
                raise RateLimitedError(self.vendor, 60.0) from None
            raise

    def _id_of(self, response: httpx.Response) -> str:
        try:
            return str(orjson.loads(response.content)["id"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise self.refused(200, "the answer names no list") from None


def list_body(key: str, title: str) -> dict[str, Any]:
    """The body that makes a list; its key stands at the end of the description."""
    return {
        "name": title,
        "description": f"Kept by DMAT; do not change by hand. {MARK}{key}",
        "subtype": "CUSTOM",
        "customer_file_source": "USER_PROVIDED_ONLY",
    }


def users_body(rows: Rows, session: Session) -> dict[str, Any]:
    """The body that adds or removes people."""
    return {
        "session": {
            "session_id": session.number,
            "batch_seq": session.request,
            "last_batch_flag": session.is_last,
            "estimated_num_total": session.total,
        },
        "payload": {"schema": list(META_SCHEMA), "data": [list(row) for row in rows]},
    }
