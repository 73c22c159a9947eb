"""Under test: the view model of the template editor, without a browser: late answers, drafts, languages, versions."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import datetime

import pytest

from apps.screens.templates.drafts import Draft, Drafts
from apps.screens.templates.editing import Answer, Check, Editing
from dmat.errors import ConflictError, InvalidInputError, NotPermittedError
from dmat.messages.library import Templates
from dmat.messages.records import Template, content_of
from dmat.store import open_store

NOW = datetime(2026, 11, 20, 14, 5)
DOCUMENT = {
    "variables": [{"name": "first_name", "fallback": "there"}],
    "locales": {"": {"subject": "Hello {{ first_name }}", "body": "<mjml></mjml>"}},
    "blocks": {},
}
TEMPLATE = Template("sale", "Sale", "email", "mjml", content_of(DOCUMENT), 3)
BY = "ana@example.com"


class FakeAsked:
    """Finds nothing wrong; can be held back to come late."""

    def __init__(self):
        self.asked, self.gates, self.sent = [], {}, []

    def look(self, template, document, locale, person_id, serial):
        self.asked.append(serial)
        if serial in self.gates:
            self.gates[serial].wait(5)
        return Answer(serial, (Check("error", "body", "bad"), Check("hint", "subject", "long")))

    def send_test(self, template, document, locale, person_id, to, by):
        if to != by:
            raise NotPermittedError("test mails go to users of this workspace only")
        self.sent.append((to, by))
        return "It leaves within seconds."


class FakeLibrary:
    """Keeps one template."""

    def __init__(self):
        self.error, self.updated = None, []

    def get(self, key):
        return TEMPLATE

    def update(self, key, **values):
        if self.error:
            raise self.error
        self.updated.append(values)
        return replace(TEMPLATE, version=4, name=values["name"], content=content_of(values["content"]))

    def version(self, key, version=0):
        older = {**DOCUMENT, "locales": {"": {"subject": f"Version {version}", "body": ""}}}
        return replace(TEMPLATE, content=content_of(older), version=version)


class FakeDrafts:
    """Keeps drafts in a dictionary."""

    def __init__(self):
        self.kept = {}

    def keep(self, user, key, document, version):
        self.kept[(user, key)] = Draft(document, version, NOW)
        return self.kept[(user, key)]

    def drop(self, user, key):
        self.kept.pop((user, key), None)


@pytest.fixture
def parts():
    return FakeAsked(), FakeLibrary(), FakeDrafts()


@pytest.fixture
def model(parts):
    made = Editing(*parts, BY, TEMPLATE)
    made.debounce = 0
    return made


def test_an_edit_is_checked_and_kept_as_a_draft_and_saving_makes_a_version_of_it(model, parts):
    asyncio.run(model.write("subject", "Now {{ first_name }}"))
    assert model.is_changed
    assert model.errors == 1
    assert parts[2].kept[(BY, "sale")].document["content"]["locales"][""]["subject"] == "Now {{ first_name }}"
    assert asyncio.run(model.save("new words"))
    assert parts[1].updated[0]["expected_version"] == 3
    assert not model.is_changed
    assert parts[2].kept == {}


def test_what_is_typed_as_it_already_is_asks_nobody(model, parts):
    asyncio.run(model.write("subject", "Hello {{ first_name }}"))
    assert parts[0].asked == []
    assert not model.is_changed


def test_an_answer_that_comes_after_a_newer_edit_is_thrown_away(model, parts):
    parts[0].gates[1] = threading.Event()

    async def edit_twice():
        first = asyncio.create_task(model.write("subject", "one"))
        while not parts[0].asked:
            await asyncio.sleep(0)
        await model.write("subject", "two")
        parts[0].gates[1].set()
        await first

    asyncio.run(edit_twice())
    assert model.answer.serial == 2
    assert model.parts["subject"] == "two"


def test_a_language_begins_with_what_everybody_gets_and_is_edited_alone(model):
    asyncio.run(model.add_locale("de"))
    asyncio.run(model.write("subject", "Hallo {{ first_name }}"))
    assert model.locales == ("", "de")
    assert model.document["locales"][""]["subject"] == "Hello {{ first_name }}"
    asyncio.run(model.drop_locale())
    assert model.locales == ("",)
    assert model.locale == ""


def test_the_language_for_everybody_cannot_be_taken_away(model):
    asyncio.run(model.drop_locale())
    assert model.locales == ("",)


def test_a_personal_value_is_declared_once_and_its_fallback_changed(model):
    asyncio.run(model.declare("city", source="city", fallback="your town"))
    asyncio.run(model.declare("city", fallback="home"))
    assert [each for each in model.variables if each["name"] == "city"] == [
        {"name": "city", "type": "text", "source": "city", "fallback": "home"}
    ]
    asyncio.run(model.forget("city"))
    assert [each["name"] for each in model.variables] == ["first_name"]


def test_an_older_version_comes_back_into_the_editor_and_is_not_saved_by_itself(model, parts):
    asyncio.run(model.restore(1))
    assert model.parts["subject"] == "Version 1"
    assert model.is_changed
    assert parts[1].updated == []


def test_two_people_who_save_do_not_lose_each_others_work(model, parts):
    asyncio.run(model.write("subject", "mine"))
    parts[1].error = ConflictError("template sale is at version 4, not 3")
    assert not asyncio.run(model.save())
    assert "Somebody else" in model.problem
    assert parts[2].kept


def test_a_content_that_is_refused_says_where_and_what_is_allowed(model, parts):
    asyncio.run(model.write("subject", "mine"))
    parts[1].error = InvalidInputError("locales..subject", "this is too long", "at most 2000 characters")
    assert not asyncio.run(model.save())
    assert "at most 2000" in model.problem


def test_a_draft_of_an_older_version_is_not_taken_up(model):
    assert not model.resume(Draft({"content": DOCUMENT, "title": "Old"}, 2, NOW))
    assert model.resume(Draft({"content": DOCUMENT, "title": "Newer"}, 3, NOW))
    assert model.title == "Newer"


def test_a_test_message_goes_to_who_may_get_one_and_else_says_why_not(model, parts):
    asyncio.run(model.send_test(BY))
    assert parts[0].sent == [(BY, BY)]
    asyncio.run(model.send_test("stranger@example.org"))
    assert "users of this workspace" in model.problem


def test_a_draft_outlives_the_server(company):
    store = open_store(company)
    Drafts(store, company.clock).keep(BY, "sale", {"content": DOCUMENT, "title": "Sale"}, 3)
    store.close()
    again = open_store(company)
    found = Drafts(again, company.clock).find(BY, "sale")
    Drafts(again, company.clock).drop(BY, "sale")
    assert found.document["content"] == DOCUMENT
    assert Drafts(again, company.clock).find(BY, "sale") is None
    assert Templates(again, company.clock).list() == []
    again.close()
