"""Posting what has happened to the workspace's webhooks, signed as the real vendors sign.

Belongs here: addresses, headers and signatures, batches of events, what is tried again and what is given up.
Stays out: what is to be posted (the diary's posts, written by `dmat/simulate/world.py`) and signing itself
(`signatures.py`).

SendGrid tries for a day until it gets a 2xx: its events stay until they arrive. The other vendors give up after
`MAX_ATTEMPTS`, and at once when the address does not exist.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import orjson

from dmat.settings import Settings
from dmat.simulate.connection import load_signing_key
from dmat.simulate.diary import Diary, Post
from dmat.simulate.reactions import follow_text_link
from dmat.simulate.vendors import signatures

HOOKS = ("sendgrid", "shopify", "woocommerce", "hubspot", "twilio", "whatsapp", "one_click")
LINKS = "text_click"
BATCH_SIZE = 100
MAX_ATTEMPTS = 100
GONE = (404, 405, 410)


@dataclass
class PostReport:
    """What one round of posting did."""

    posted_count: int = 0
    given_up_count: int = 0
    waiting_count: int = 0
    problems: dict[str, str] = field(default_factory=dict)


class Postman:
    """Posts the due webhooks; one round at a time."""

    def __init__(self, settings: Settings, diary: Diary, seed: int = 11) -> None:
        self._settings, self._diary = settings, diary
        self._key = load_signing_key(settings.home)
        self._dice = random.Random(seed)
        self._client = httpx.Client(timeout=10.0, trust_env=False)
        self._makers = {
            "sendgrid": self._sendgrid, "shopify": self._shopify, "woocommerce": self._woocommerce,
            "hubspot": self._hubspot, "twilio": self._twilio, "whatsapp": self._whatsapp,
            "one_click": self._one_click,
        }  # fmt: skip

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def post_due(self, now: datetime, seconds: float = 30.0) -> PostReport:
        """Post all that is due at `now`, for at most `seconds` of real time."""
        report = PostReport()
        deadline = time.monotonic() + seconds
        for hook in HOOKS:
            while time.monotonic() < deadline and hook not in report.problems:
                posts = self._diary.due_posts(hook, now, self._batch_size(hook))
                if not posts:
                    break
                self._post(hook, posts, report)
        self._follow_links(now, deadline, report)
        report.waiting_count = self._diary.waiting()["posts"]
        return report

    def _batch_size(self, hook: str) -> int:
        return self._dice.randint(BATCH_SIZE // 2, BATCH_SIZE) if hook == "sendgrid" else 1

    def _post(self, hook: str, posts: list[Post], report: PostReport) -> None:
        url, body, headers = self._makers[hook](posts)
        if not self._may_post_to(url):
            self._diary.remove_posts(posts)
            self._diary.count(f"not_loopback_{hook}", len(posts))
            return
        try:
            status = self._client.post(url, content=body, headers=dict(headers)).status_code
        except httpx.TransportError as error:
            status, report.problems[hook] = 0, f"{type(error).__name__}: {url}"
        if 200 <= status < 300:
            self._diary.remove_posts(posts)
            self._diary.count(f"posted_{hook}", len(posts))
            report.posted_count += len(posts)
            return
        if status:
            report.problems[hook] = f"{status}: {url}"
        self._diary.count_attempt(posts)
        hopeless = [post for post in posts if status in GONE or post.attempts + 1 >= MAX_ATTEMPTS]
        if hook != "sendgrid" and hopeless:
            self._diary.remove_posts(hopeless)
            self._diary.count(f"given_up_{hook}", len(hopeless))
            report.given_up_count += len(hopeless)
            if status:
                del report.problems[hook]

    def _may_post_to(self, url: str) -> bool:
        """A make-believe world speaks to its own workspace only, whatever address a mail or a message names."""
        host = urlsplit(url).hostname or ""
        return host in ("127.0.0.1", "localhost", "::1") or host == urlsplit(self._url("")).hostname

    def _url(self, hook: str) -> str:
        return f"{self._settings.resolved_public_url}/webhooks/{hook}"

    def _sendgrid(self, posts: list[Post]) -> tuple[str, bytes, Mapping[str, str]]:
        """A batch of events; now and then one comes twice, or the batch is out of order."""
        events = [post.body for post in posts]
        if self._dice.random() < 0.1:
            self._dice.shuffle(events)
        if self._dice.random() < 0.1:
            events.append(self._dice.choice(events))
        body = f"[{','.join(events)}]".encode()
        timestamp = str(int(time.time()))
        signature = signatures.sign_sendgrid(self._key, timestamp, body)
        return self._url("sendgrid"), body, {
            "Content-Type": "application/json",
            "X-Twilio-Email-Event-Webhook-Signature": signature,
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        }  # fmt: skip

    def _shopify(self, posts: list[Post]) -> tuple[str, bytes, Mapping[str, str]]:
        wrapped = orjson.loads(posts[0].body)
        body = orjson.dumps(wrapped["body"])
        secret = self._settings.shopify_webhook_secret.get_secret_value()
        return self._url("shopify"), body, {
            "Content-Type": "application/json",
            "X-Shopify-Topic": wrapped["topic"],
            "X-Shopify-Hmac-Sha256": signatures.sign_shopify(secret, body),
            "X-Shopify-Shop-Domain": "the-shop.myshopify.com",
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Webhook-Id": f"dmat-{posts[0].post_id}",
            "X-Shopify-Event-Id": f"dmat-{posts[0].post_id}",
            "X-Shopify-Triggered-At": posts[0].due_at.isoformat() + "Z",
        }  # fmt: skip

    def _woocommerce(self, posts: list[Post]) -> tuple[str, bytes, Mapping[str, str]]:
        wrapped = orjson.loads(posts[0].body)
        body = orjson.dumps(wrapped["body"])
        secret = self._settings.woocommerce_webhook_secret.get_secret_value()
        resource, event = wrapped["topic"].split(".")
        return self._url("woocommerce"), body, {
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": "https://outlet.shop.example/",
            "X-WC-Webhook-Topic": wrapped["topic"],
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": signatures.sign_woocommerce(secret, body),
            "X-WC-Webhook-ID": "1",
            "X-WC-Webhook-Delivery-ID": str(posts[0].post_id),
        }  # fmt: skip

    def _hubspot(self, posts: list[Post]) -> tuple[str, bytes, Mapping[str, str]]:
        url, body = self._url("hubspot"), f"[{posts[0].body}]".encode()
        secret = self._settings.hubspot_webhook_secret.get_secret_value()
        timestamp = str(int(time.time() * 1000))
        return url, body, {
            "Content-Type": "application/json",
            "X-HubSpot-Request-Timestamp": timestamp,
            "X-HubSpot-Signature-v3": signatures.sign_hubspot(secret, "POST", url, body, timestamp),
        }  # fmt: skip

    def _twilio(self, posts: list[Post]) -> tuple[str, bytes, Mapping[str, str]]:
        """A status or an incoming message: a form, signed over the address and its fields."""
        wrapped: dict[str, Any] = orjson.loads(posts[0].body)
        url = wrapped.get("url") or self._url("twilio")
        token = self._settings.twilio_token.get_secret_value()
        return url, urlencode(wrapped["fields"]).encode(), {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": signatures.sign_twilio(token, url, wrapped["fields"]),
            "I-Twilio-Idempotency-Token": f"dmat-{posts[0].post_id}",
        }  # fmt: skip

    def _whatsapp(self, posts: list[Post]) -> tuple[str, bytes, Mapping[str, str]]:
        body = posts[0].body.encode()
        secret = self._settings.whatsapp_webhook_secret.get_secret_value()
        return self._url("whatsapp"), body, {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": signatures.sign_meta(secret, body),
        }  # fmt: skip

    def _one_click(self, posts: list[Post]) -> tuple[str, bytes, Mapping[str, str]]:
        """A mail program unsubscribes its reader as RFC 8058 says: a POST without cookie to the header's address."""
        wrapped = orjson.loads(posts[0].body)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return wrapped["url"], b"List-Unsubscribe=One-Click", headers

    def _follow_links(self, now: datetime, deadline: float, report: PostReport) -> None:
        """Phones follow links of texts: ours lead on to the shop, and what is done there follows."""
        while time.monotonic() < deadline and (posts := self._diary.due_posts(LINKS, now, BATCH_SIZE)):
            for post in posts:
                click: dict[str, Any] = orjson.loads(post.body)
                target = self._target_of(click, report)
                if target is None:
                    return  # nobody answers: the links wait
                self._diary.expect(follow_text_link(click, target, post.due_at))
                self._diary.remove_posts([post])
                self._diary.count("followed_links")

    def _target_of(self, click: dict[str, Any], report: PostReport) -> str | None:
        url = str(click["url"])
        if not self._may_post_to(url):
            return url  # it leads straight to the shop, which is not there to be fetched
        try:
            answer = self._client.get(url, headers={"User-Agent": click["agent"]})
        except httpx.TransportError as error:
            report.problems[LINKS] = f"{type(error).__name__}: {url}"
            return None
        return str(answer.headers.get("Location") or url)


def epoch(moment: datetime) -> int:
    """Whole seconds since 1970 of a UTC moment without zone."""
    return int(moment.replace(tzinfo=UTC).timestamp())
