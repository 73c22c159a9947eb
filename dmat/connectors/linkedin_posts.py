"""LinkedIn: publishing posts of an organisation (Posts API, version 2026-06).

The text of a post is in LinkedIn's "little" format: signs that it reserves are escaped, else the post ends at the first
of them without a word. Links stay as they are and hashtags stay hashtags. The id of a new post comes in a header.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar

import httpx

from dmat.channels.social import Post, Published, check_words
from dmat.connectors.contract import Connector, list_of
from dmat.connectors.http import VendorHttp
from dmat.connectors.linkedin import API_VERSION, moment_of, posts_path
from dmat.errors import AmbiguousError
from dmat.settings import Settings

LONGEST_TITLE = 400
_RESERVED = re.compile(r"(https?://[^\s]+|(?<!\w)#(?=\w))|[\\|{}@\[\]()<>#*_~]")


class LinkedInPosts(Connector):
    """Publishes for one organisation."""

    vendor: ClassVar[str] = "linkedin"
    resources: ClassVar[tuple[str, ...]] = ()
    name = "linkedin"

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.linkedin_token
        headers = {
            "Authorization": f"Bearer {token.get_secret_value()}",
            "LinkedIn-Version": API_VERSION,
            "X-Restli-Protocol-Version": "2.0.0",
        }
        organization = settings.linkedin_organization
        self._urn = organization if organization.startswith("urn:") else f"urn:li:organization:{organization}"
        return VendorHttp(self.vendor, settings.linkedin_url, headers=headers, secrets=[token], client=client)

    def check(self, post: Post) -> None:
        """See `SocialNetwork.check`."""
        check_words(post)

    def publish(self, post: Post) -> Published:
        """See `SocialNetwork.publish`."""
        answer = self.http.send("POST", "/rest/posts", json=post_body(self._urn, post))
        urn = str(answer.headers.get("x-restli-id") or "")
        if not urn:
            raise AmbiguousError("linkedin: the answer names no post")
        return Published(urn, address_of(urn))

    def find(self, post: Post, since: datetime) -> Published | None:
        """See `SocialNetwork.find`."""
        wanted = escaped(post.text.strip())
        for item in list_of(self.http.read_json("GET", posts_path(self._urn, 0)), "elements", self.vendor):
            if _is(item, wanted) and moment_of(item.get("publishedAt") or item.get("createdAt")) >= since:
                return Published(str(item["id"]), address_of(str(item["id"])))
        return None


def _is(item: Any, words: str) -> bool:
    return isinstance(item, dict) and str(item.get("commentary") or "").strip() == words


def post_body(urn: str, post: Post) -> dict[str, Any]:
    """The body of `POST /rest/posts`."""
    body: dict[str, Any] = {
        "author": urn,
        "commentary": escaped(post.text.strip()),
        "visibility": "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []},
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }
    if post.url:
        title = post.text.strip().splitlines()[0][:LONGEST_TITLE]
        body["content"] = {"article": {"source": post.url, "title": title}}
    return body


def escaped(text: str) -> str:
    """A text in the "little" format: reserved signs escaped, links and hashtags left alone."""
    return _RESERVED.sub(lambda found: found[1] or f"\\{found[0]}", text)


def address_of(urn: str) -> str:
    """Where people see a post."""
    return f"https://www.linkedin.com/feed/update/{urn}/"
