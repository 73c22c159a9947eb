"""Under test: templates are kept with every version, late changes are refused, all is in the audit trail."""

from __future__ import annotations

import pytest

from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.messages.files import read_template, write_template
from dmat.messages.library import Templates, Wanted
from dmat.store.workspace_values import read_audit

BY = "ann@shop.example"


def document(text="Hi {{ first_name }}", **more):
    return {"variables": [{"name": "first_name", "fallback": "there"}], "locales": {"": {"text": text}}} | more


@pytest.fixture
def templates(both_stores, both_settings):
    return Templates(both_stores, both_settings.clock)


def make(templates, name="Spring sale", **changes):
    return templates.create(
        **({"name": name, "channel": "sms", "kind": "text", "content": document(), "by": BY} | changes)
    )


def test_a_changed_content_is_a_new_version_and_the_old_one_stays(templates):
    first = make(templates)
    second = templates.update(first.key, by="bob@shop.example", content=document("Hello"), note="shorter")
    assert (first.key, first.version, second.version) == ("spring-sale", 1, 2)
    assert templates.version(first.key, 1).content.parts()["text"] == "Hi {{ first_name }}"
    newest = templates.versions(first.key)[0]
    assert (newest.version, newest.note, newest.created_by) == (2, "shorter", "bob@shop.example")


def test_the_same_content_again_and_another_name_are_no_new_versions(templates):
    template = make(templates)
    assert templates.update(template.key, by=BY, content=document()).version == 1
    changed = templates.update(template.key, by=BY, name="Sale", tags=["spring", "spring"], folder="2026")
    assert (changed.version, changed.name, changed.tags, templates.folders()) == (1, "Sale", ("spring",), ["2026"])


def test_a_change_made_on_an_older_version_is_refused(templates):
    template = make(templates)
    templates.update(template.key, by=BY, content=document("Hello"))
    with pytest.raises(ConflictError, match="at version 2, not 1"):
        templates.update(template.key, by=BY, content=document("Bye"), expected_version=1)


def test_a_key_is_given_once(templates):
    make(templates)
    assert make(templates).key == "spring-sale-2"
    with pytest.raises(ConflictError):
        make(templates, key="spring-sale")


def test_archived_templates_are_not_listed_until_they_are_restored(templates):
    template = make(templates)
    templates.archive(template.key, BY)
    assert templates.list() == []
    assert [each.key for each in templates.list(Wanted(state=None))] == ["spring-sale"]
    templates.restore(template.key, BY)
    assert [each.key for each in templates.list(Wanted(text="SALE spring", channel="sms"))] == ["spring-sale"]
    assert templates.list(Wanted(text="winter")) == []


def test_every_change_is_in_the_audit_trail(templates):
    template = make(templates)
    templates.update(template.key, by=BY, name="Sale")
    templates.archive(template.key, BY)
    templates.put_block("footer", name="Footer", kind="text", source="Bye", by=BY)
    actions = [row["action"] for row in read_audit(templates.store)]
    assert actions == ["block kept", "template archived", "template changed", "template created"]


def test_a_version_keeps_the_blocks_as_they_were(templates):
    templates.put_block("bye", name="Bye", kind="text", source="Bye, {{ first_name }}", by=BY)
    template = make(templates, content=document('Hi {% include "block:bye" %}'))
    templates.put_block("bye", name="Bye", kind="text", source="So long", by=BY)
    assert templates.get(template.key).content.blocks == {"bye": "Bye, {{ first_name }}"}
    assert templates.outdated_blocks(template.key) == ["bye"]
    again = templates.update(template.key, by=BY, content=templates.get(template.key).content)
    assert (again.version, again.content.blocks) == (2, {"bye": "So long"})


def test_a_block_that_is_not_there_is_named(templates):
    with pytest.raises(InvalidInputError, match="block:nothing"):
        make(templates, content=document('{% include "block:nothing" %}'))


def test_a_language_of_its_own_comes_before_the_one_for_everybody(templates):
    content = document(locales={"": {"text": "Hi"}, "de": {"text": "Hallo"}, "de-AT": {"text": "Servus"}})
    found = make(templates, content=content).content
    assert [found.parts(locale)["text"] for locale in ("de_AT", "de-CH", "fr", "")] == ["Servus", "Hallo", "Hi", "Hi"]


@pytest.mark.parametrize(("change", "field"), [
    ({"locales": {"de": {"text": "x"}}}, "locales"), ({"locales": {"": {"subject": "x"}}}, "locales..subject"),
    ({"locales": {"": {"text": "a\x00b"}}}, "locales..text"), ({"locales": {"": {"text": 7}}}, "locales..text"),
    ({"variables": [{"name": "A b"}]}, "variables[0].name"),
    ({"variables": [{"name": "campaign"}]}, "variables[0].name"),
    ({"variables": [{"name": "a"}, {"name": "a"}]}, "variables[1].name"),
    ({"variables": [{"name": "a", "type": "colour"}]}, "variables[0].type"),
    ({"variables": [{"name": "a", "type": "number", "fallback": "x"}]}, "variables[0].fallback"),
    ({"variables": [{"name": "a", "type": "url", "fallback": "javascript:x"}]}, "variables[0].fallback"),
    ({"variables": [{"name": "a", "count": 0}]}, "variables[0].count"), ({"other": 1}, "content.other"),
])  # fmt: skip
def test_a_content_that_cannot_be_names_its_field(templates, change, field):
    with pytest.raises(InvalidInputError) as caught:
        make(templates, content=document() | change)
    assert caught.value.field == field


def test_mails_are_mjml_or_html_and_texts_are_neither(templates):
    with pytest.raises(InvalidInputError, match="kind"):
        make(templates, kind="mjml")
    with pytest.raises(InvalidInputError, match="channel"):
        make(templates, channel="fax")


def test_a_built_in_template_can_be_read_and_not_changed(templates):
    assert templates.get("cart_recovery").is_built_in
    with pytest.raises(ConflictError, match="built in"):
        templates.update("cart_recovery", by=BY, name="x")
    with pytest.raises(NotFoundError):
        templates.get("nothing")


def test_a_file_says_what_the_template_says(templates):
    template = make(templates, content=document("Hi {{ first_name }}\nSecond line\n"))
    again = read_template(write_template(template), "a file")
    assert again.content.as_document() == template.content.as_document()
    assert (again.key, again.name, again.channel) == (template.key, template.name, template.channel)
