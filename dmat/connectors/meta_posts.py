"""Meta: publishing posts of an Instagram account and of a Facebook page (Graph API v23.0).

Instagram takes a post in two requests: a container with picture and caption, which it prepares, and then publishing
that container. Only the second one shows anything to anybody. A page takes a post in one. Neither knows a key of ours.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import httpx
import orjson

from dmat.channels.social import Post, Published, check_words
from dmat.connectors.contract import Connector, list_of, parse_time
from dmat.connectors.http import VendorHttp
from dmat.connectors.meta import API_VERSION
from dmat.errors import AmbiguousError, InvalidInputError, TransientError, VendorUnavailableError
from dmat.settings import Settings

LOOKED_THROUGH = 25
READY, WORKING = "FINISHED", "IN_PROGRESS"


class _Graph(Connector):
    """What both have in common."""

    vendor: ClassVar[str] = "meta"
    resources: ClassVar[tuple[str, ...]] = ()

    def _id_of(self, response: httpx.Response, what: str) -> str:
        try:
            return str(orjson.loads(response.content)["id"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise AmbiguousError(f"meta: the answer names no {what}") from None

    def _newest(self, path: str, fields: str) -> list[Any]:
        body = self.http.read_json("GET", path, params={"fields": fields, "limit": LOOKED_THROUGH})
        return [item for item in list_of(body, "data", self.vendor) if isinstance(item, dict)]

    def _address(self, post_id: str, field: str) -> str:
        """The address of a post that is published already: not knowing it is no reason to fail."""
        try:
            return str(self.http.read_json("GET", f"/{API_VERSION}/{post_id}", params={"fields": field})[field])
        except (TransientError, KeyError, TypeError):
            return ""


class Instagram(_Graph):
    """Publishes on one Instagram business account."""

    name = "instagram"

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.meta_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        self._account = f"/{API_VERSION}/{settings.meta_account}"
        return VendorHttp(self.vendor, settings.meta_url, headers=headers, secrets=[token], client=client)

    def check(self, post: Post) -> None:
        """See `SocialNetwork.check`; Instagram shows no post without a picture."""
        check_words(post)
        if not post.image_url.startswith("https://"):
            raise InvalidInputError("social.image_url", "Instagram needs a picture", "https://... of a JPEG")

    def publish(self, post: Post) -> Published:
        """See `SocialNetwork.publish`."""
        container = self._make_container(post)
        self.http.read_json(
            "GET", f"/{API_VERSION}/{container}", params={"fields": "status_code"}, check=self._refuse_unready
        )
        answer = self.http.send("POST", f"{self._account}/media_publish", json={"creation_id": container})
        post_id = self._id_of(answer, "post")
        return Published(post_id, self._address(post_id, "permalink"))

    def _make_container(self, post: Post) -> str:
        """A container that nobody sees: one whose answer was lost does no harm, and another one is made."""
        try:
            answer = self.http.send("POST", f"{self._account}/media", json=container_body(post))
            return self._id_of(answer, "container")
        except AmbiguousError as error:
            raise VendorUnavailableError(f"{error}; nothing was published") from None

    def _refuse_unready(self, body: Any) -> None:
        state = str(body.get("status_code") if isinstance(body, dict) else "")
        if state == WORKING:
            raise VendorUnavailableError("meta is still preparing the picture")
        if state != READY:
            raise self.refused(200, f"the picture could not be prepared: {state or 'no status'}")

    def find(self, post: Post, since: datetime) -> Published | None:
        """See `SocialNetwork.find`."""
        for item in self._newest(f"{self._account}/media", "id,caption,permalink,timestamp"):
            if str(item.get("caption") or "").strip() == post.words and parse_time(item["timestamp"]) >= since:
                return Published(str(item["id"]), str(item.get("permalink") or ""))
        return None


class FacebookPage(_Graph):
    """Publishes on one Facebook page."""

    name = "facebook"

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.meta_page_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        self._page = f"/{API_VERSION}/{settings.meta_page}"
        return VendorHttp(self.vendor, settings.meta_url, headers=headers, secrets=[token], client=client)

    def check(self, post: Post) -> None:
        """See `SocialNetwork.check`."""
        check_words(post)

    def publish(self, post: Post) -> Published:
        """See `SocialNetwork.publish`."""
        post_id = self._id_of(self.http.send("POST", f"{self._page}/feed", json=page_body(post)), "post")
        return Published(post_id, self._address(post_id, "permalink_url"))

    def find(self, post: Post, since: datetime) -> Published | None:
        """See `SocialNetwork.find`."""
        for item in self._newest(f"{self._page}/feed", "id,message,permalink_url,created_time"):
            if (
                str(item.get("message") or "").strip() == post.text.strip()
                and parse_time(item["created_time"]) >= since
            ):
                return Published(str(item["id"]), str(item.get("permalink_url") or ""))
        return None


def container_body(post: Post) -> dict[str, str]:
    """The body of `POST /<account>/media`."""
    return {"image_url": post.image_url, "caption": post.words}


def page_body(post: Post) -> dict[str, str]:
    """The body of `POST /<page>/feed`; the network shows a card of the link."""
    return {"message": post.text.strip(), **({"link": post.url} if post.url else {})}
