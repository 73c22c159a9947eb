"""Faults strike as they say, and limits hold: what a client sees when something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dmat.errors import InvalidInputError
from dmat.simulate.vendors.faults import read_fault
from dmat.simulate.vendors.limits import Limit, TokenBucket
from dmat.simulate.vendors.running import RunningVendors


def mail(message_id: str) -> dict[str, Any]:
    return {
        "personalizations": [{"to": [{"email": "a@mail.example"}], "custom_args": {"dmat_message_id": message_id}}],
        "from": {"email": "hello@shop.example"},
        "subject": "Hello",
        "content": [{"type": "text/plain", "value": "Hello"}],
    }


def send(running: RunningVendors, client: httpx.Client, message_id: str) -> httpx.Response:
    key = running.settings.sendgrid_token.get_secret_value()
    url = f"{running.url}/sendgrid/v3/mail/send"
    return client.post(url, json=mail(message_id), headers={"Authorization": f"Bearer {key}"})


def sent_ids(running: RunningVendors, client: httpx.Client) -> list[str]:
    return [one["dmat_message_id"] for one in client.get(f"{running.url}/control/sent").json()["mails"]]


def switch(running: RunningVendors, client: httpx.Client, **fault: object) -> None:
    assert client.post(f"{running.url}/control/faults", json=fault).status_code == 200


def test_a_lost_acknowledgement_is_carried_out_but_never_answered(
    start: Callable[[], RunningVendors], client: httpx.Client
) -> None:
    running = start()
    switch(running, client, vendor="sendgrid", kind="lost_ack", share=1)
    with pytest.raises(httpx.TransportError):
        send(running, client, "lost")
    client.delete(f"{running.url}/control/faults")
    assert send(running, client, "kept").status_code == 202
    assert sent_ids(running, client) == ["lost", "kept"]


def test_a_cut_write_does_nothing_and_a_cut_read_breaks_off(
    start: Callable[[], RunningVendors], client: httpx.Client
) -> None:
    running = start()
    switch(running, client, vendor="all", kind="cut", share=1)
    with pytest.raises(httpx.TransportError):
        send(running, client, "cut")
    auth = (running.settings.wordpress_user, running.settings.wordpress_token.get_secret_value())
    with pytest.raises(httpx.TransportError):
        client.get(f"{running.url}/wordpress/wp-json/wp/v2/pages", auth=auth)
    assert sent_ids(running, client) == []


def test_errors_of_a_fault_do_nothing_and_speak_as_the_vendor_does(
    start: Callable[[], RunningVendors], client: httpx.Client
) -> None:
    running = start()
    switch(running, client, vendor="sendgrid", kind="500", share=1)
    answer = send(running, client, "a")
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (500, "internal server error")
    switch(running, client, vendor="sendgrid", kind="500", share=0)
    switch(running, client, vendor="sendgrid", kind="429", share=1)
    answer = send(running, client, "b")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert sent_ids(running, client) == []


def test_a_share_of_the_requests_is_hit_and_the_same_ones_each_time(
    start: Callable[[], RunningVendors], client: httpx.Client
) -> None:
    running = start()

    def statuses() -> list[int]:
        switch(running, client, vendor="sendgrid", kind="500", share=0.3, seed=5)
        return [send(running, client, f"m{number}").status_code for number in range(40)]

    first = statuses()
    assert first == statuses()
    assert 4 <= first.count(500) <= 20


def test_a_slow_answer_is_still_an_answer(start: Callable[[], RunningVendors], client: httpx.Client) -> None:
    running = start()
    switch(running, client, vendor="sendgrid", kind="slow", share=1, seconds=0.05)
    assert send(running, client, "slow").status_code == 202


@pytest.mark.parametrize(
    "asked", [{"vendor": "nobody", "kind": "500"}, {"vendor": "meta", "kind": "fire"},
              {"vendor": "meta", "kind": "500", "share": 2}],
)  # fmt: skip
def test_a_fault_that_makes_no_sense_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read_fault(asked)


def test_a_bucket_gives_what_it_holds_and_then_says_how_long_to_wait() -> None:
    now = [0.0]
    bucket = TokenBucket(Limit(10, 2), clock=lambda: now[0])
    assert [bucket.take(4), bucket.take(4)] == [0.0, 0.0]
    assert bucket.take(4) == 1.0
    now[0] = 1.0
    assert bucket.take(4) == 0.0
    bucket.give_back(100)
    assert bucket.level == 10


@pytest.mark.parametrize(
    ("vendor", "path", "method"),
    [
        ("woocommerce", "/woocommerce/wp-json/wc/v3/orders", "GET"),
        ("hubspot", "/hubspot/crm/v3/objects/contacts", "GET"),
        ("twilio", "/twilio/2010-04-01/Accounts/{twilio_account}/Messages.json", "GET"),
        ("meta", "/meta/v23.0/{meta_account}/media", "GET"),
        ("linkedin", "/linkedin/rest/posts", "GET"),
        ("ga4", "/ga4/v1beta/properties/{ga4_property}:runReport", "POST"),
        ("wordpress", "/wordpress/wp-json/wp/v2/pages", "GET"),
        ("whatsapp", "/whatsapp/v23.0/{whatsapp_phone_id}/messages", "POST"),
        ("sendgrid", "/sendgrid/v3/mail/send", "POST"),
    ],
)
def test_too_many_requests_are_answered_429_with_the_seconds_to_wait(
    start: Callable[[], RunningVendors], client: httpx.Client, vendor: str, path: str, method: str
) -> None:
    running = start()
    limit = {"vendor": vendor, "burst": 1, "per_second": 0.01}
    assert client.post(f"{running.url}/control/limits", json=limit).status_code == 200
    url = running.url + path.format(**running.settings.model_dump())
    statuses = [client.request(method, url, **keys_of(running, vendor), content=b"{}" if method == "POST" else None)
                for _ in range(2)]  # fmt: skip
    assert statuses[0].status_code != 429
    assert statuses[1].status_code == 429
    assert int(statuses[1].headers["retry-after"]) >= 1


def keys_of(running: RunningVendors, vendor: str) -> dict[str, Any]:
    """How a client shows its key to each vendor."""
    settings = running.settings
    basics = {
        "woocommerce": (settings.woocommerce_key.get_secret_value(), settings.woocommerce_secret.get_secret_value()),
        "twilio": (settings.twilio_account, settings.twilio_token.get_secret_value()),
        "wordpress": (settings.wordpress_user, settings.wordpress_token.get_secret_value()),
    }
    if vendor in basics:
        return {"auth": basics[vendor]}
    token = getattr(settings, f"{vendor}_token").get_secret_value()
    return {"headers": {"Authorization": f"Bearer {token}", "LinkedIn-Version": "202606"}}


@pytest.mark.parametrize(
    ("vendor", "path", "method", "where"),
    [
        ("shopify", "/shopify/admin/api/2026-10/graphql.json", "POST", "errors"),
        ("woocommerce", "/woocommerce/wp-json/wc/v3/orders", "GET", "code"),
        ("hubspot", "/hubspot/crm/v3/objects/contacts", "GET", "category"),
        ("sendgrid", "/sendgrid/v3/mail/send", "POST", "errors"),
        ("twilio", "/twilio/2010-04-01/Accounts/AC1/Messages.json", "GET", "more_info"),
        ("whatsapp", "/whatsapp/v23.0/1/messages", "POST", "error"),
        ("meta", "/meta/v23.0/1/media", "GET", "error"),
        ("linkedin", "/linkedin/rest/posts", "GET", "serviceErrorCode"),
        ("ga4", "/ga4/v1beta/properties/1:runReport", "POST", "error"),
        ("wordpress", "/wordpress/wp-json/wp/v2/pages", "GET", "code"),
    ],
)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong", "X-Shopify-Access-Token": "wrong"},
     {"Authorization": "Basic d3Jvbmc6a2V5"}, {"Authorization": "Basic %%%"}],
)  # fmt: skip
def test_without_the_right_key_every_vendor_answers_401_in_its_own_words(
    shared_vendors: RunningVendors, client: httpx.Client, vendor: str, path: str, method: str, where: str,
    headers: dict[str, str],
) -> None:  # fmt: skip
    answer = client.request(method, shared_vendors.url + path, headers=headers)
    assert answer.status_code == 401
    assert where in answer.json()
