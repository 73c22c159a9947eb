"""Vendors that answer from a script: each test says what they answer, and looks at what they were asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from mail_vendors import KINDS

from dmat.connectors.catalogue import CONNECTORS
from dmat.connectors.sendgrid import SendGrid
from dmat.settings import VENDORS, Settings, load_settings

KEY = "k3y-that-nobody-may-see"


@dataclass
class Vendor:
    """A vendor that answers with `answers` one after the other (the last one again and again)."""

    answers: list[Any]
    requests: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return httpx.Response(200, json=answer)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    addresses = {f"{vendor}_url": f"https://{vendor}.example" for vendor in VENDORS}
    keys = {
        name: KEY
        for name in (
            "shopify_token", "woocommerce_key", "woocommerce_secret", "hubspot_token", "sendgrid_token",
            "twilio_token", "meta_token", "linkedin_token", "ga4_token", "wordpress_token",
        )
    }  # fmt: skip
    return load_settings(
        tmp_path, **addresses, **keys, twilio_account="AC" + "0" * 32, meta_account="178",
        meta_ad_account="act_9", linkedin_organization="90210", ga4_property="4711", wordpress_user="reader",
    )  # fmt: skip


@pytest.fixture
def connect(settings: Settings) -> Callable[..., tuple[Any, Vendor]]:
    """`connect(name, *answers)` -> (connector, vendor); waiting is noted down in place of done."""

    def make(name: str, *answers: Any) -> tuple[Any, Vendor]:
        vendor = Vendor(list(answers))
        kinds = {**CONNECTORS, "sendgrid": SendGrid}
        connector = kinds[name](settings, client=httpx.Client(transport=httpx.MockTransport(vendor)))
        connector.http.sleep = vendor.slept.append
        return connector, vendor

    return make


@pytest.fixture
def mail_vendor(tmp_path: Path) -> Iterator[Callable[[str, str], Any]]:
    """`mail_vendor(name, url)` -> the vendor, with little patience."""
    opened: list[Any] = []

    def make(name: str, url: str) -> Any:
        settings = load_settings(
            tmp_path, **{f"{name}_url": url, f"{name}_token": KEY}, ses_region="eu-central-1", ses_access_key="AKIA1",
            ses_secret_key=KEY, ses_configuration_set="dmat",
        )  # fmt: skip
        settings.clock.set(datetime(2026, 3, 4, 12))
        provider = KINDS[name](settings, client=httpx.Client(timeout=httpx.Timeout(0.4, connect=2.0)))
        provider.http.sleep = lambda _seconds: None
        opened.append(provider)
        return provider

    yield make
    for provider in opened:
        provider.close()
