"""Under test: retargeting lists - who may be on them, what is sent after a change, that a lost answer loses nobody."""

from __future__ import annotations

import hashlib
from datetime import datetime

import httpx
import pytest
from scripted_vendor import KEY, ScriptedVendor
from sending_fixtures import NOON

from dmat.channels import retargeting
from dmat.channels.audience_members import list_audiences, read_members
from dmat.channels.identities import Identity, for_google, for_meta, normal_email, normal_name
from dmat.connectors.meta_audiences import MetaAudiences
from dmat.consent.permission import Decision, record_decisions
from dmat.consent.suppression import Suppression, suppress
from dmat.errors import AmbiguousError, InvalidInputError, RateLimitedError
from dmat.store import open_store

ANN = Identity(1, "Ann@Shop.example", "+4915112345678", "Ann", "O'Neil-Smith", "DE", "10115")
BOB = Identity(2, "bob@shop.example")
CLEO = Identity(3, phone="+15005550006")


@pytest.fixture
def store(settings):
    opened = open_store(settings)
    yield opened
    opened.close()


def decide(store, person_id, is_granted=True, at=NOON):
    with store.write() as connection:
        decision = Decision(person_id, "retargeting", "marketing", is_granted, at, "a form")
        record_decisions(connection, [decision], at)


def agree(store, *people):
    for person in people:
        decide(store, person.person_id)


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def kept(settings, key="spring"):
    from dmat.channels.audience_sandbox import AudienceSandbox

    return AudienceSandbox(settings.home / "sandbox" / "retargeting").read_list(key)


def test_a_person_is_made_normal_and_hashed_as_meta_wants():
    assert for_meta(ANN) == [
        sha("ann@shop.example"), sha("4915112345678"), sha("ann"), sha("oneilsmith"), sha("de"), sha("10115"),
    ]  # fmt: skip
    assert for_meta(BOB) == [sha("bob@shop.example"), "", "", "", "", ""]
    assert for_meta(Identity(1, "no address", "0151")) is None
    assert for_meta(Identity(1, "a@b.example", country_code="us", postal_code="94043-1234"))[5] == sha("94043")


def test_a_person_is_made_normal_and_hashed_as_google_wants():
    email, phone, address = for_google(ANN)
    assert email == {"emailAddress": sha("ann@shop.example")}
    assert phone == {"phoneNumber": sha("+4915112345678")}
    assert address["address"] == {
        "givenName": sha("ann"), "familyName": sha("o'neil-smith"), "regionCode": "DE", "postalCode": "10115",
    }  # fmt: skip
    assert for_google(Identity(1, "Cloudy.San.Francisco@GMAIL.com "))[0] == {
        "emailAddress": sha("cloudysanfrancisco@gmail.com")
    }
    assert len(for_google(BOB)) == 1
    assert for_google(Identity(1)) is None


def test_normal_forms_keep_letters_of_every_script():
    assert normal_name(" Jürgen-Peter 2. ") == "jürgenpeter"
    assert normal_name("Ольга") == "ольга"
    assert normal_email(" A nn@Shop.example ") == "ann@shop.example"


def test_only_those_who_agreed_are_handed_over(settings, store):
    agree(store, ANN, CLEO)
    decide(store, BOB.person_id, is_granted=False)
    [report] = retargeting.sync_audience(settings, store, "spring", [ANN, BOB, CLEO, Identity(4, "d@x.example")])
    assert (report.provider, report.asked_count, report.without_consent_count) == ("sandbox", 4, 2)
    assert (report.added_count, report.removed_count, report.members_count) == (2, 0, 2)
    assert sorted(kept(settings)) == sorted([for_meta(ANN), for_meta(CLEO)])
    assert [(a["audience_key"], a["members_count"], a["synced_at"]) for a in list_audiences(store)] == [
        ("spring", 2, settings.clock.now())
    ]


def test_an_erased_address_is_not_handed_over_whatever_the_record_says(settings, store):
    agree(store, ANN, BOB)
    with store.write() as connection:
        suppress(connection, [Suppression("ann@shop.example", "retargeting", "erased")], NOON)
    [report] = retargeting.sync_audience(settings, store, "spring", [ANN, BOB])
    assert report.members_count == 1
    assert kept(settings) == [for_meta(BOB)]


def test_only_what_changed_is_sent(settings, store):
    agree(store, ANN, BOB, CLEO)
    retargeting.sync_audience(settings, store, "spring", [ANN, BOB])
    [same] = retargeting.sync_audience(settings, store, "spring", [ANN, BOB])
    assert (same.added_count, same.removed_count) == (0, 0)
    moved = Identity(2, "bob@new.example")
    [report] = retargeting.sync_audience(settings, store, "spring", [moved, CLEO])
    assert (report.added_count, report.removed_count, report.members_count) == (2, 2, 2)
    assert sorted(kept(settings)) == sorted([for_meta(moved), for_meta(CLEO)])


def test_who_withdraws_is_taken_off_without_the_next_upload(settings, store):
    agree(store, ANN, BOB)
    retargeting.sync_audience(settings, store, "spring", [ANN, BOB])
    retargeting.sync_audience(settings, store, "autumn", [ANN])
    assert retargeting.take_off_withdrawn(settings, store) == 0
    decide(store, ANN.person_id, is_granted=False, at=datetime(2026, 3, 5))
    assert retargeting.take_off_withdrawn(settings, store) == 2
    assert (kept(settings, "spring"), kept(settings, "autumn")) == ([for_meta(BOB)], [])
    assert retargeting.take_off_lists(settings, store, [ANN.person_id, 99]) == 0
    assert retargeting.take_off_lists(settings, store, [BOB.person_id]) == 1
    assert kept(settings, "spring") == []


class Lists:
    """An advertiser in memory; `fails` are raised one after the other, after or before it did what was asked."""

    name, batch = "memory", 2

    def __init__(self):
        self.people, self.calls, self.fails, self.sessions = [], [], [], []

    def identify(self, identity):
        return for_meta(identity)

    def ensure_list(self, key, title):
        return self._do("ensure", "list-1")

    def add(self, vendor_id, rows, session):
        self.sessions.append(session)
        self.people += [row for row in rows if row not in self.people]
        self._do("add")

    def remove(self, vendor_id, rows, session):
        self.people = [row for row in self.people if row not in rows]
        self._do("remove")

    def close(self):
        pass

    def _do(self, what, answer=None):
        self.calls.append(what)
        if self.fails and (error := self.fails.pop(0)) is not None:
            raise error
        return answer


def upload(settings, store, lists, *people):
    agree(store, *people)
    return retargeting.Upload(settings, store, lists, "spring").run(people, "Spring", len(people))


def test_many_people_go_in_parts_of_one_session(settings, store):
    lists = Lists()
    upload(settings, store, lists, ANN, BOB, CLEO)
    first, second = lists.sessions
    assert first.number == second.number
    assert [(s.request, s.is_last, s.total) for s in lists.sessions] == [(1, False, 3), (2, True, 3)]


def test_a_lost_answer_is_asked_again_and_puts_nobody_on_twice(settings, store):
    lists = Lists()
    lists.fails = [None, AmbiguousError("lost"), AmbiguousError("lost"), None]
    assert upload(settings, store, lists, ANN).members_count == 1
    assert lists.calls == ["ensure", "add", "add", "add"]
    assert lists.people == [for_meta(ANN)]


def test_who_may_be_on_a_list_after_a_crash_is_known_and_can_be_taken_off(settings, store):
    lists = Lists()
    lists.fails = [None, *[AmbiguousError("lost")] * 3]
    with pytest.raises(AmbiguousError):
        upload(settings, store, lists, ANN)
    assert lists.people == [for_meta(ANN)]
    assert read_members(store, "memory", "spring")[1].state == "adding"
    assert upload(settings, store, lists).removed_count == 1
    assert lists.people == []


def test_what_was_not_finished_is_finished_the_next_time(settings, store):
    lists = Lists()
    upload(settings, store, lists, ANN, BOB, CLEO)
    lists.fails = [RateLimitedError("memory", 60)]
    with pytest.raises(RateLimitedError):
        upload(settings, store, lists, BOB)
    assert lists.calls[-1] == "remove"  # asked once: who asks to wait is not asked again at once
    report = upload(settings, store, lists, BOB)
    assert (report.removed_count, report.members_count) == (2, 1)
    assert lists.people == [for_meta(BOB)]


def test_a_key_and_a_provider_must_be_good(settings, store):
    with pytest.raises(InvalidInputError, match="audience_key"):
        retargeting.sync_audience(settings, store, "", [])
    settings.retargeting_provider = "google_ads"
    with pytest.raises(InvalidInputError, match="DMAT_GOOGLE_ADS_URL"):
        retargeting.sync_audience(settings, store, "spring", [])
    settings.retargeting_provider = "billboard"
    with pytest.raises(InvalidInputError, match="DMAT_RETARGETING_PROVIDER"):
        retargeting.sync_audience(settings, store, "spring", [])


def test_each_connected_advertiser_gets_the_list(settings):
    assert retargeting.provider_names_of(settings) == ("sandbox",)
    settings.meta_audiences_url = settings.google_ads_url = "https://x.example"
    assert retargeting.provider_names_of(settings) == ("meta_audiences", "google_ads")
    settings.retargeting_provider = "sandbox"
    assert retargeting.provider_names_of(settings) == ("sandbox",)


def test_people_stay_where_an_advertiser_is_not_connected_any_more(settings, store):
    settings.meta_audiences_url, settings.meta_ad_account = "https://x.example", "act_9"
    agree(store, ANN)
    vendor = ScriptedVendor([httpx.Response(200, json={"data": []}), {"id": "77"}, {}])
    provider = MetaAudiences(settings, vendor.client)
    retargeting.Upload(settings, store, provider, "spring").run([ANN], "Spring", 1)
    settings.meta_audiences_url = ""
    assert retargeting.take_off_lists(settings, store, [ANN.person_id]) == 0
    assert len(read_members(store, "meta_audiences", "spring")) == 1
    assert KEY not in str(vendor.requests)
