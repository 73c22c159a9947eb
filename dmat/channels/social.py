"""Posts of our own accounts on social networks: what is published, by whom, and the sandbox.

Belongs here: the contract of a network, choosing one, the file in which the sandbox keeps a post. Stays out: vendors
(`dmat/connectors/meta_posts.py`, `dmat/connectors/linkedin_posts.py`), which step is due (`dmat/campaigns/posting.py`).

No network has an idempotency key: a post whose answer was lost is looked for by its words, and never published again
by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import orjson

from dmat.errors import InvalidInputError
from dmat.settings import Settings

BY_HAND, AUTOMATIC, SANDBOX = "by_hand", "automatic", "sandbox"
WAYS = (BY_HAND, AUTOMATIC, SANDBOX)
LONGEST: Mapping[str, int] = MappingProxyType({"instagram": 2_200, "linkedin": 3_000, "facebook": 63_206})
"""Network -> characters that a post may have, its link among them."""


@dataclass(frozen=True)
class Post:
    """One post, ready to be published; `key` is ours and the same in every attempt."""

    key: str
    network: str
    text: str
    url: str = ""
    image_url: str = ""

    @property
    def words(self) -> str:
        """The text with the link below it, as networks show it that have no field for links."""
        return f"{self.text.strip()}\n\n{self.url}".strip() if self.url else self.text.strip()


@dataclass(frozen=True)
class Published:
    """A post as the network knows it."""

    post_id: str
    url: str


class SocialNetwork(Protocol):
    """What publishes for one network."""

    name: str

    def check(self, post: Post) -> None:
        """Refuse a post that the network would not take.

        Raises:
            InvalidInputError: names the field.
        """

    def publish(self, post: Post) -> Published:
        """Publish a post, once.

        Raises:
            AmbiguousError: it may have been published. TransientError, VendorRefusedError: it was not.
        """

    def find(self, post: Post, since: datetime) -> Published | None:
        """The post if it was published after `since`, sought by its words."""

    def close(self) -> None:
        """Close the connections."""


class PostSandbox:
    """Nothing is published: `<home>/sandbox/social/<key>.json`."""

    name = SANDBOX

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self, post: Post) -> None:
        """As the networks do."""
        check_words(post)

    def publish(self, post: Post) -> Published:
        """Keep the post as a file; twice is as once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self._file(post)
        temporary = file.with_suffix(".tmp")
        temporary.write_bytes(orjson.dumps(post, option=orjson.OPT_INDENT_2))
        temporary.replace(file)
        return self._published(post)

    def find(self, post: Post, since: datetime) -> Published | None:
        """The post, when its file is there."""
        return self._published(post) if self._file(post).exists() else None

    def close(self) -> None:
        """Nothing is open."""

    def _file(self, post: Post) -> Path:
        return self.folder / f"{re.sub(r'[^A-Za-z0-9_-]', '_', post.key)[:150]}.json"

    def _published(self, post: Post) -> Published:
        return Published(f"sandbox-{post.key}", self._file(post).as_uri())


def check_words(post: Post) -> None:
    """Refuse a post that says nothing or too much.

    Raises:
        InvalidInputError: names the field.
    """
    most = LONGEST.get(post.network, 5_000)
    if not post.text.strip():
        raise InvalidInputError("social.text", "it says nothing", "a text")
    if len(post.words) > most:
        raise InvalidInputError(
            "social.text", f"{len(post.words):,} signs are too many for {post.network}", f"{most:,}"
        )


def _instagram(settings: Settings) -> SocialNetwork:
    from dmat.connectors.meta_posts import Instagram

    return Instagram(settings)


def _facebook(settings: Settings) -> SocialNetwork:
    from dmat.connectors.meta_posts import FacebookPage

    return FacebookPage(settings)


def _linkedin(settings: Settings) -> SocialNetwork:
    from dmat.connectors.linkedin_posts import LinkedInPosts

    return LinkedInPosts(settings)


NETWORKS: Mapping[str, tuple[tuple[str, ...], Callable[[Settings], SocialNetwork]]] = MappingProxyType(
    {
        "instagram": (("meta_url", "meta_account", "meta_token"), _instagram),
        "facebook": (("meta_url", "meta_page", "meta_page_token"), _facebook),
        "linkedin": (("linkedin_url", "linkedin_organization", "linkedin_token"), _linkedin),
    }
)
"""Network -> the settings that it needs, and how it is opened."""


def open_network(settings: Settings, network: str) -> SocialNetwork | None:
    """What publishes for a network; None when a person does it.

    Raises:
        InvalidInputError: DMAT_SOCIAL_PUBLISHING is none of the ways.
    """
    way = settings.social_publishing
    if way not in WAYS:
        raise InvalidInputError("DMAT_SOCIAL_PUBLISHING", f"{way!r} is no way to publish", ", ".join(WAYS))
    if way == SANDBOX:
        return PostSandbox(settings.home / "sandbox" / "social")
    if way == BY_HAND or network not in NETWORKS or missing_settings(settings, network):
        return None
    return NETWORKS[network][1](settings)


def missing_settings(settings: Settings, network: str) -> list[str]:
    """The settings (`DMAT_...`) that a network still needs; of one that nobody can publish on by a program, none."""
    needed = NETWORKS[network][0] if network in NETWORKS else ()
    return [f"DMAT_{name.upper()}" for name in needed if not _said(settings, name)]


def _said(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)
