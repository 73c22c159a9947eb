"""Under test: what networks are asked when a post is published, and what each of their answers means."""

from __future__ import annotations

import json
from datetime import datetime

import httpx
import pytest

from dmat.channels.social import Post, missing_settings, open_network
from dmat.connectors.linkedin_posts import LinkedInPosts, escaped
from dmat.connectors.meta_posts import FacebookPage, Instagram
from dmat.errors import (
    AmbiguousError,
    InvalidInputError,
    RateLimitedError,
    VendorRefusedError,
    VendorUnavailableError,
)
from dmat.settings import load_settings

POST = Post("campaign-7-post", "linkedin", "Our sale (50%) begins! #sale", "https://shop.example/sale")
PHOTO = Post("campaign-7-post", "instagram", "Our sale begins", "", "https://shop.example/sale.jpg")
SINCE = datetime(2026, 6, 1, 8)


@pytest.fixture
def settings(tmp_path):
    return load_settings(
        tmp_path, meta_url="https://graph.example", meta_account="178", meta_token="secret-token", meta_page="55",
        meta_page_token="page-token", linkedin_url="https://linkedin.example", linkedin_organization="90210",
        linkedin_token="secret-token", social_publishing="automatic",
    )  # fmt: skip


class Vendor:
    """Answers requests in turn and remembers them."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []
        self.client = httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def bodies(self):
        return [json.loads(request.content) for request in self.asked if request.content]


def opened(kind, settings, vendor):
    made = kind(settings, client=vendor.client)
    made.http.sleep = lambda seconds: None
    return made


def answer(body=None, status=200, **headers):
    return httpx.Response(status, json=body if body is not None else {}, headers=headers)


def test_linkedin_takes_a_post_with_its_link_and_names_it_in_a_header(settings):
    vendor = Vendor(answer(status=201, **{"x-restli-id": "urn:li:share:77"}))
    published = opened(LinkedInPosts, settings, vendor).publish(POST)
    assert (published.post_id, published.url) == (
        "urn:li:share:77", "https://www.linkedin.com/feed/update/urn:li:share:77/",
    )  # fmt: skip
    [body] = vendor.bodies()
    assert body["commentary"] == "Our sale \\(50%\\) begins! #sale"
    assert body["content"]["article"]["source"] == "https://shop.example/sale"
    assert (body["author"], body["lifecycleState"]) == ("urn:li:organization:90210", "PUBLISHED")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a_b*c", "a\\_b\\*c"),
        ("see https://shop.example/a_b(c) now", "see https://shop.example/a_b(c) now"),
        ("#sale and C# and # alone", "#sale and C\\# and \\# alone"),
        ("back\\slash <b> @you ~ {x} [y] |", "back\\\\slash \\<b\\> \\@you \\~ \\{x\\} \\[y\\] \\|"),
    ],
)
def test_signs_that_linkedin_reserves_are_escaped_and_links_and_hashtags_stay(text, kept):
    assert escaped(text) == kept


def test_instagram_takes_a_picture_in_two_steps_and_waits_until_it_is_ready(settings):
    vendor = Vendor(
        answer({"id": "c1"}), answer({"status_code": "IN_PROGRESS"}), answer({"status_code": "FINISHED"}),
        answer({"id": "m1"}), answer({"permalink": "https://instagram.example/p/1"}),
    )  # fmt: skip
    published = opened(Instagram, settings, vendor).publish(PHOTO)
    assert (published.post_id, published.url) == ("m1", "https://instagram.example/p/1")
    assert vendor.bodies() == [
        {"image_url": "https://shop.example/sale.jpg", "caption": "Our sale begins"}, {"creation_id": "c1"},
    ]  # fmt: skip
    assert vendor.asked[0].url.path == "/v23.0/178/media"


def test_a_post_without_a_picture_is_refused_before_instagram_is_asked(settings):
    with pytest.raises(InvalidInputError, match="picture"):
        opened(Instagram, settings, Vendor()).check(POST)


@pytest.mark.parametrize("text", ["", " ", "x" * 3_001])
def test_a_post_that_says_nothing_or_too_much_is_refused(settings, text):
    with pytest.raises(InvalidInputError) as refused:
        opened(LinkedInPosts, settings, Vendor()).check(Post("key", "linkedin", text))
    assert refused.value.field == "social.text"


def test_a_lost_answer_of_the_container_has_published_nothing(settings):
    vendor = Vendor(httpx.ReadTimeout("slow"))
    with pytest.raises(VendorUnavailableError, match="nothing was published"):
        opened(Instagram, settings, vendor).publish(PHOTO)


def test_a_picture_that_instagram_cannot_use_is_said(settings):
    vendor = Vendor(answer({"id": "c1"}), answer({"status_code": "ERROR"}))
    with pytest.raises(VendorRefusedError, match="could not be prepared"):
        opened(Instagram, settings, vendor).publish(PHOTO)


def test_a_page_takes_text_and_link(settings):
    vendor = Vendor(answer({"id": "55_1"}), answer({"permalink_url": "https://facebook.example/1"}))
    assert opened(FacebookPage, settings, vendor).publish(POST).url == "https://facebook.example/1"
    assert vendor.bodies() == [{"message": POST.text, "link": POST.url}]
    assert vendor.asked[0].headers["authorization"] == "Bearer page-token"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (answer({"message": "no"}, 401), VendorRefusedError),
        (answer({"message": "no"}, 422), VendorRefusedError),
        (answer({}, 429, **{"Retry-After": "60"}), RateLimitedError),
        (answer({}, 500), VendorUnavailableError),
        (answer({}, 502), AmbiguousError),
        (httpx.ReadTimeout("slow"), AmbiguousError),
        (httpx.RemoteProtocolError("cut"), AmbiguousError),
        (answer({}, 201), AmbiguousError),
    ],
)
def test_every_failure_says_whether_something_may_have_been_published(settings, given, error):
    with pytest.raises(error) as raised:
        opened(LinkedInPosts, settings, Vendor(given)).publish(POST)
    assert "secret-token" not in str(raised.value)


def test_a_lost_post_is_found_by_its_words_and_only_a_new_one(settings):
    found = {"id": "urn:li:share:7", "commentary": escaped(POST.text), "publishedAt": 1780300800000}
    old = found | {"publishedAt": 1700000000000}
    network = opened(
        LinkedInPosts, settings, Vendor(answer({"elements": [{"id": "x"}, found]}), answer({"elements": [old]}))
    )
    assert network.find(POST, SINCE).post_id == "urn:li:share:7"
    assert network.find(POST, SINCE) is None
    item = {"id": "m1", "caption": PHOTO.words, "permalink": "p", "timestamp": "2026-06-01T09:00:00+0000"}
    media = opened(Instagram, settings, Vendor(answer({"data": [item]}), answer({"data": []})))
    assert media.find(PHOTO, SINCE).post_id == "m1"
    assert media.find(PHOTO, SINCE) is None
    line = {"id": "55_1", "message": POST.text, "permalink_url": "p", "created_time": "2026-06-01T09:00:00+0000"}
    assert opened(FacebookPage, settings, Vendor(answer({"data": [line]}))).find(POST, SINCE).post_id == "55_1"


def test_who_publishes_for_a_network_is_chosen_by_the_settings(settings, tmp_path):
    assert open_network(settings, "linkedin").name == "linkedin"
    assert open_network(settings, "x") is None
    bare = load_settings(tmp_path, social_publishing="automatic")
    assert open_network(bare, "instagram") is None
    assert missing_settings(bare, "facebook") == ["DMAT_META_URL", "DMAT_META_PAGE", "DMAT_META_PAGE_TOKEN"]
    assert open_network(load_settings(tmp_path, social_publishing="sandbox"), "x").name == "sandbox"
