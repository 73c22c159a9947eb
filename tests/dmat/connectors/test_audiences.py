"""Under test: lists at Meta and Google - looked for before they are made, people added and removed, failures named."""

from __future__ import annotations

import json

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from scripted_vendor import FAILURES, KEY, ScriptedVendor, failure_name

from dmat.channels.identities import Identity
from dmat.channels.retargeting import Session
from dmat.connectors.google_ads import GoogleAds
from dmat.connectors.meta_audiences import MetaAudiences
from dmat.errors import InvalidInputError, RateLimitedError, VendorRefusedError, VendorUnavailableError
from dmat.settings import load_settings

SESSION = Session(9778993, 1, True, 1)
ANN = Identity(1, "ann@shop.example", "+4915112345678")


class Advertiser(ScriptedVendor):
    """Tokens are given at another address."""

    def __call__(self, request):
        if request.url.host == "tokens.example":
            return httpx.Response(200, json={"access_token": KEY, "expires_in": 3600})
        return super().__call__(request)


@pytest.fixture(scope="module")
def private_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


@pytest.fixture
def settings(tmp_path, private_key):
    account = {"private_key": private_key, "client_email": "d@x.example", "token_uri": "https://tokens.example/t"}
    (tmp_path / "account.json").write_text(json.dumps(account))
    return load_settings(
        tmp_path, meta_audiences_url="https://graph.facebook.com", meta_token=KEY, meta_ad_account="act_9",
        google_ads_url="https://datamanager.googleapis.com", google_ads_account="1234567890",
        google_ads_credentials_file=str(tmp_path / "account.json"),
    )  # fmt: skip


KINDS = {"meta_audiences": MetaAudiences, "google_ads": GoogleAds}
EACH = pytest.mark.parametrize("name", KINDS)


@EACH
@pytest.mark.parametrize("action", ["add", "remove"])
@pytest.mark.parametrize(("failure", "error"), FAILURES, ids=failure_name)
def test_a_failure_is_named_for_what_it_means(settings, name, action, failure, error):
    vendor = Advertiser([failure])
    provider = KINDS[name](settings, vendor.client)
    with pytest.raises(error) as caught:
        getattr(provider, action)("77", [provider.identify(ANN)], SESSION)
    assert type(caught.value) is error
    assert len(vendor.requests) == 1
    if name == "meta_audiences":
        assert KEY not in str(caught.value)


def test_metas_people_go_in_a_session_with_the_names_of_their_fields(settings):
    vendor = Advertiser([{"num_received": 1}])
    provider = MetaAudiences(settings, vendor.client)
    provider.add("77", [provider.identify(ANN)], SESSION)
    provider.remove("77", [provider.identify(ANN)], SESSION)
    assert [(r.method, r.url.path) for r in vendor.requests] == [
        ("POST", "/v23.0/77/users"),
        ("DELETE", "/v23.0/77/users"),
    ]
    assert vendor.body(0)["session"] == {
        "session_id": 9778993, "batch_seq": 1, "last_batch_flag": True, "estimated_num_total": 1,
    }  # fmt: skip
    assert vendor.body(0)["payload"]["schema"] == ["EMAIL", "PHONE", "FN", "LN", "COUNTRY", "ZIP"]


def test_metas_list_is_looked_for_on_every_page_before_it_is_made(settings):
    pages = [
        {"data": [{"id": "1", "description": "x dmat:other"}], "paging": {"next": "x", "cursors": {"after": "b"}}},
        {"data": [{"id": "2", "description": "Kept. dmat:spring"}]},
    ]
    vendor = Advertiser(pages)
    assert MetaAudiences(settings, vendor.client).ensure_list("spring", "Spring") == "2"
    assert {request.method for request in vendor.requests} == {"GET"}
    vendor = Advertiser([{"data": []}, {"id": "3"}])
    assert MetaAudiences(settings, vendor.client).ensure_list("spring", "Spring") == "3"
    assert vendor.body()["description"].endswith("dmat:spring")


def test_meta_says_too_fast_by_a_number(settings):
    answer = httpx.Response(400, json={"error": {"code": 17, "message": "User request limit reached"}})
    with pytest.raises(RateLimitedError):
        MetaAudiences(settings, Advertiser([answer]).client).add("77", [], SESSION)


def test_googles_people_go_to_their_list_with_their_consent(settings):
    vendor = Advertiser([{"requestId": "r"}])
    provider = GoogleAds(settings, vendor.client)
    provider.add("55", [provider.identify(ANN)], SESSION)
    provider.remove("55", [provider.identify(ANN)], SESSION)
    assert [r.url.path for r in vendor.requests] == ["/v1/audienceMembers:ingest", "/v1/audienceMembers:remove"]
    added, removed = vendor.body(0), vendor.body(1)
    assert added["consent"] == {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
    assert added["destinations"] == removed["destinations"]
    assert set(removed) == {"destinations", "audienceMembers", "encoding"}
    assert vendor.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_googles_list_is_looked_for_on_every_page_before_it_is_made(settings):
    pages = [{"userLists": [{"id": "1", "integrationCode": "other"}], "nextPageToken": "b"},
             {"userLists": [{"id": "2", "integrationCode": "spring"}]}]  # fmt: skip
    vendor = Advertiser(pages)
    assert GoogleAds(settings, vendor.client).ensure_list("spring", "Spring") == "2"
    assert dict(vendor.requests[1].url.params)["pageToken"] == "b"
    vendor = Advertiser([{}, {"id": "3"}])
    assert GoogleAds(settings, vendor.client).ensure_list("spring", "Spring") == "3"
    assert vendor.body()["integrationCode"] == "spring"


def test_a_manager_account_is_named_where_there_is_one(settings):
    settings.google_ads_login_account = "999"
    vendor = Advertiser([{"requestId": "r"}])
    GoogleAds(settings, vendor.client).add("55", [], SESSION)
    assert vendor.body()["destinations"][0]["loginAccount"] == {"accountType": "GOOGLE_ADS", "accountId": "999"}
    assert vendor.requests[0].headers["login-account"] == "accountTypes/GOOGLE_ADS/accounts/999"


@EACH
def test_an_answer_that_names_no_list_is_an_error(settings, name):
    for answer in ({"x": 1}, httpx.Response(200, text="ok")):
        listing = {"data": []} if name == "meta_audiences" else {"userLists": []}
        with pytest.raises(VendorRefusedError):
            KINDS[name](settings, Advertiser([listing, answer]).client).ensure_list("spring", "Spring")


def test_lists_that_cannot_be_read_are_no_empty_lists(settings):
    with pytest.raises(VendorUnavailableError):
        GoogleAds(settings, Advertiser([httpx.Response(200, text="<html>")]).client).ensure_list("a", "A")
    with pytest.raises(VendorRefusedError):
        GoogleAds(settings, Advertiser([[]]).client).ensure_list("a", "A")
    with pytest.raises(VendorRefusedError):
        MetaAudiences(settings, Advertiser([{}]).client).ensure_list("a", "A")


def test_an_account_must_be_digits(settings):
    settings.google_ads_account = "123-456"
    with pytest.raises(InvalidInputError, match="DMAT_GOOGLE_ADS_ACCOUNT"):
        GoogleAds(settings)
