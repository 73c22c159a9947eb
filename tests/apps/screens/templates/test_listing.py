"""Under test: what the list of templates says of each."""

from __future__ import annotations

from types import SimpleNamespace

from apps.screens.templates.listing import first_words


def template(**parts):
    return SimpleNamespace(content=SimpleNamespace(parts=lambda: parts))


def test_first_words_are_read_without_knowing_the_language_of_templates():
    subject = '{% if first_name != "there" %}{{ first_name }}, we{% else %}We{% endif %} have news for {{ industry }}'
    body = '<mjml><mj-text><a href="{{ view_url }}">In your browser</a> Hi &amp; welcome to {{ shop.name | upper }}'
    assert first_words(template(subject=subject, body=body)) == (
        "[first name], we have news for [industry] · Hi & welcome to [shop name]"
    )


def test_a_text_without_a_subject_begins_with_itself():
    assert first_words(template(text="Sale! {{ shop_url }}")) == "Sale! [shop url]"
