"""Under test: what would annoy people or keep a mail from arriving is found before it leaves, with place and advice."""

from __future__ import annotations

import pytest

from dmat.messages.checks import check_audience, check_content, missing_values
from dmat.messages.contrast import colour_in, contrast
from dmat.messages.findings import ERROR, HINT, WARNING
from dmat.messages.records import Variable
from dmat.segments.catalogue import read_catalogue
from dmat.warehouse import Workspace

FOOT = '<p>{{ shop.postal_address }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>' + "<p>words</p>" * 40


def found(settings, body, kind="html", variables=(), **parts):
    content = {"variables": list(variables), "locales": {"": {"subject": "Hello you", "body": body, **parts}}}
    return check_content(settings, "email", kind, content)


def about(checks, words):
    return [check for check in checks if words in check.what]


@pytest.mark.parametrize(("body", "level", "words"), [
    ("<p>x</p>", ERROR, "nobody can unsubscribe"),
    ("<p>x</p>", ERROR, "postal address is missing"),
    ("{% if campaign.x is defined %}" + FOOT + "{% endif %}<p>x</p>", ERROR, "not shown to everybody"),
    (FOOT + "<a href=''>Go</a>", ERROR, 'the link "Go" leads nowhere'),
    (FOOT + "<a href='javascript:alert(1)'>Go</a>", ERROR, "no address that people can follow"),
    (FOOT + "<a href='http://shop.example/'>Go</a>", WARNING, "is not encrypted"),
    (FOOT + "<a href='https://shop.example/'>click here</a>", HINT, "does not say where it leads"),
    (FOOT + "<a href='https://shop.example/'><img src='https://x.example/a.png' width='9'></a>", WARNING, "cannot see"),
    (FOOT + "<img src='https://x.example/a.png' width='10'>", WARNING, "has no alternative text"),
    (FOOT + "<img src='data:image/png;base64,xx' alt='a'>", ERROR, "mail programs refuse"),
    (FOOT + "<p style='color:#aaaaaa;background-color:#ffffff'>pale</p>", WARNING, '"pale" can hardly be read'),
    (FOOT + "<p style='font-size:9px'>tiny</p>", HINT, '"tiny" is written in 9 px'),
    (FOOT + "<script>x()</script>", ERROR, "there is a script"),
    (FOOT + "<p>" + "long " * 25_000 + "</p>", WARNING, "Gmail cuts"),
    (FOOT + "<p>You have been selected</p>", HINT, "often seen in spam"),
    ("<p><img src='https://x.example/a.png' alt='All'></p>", WARNING, "nearly all pictures"),
])  # fmt: skip
def test_a_weakness_of_a_mail_is_found(settings, body, level, words):
    checks = about(found(settings, body), words)
    assert checks
    if "Gmail" not in words:
        assert checks[0].level == level
    assert checks[0].place == "body"


def test_a_word_that_nobody_declared_hides_no_other_finding(settings):
    checks = found(settings, "<p>Hi {{ shoe_size }}</p><a href=''>Go</a><p>" + "long " * 25_000 + "</p>")
    for words in ("shoe_size is used but not declared", "leads nowhere", "nobody can unsubscribe", "102 kB"):
        assert about(checks, words)[0].level == ERROR


def test_what_cannot_be_shown_for_want_of_a_list_is_one_finding(settings):
    checks = found(settings, FOOT + "{% for each in shoes %}{{ each.size.eu }}{% endfor %}")
    assert [check.what for check in checks if check.level == ERROR] == ["shoes is used but not declared"]


def test_a_mail_that_gmail_cuts_off_is_an_error(settings):
    assert about(found(settings, FOOT + "<p>" + "long " * 25_000 + "</p>"), "102 kB")[0].level == ERROR


@pytest.mark.parametrize(("subject", "words"), [
    ("", "there is no subject"), ("x" * 130, "130 characters"), ("BUY THIS NOW PLEASE", "capitals"),
    ("Really?!", "in a row"), ("Re: your order", "looks like an answer"),
])  # fmt: skip
def test_a_weak_subject_is_found(settings, subject, words):
    assert about(found(settings, FOOT, subject=subject), words)


def test_variables_that_are_not_declared_or_not_used_are_named(settings):
    checks = found(settings, FOOT + "{{ shoe }} {{ total }} {{ total_cents }}",
                   variables=[{"name": "total", "type": "money"}, {"name": "idle"}])  # fmt: skip
    assert [check.what for check in checks if check.level == ERROR] == ["shoe is used but not declared"]
    assert about(checks, "idle is declared but not used")[0].level == HINT


def test_every_language_is_looked_at(settings):
    content = {"locales": {"": {"subject": "s", "body": FOOT}, "de": {"subject": "s", "body": "{% if %}"}}}
    checks = check_content(settings, "email", "html", content)
    assert [(check.locale, check.line) for check in checks if check.level == ERROR] == [("de", 1)]


def test_a_text_that_travels_in_parts_and_a_push_without_title_are_found(settings):
    def check(channel, **parts):
        return check_content(settings, channel, "text", {"locales": {"": parts}})

    assert about(check("sms", text="a" * 200 + " Reply STOP"), "travels in 2 parts")
    assert [c.place for c in check("push", body="x") if c.level == ERROR] == ["title"]
    assert about(check("banner", title="t", image_url="https://x.example/a.png"), "no alternative text")
    assert [c.place for c in check("whatsapp", text="x") if c.level == ERROR] == ["template_language", "template_name"]


def test_a_content_that_cannot_be_is_a_finding_and_no_exception(settings):
    [check] = check_content(settings, "email", "html", {"locales": {}})
    assert (check.level, check.place) == (ERROR, "locales")


def test_people_without_a_required_value_are_counted(world):
    workspace = Workspace(world)
    catalogue = read_catalogue(workspace)
    people = "select person_id from people.dim_people"
    variables = [Variable("industry"), Variable("first_name", fallback="there"), Variable("country_code")]
    unknown = workspace.rows("select count(*) as n from people.dim_people where coalesce(industry, '') = ''")[0]["n"]
    missing = missing_values(workspace, catalogue, variables, people)
    assert missing["industry"] == unknown
    assert set(missing) == {"industry", "country_code"}
    checks = check_audience(workspace, catalogue, variables, people)
    assert [check.level for check in checks] == [WARNING] * sum(1 for count in missing.values() if count)


def test_contrast_is_reckoned_as_the_standard_says():
    assert round(contrast((0, 0, 0), (255, 255, 255)), 2) == 21.0
    assert round(contrast((118, 118, 118), (255, 255, 255)), 2) == 4.54
    assert [colour_in(text) for text in ("#fff", "1px solid #102030", "rgb(1, 2, 3)", "navy", "inherit")] == [
        (255, 255, 255), (16, 32, 48), (1, 2, 3), (0, 0, 128), None,
    ]  # fmt: skip
