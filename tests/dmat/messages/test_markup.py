"""Under test: from what a marketer wrote to HTML and text: MJML with its faults by line, styles, links, plain text."""

from __future__ import annotations

import pytest

from dmat.errors import InvalidInputError
from dmat.messages.compiled import compile_content
from dmat.messages.jinja_source import Constructs
from dmat.messages.mjml import mjml_faults
from dmat.messages.plain_text import text_of
from dmat.messages.preview import render_one
from dmat.messages.records import Content, Template
from dmat.messages.tracking import Tracking

LINKS = Tracking({"utm_source": "dmat"}, ["shop.example"])


def mjml(body):
    return f"<mjml><mj-body>{body}</mj-body></mjml>"


def column(inside):
    return mjml(f"<mj-section><mj-column>{inside}</mj-column></mj-section>")


def rendered(body, kind="mjml", tracking=None, values=None, **parts):
    template = Template("t", "T", "email", kind, Content({"": {"subject": "s", "body": body, **parts}}), 1)
    return render_one(compile_content(template, tracking=tracking), values or {})


@pytest.mark.parametrize(("source", "line", "problem"), [
    ("<mjml>\n<mj-body>\n<mj-foo/>\n</mj-body></mjml>", 3, "<mj-foo> is not a component"),
    (column("\n<mj-text colour='red'>x</mj-text>"), 2, "<mj-text> has no attribute colour"),
    (mjml("<mj-text>x</mj-text>"), 1, "<mj-text> may not stand in <mj-body>"),
    (column("words"), 1, "text between components is not shown"),
    ("<mjml><mj-body><mj-section></mj-body></mjml>", 1, "<mj-section> has no end before </mj-body>"),
    ("<mjml></mjml>", 1, "there is no <mj-body>"),
    ("<div>x</div>", 1, "<div> is not a component"),
    (mjml("<mj-include path='/etc/passwd' />"), 1, "mj-include reads other files"),
    (column("<mj-social>{% if a %}</mj-social>"), 1, "a statement may not stand in <mj-social>"),
])  # fmt: skip
def test_a_fault_in_mjml_names_its_line(source, line, problem):
    constructs = Constructs(source)
    faults = mjml_faults(constructs.hide(source, "body", is_markup=True), constructs.statement)
    assert (line, problem) in [(fault.line, fault.problem) for fault in faults]
    with pytest.raises(InvalidInputError, match="line"):
        rendered(source)


def test_conditions_and_loops_may_stand_between_components_and_inside_of_them():
    body = mjml(
        "{% for item in items %}<mj-section><mj-column>{% if item.ok %}<mj-text>{{ item.name }}<br>"
        "{% if item.ok > 1 %}more{% endif %}</mj-text>{% endif %}"
        "<mj-table>{% for x in item.rows %}<tr><td>{{ x }}</td></tr>{% endfor %}</mj-table></mj-column></mj-section>"
        "{% endfor %}"
    )
    items = [{"ok": 2, "name": "A", "rows": [1, 2]}, {"ok": 0, "name": "B", "rows": []}]
    html = rendered(body, values={"items": items}).html
    assert html.count("<td>1</td>") == html.count("<td>2</td>") == 1
    assert "more" in html
    assert ">A<" in html
    assert ">B<" not in html
    assert html.count("<table") == html.count("</table>")


def test_quotes_that_an_editor_wrote_as_entities_are_read_as_quotes():
    html = rendered(column('<mj-text>{% if a == &quot;x&quot; and n &gt; 1 %}yes{% endif %}</mj-text>'),
                    values={"a": "x", "n": 2}).html  # fmt: skip
    assert "yes" in html


def test_styles_go_into_tags_and_those_for_dark_mode_stay():
    html = rendered(
        "<style>.a{color:#112233} @media (prefers-color-scheme: dark){.a{color:#fff}}</style><p class='a'>{{ x }}</p>",
        kind="html", values={"x": "1"},
    ).html  # fmt: skip
    assert 'style="color: #112233;"' in html or 'style="color: #112233"' in html
    assert "prefers-color-scheme: dark" in html
    styled = column('<mj-text css-class="big">x</mj-text>').replace(
        "<mj-body>", '<mj-head><mj-style inline="inline">.big div { letter-spacing: 3px }</mj-style></mj-head><mj-body>'
    )
    assert "letter-spacing: 3px" in rendered(styled).html


def test_nothing_is_fetched_from_elsewhere():
    body = (
        '<link rel="stylesheet" href="http://127.0.0.1:9/x.css"><style>@import url(http://127.0.0.1:9/y.css)</style>x'
    )
    assert "x" in rendered(body, kind="html").html


def test_parameters_are_added_to_our_own_links_only_and_never_twice():
    body = (
        '<a href="https://www.shop.example/a?x=1&amp;y=2#top">a</a><a href="https://shop.example/?utm_source=mine">b</a>'
        '<a href="https://elsewhere.example/">c</a><a href="mailto:a@shop.example">d</a><a href="{{ url }}">e</a>'
        '<a href="https://notshop.example/">f</a><a href="{{ unsubscribe_url }}">g</a>'
    )
    values = {"url": "https://shop.example/p?q=a b", "unsubscribe_url": "https://shop.example/u/1"}
    html = rendered(body, kind="html", tracking=LINKS, values=values).html
    assert 'href="https://www.shop.example/a?x=1&amp;y=2&amp;utm_source=dmat#top"' in html
    assert 'href="https://shop.example/?utm_source=mine"' in html
    assert 'href="https://elsewhere.example/"' in html
    assert 'href="mailto:a@shop.example"' in html
    assert "q=a b&amp;utm_source=dmat" in html
    assert 'href="https://notshop.example/"' in html
    assert 'href="https://shop.example/u/1"' in html


def test_the_text_part_keeps_links_lists_and_the_words_of_pictures():
    body = (
        '<h1>Spring</h1><p>Hi {{ name }},<br>a <b>new</b> <a href="https://shop.example/x">sale</a>.</p>'
        "<ul><li>one</li><li>two</li></ul><ol><li>first</li></ol><img src='https://x.example/a.png' alt='A picture'>"
        "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>"
        "<div style='display:none'>hidden</div>{% if name %}<p>yes</p>{% endif %}<p>end</p>"
    )
    text = rendered(body, kind="html", tracking=LINKS, values={"name": "Ann & Bob"}, preheader="Before all").text
    assert text.splitlines()[:4] == [
        "Spring",
        "",
        "Hi Ann & Bob,",
        "a new sale: https://shop.example/x?utm_source=dmat.",
    ]
    for wanted in ("- one\n- two", "1. first", "A picture", "A | B\n1 | 2", "yes\n"):
        assert wanted in text
    assert "hidden" not in text
    assert "Before all" not in text


def test_a_text_part_of_ones_own_stays_as_it_was_written():
    shown = rendered("<p>x</p>", kind="html", values={"a": "1"}, text="Own\n{% if a %}\nline {{ a }}{% endif %}\nend")
    assert shown.text == "Own\nline 1\nend"


def test_the_preheader_is_in_the_html_and_not_seen():
    html = rendered(
        "<html><body><p>x</p></body></html>", kind="html", values={"a": "<b>"}, preheader="For {{ a }} & you"
    )
    assert html.html.index("For &lt;b&gt; &amp; you") < html.html.index("<p>x</p>")
    assert "display:none" in html.html


def test_a_document_that_is_hardly_one_still_becomes_text():
    assert text_of("just words") == "just words\n"
    assert text_of("") == ""


@pytest.mark.parametrize("text", ["{{ a", "x {% if", "{# never"])
def test_a_construct_without_end_is_refused(text):
    with pytest.raises(InvalidInputError, match="has no end"):
        Constructs(text).hide(text, "text")


def test_words_like_our_own_marks_do_no_harm():
    assert ">djqx0x {{" not in rendered(column("<mj-text>djqx0x {{ a }} djqs1x</mj-text>"), values={"a": "A"}).html
    assert "djqx0x A djqs1x" in rendered(column("<mj-text>djqx0x {{ a }} djqs1x</mj-text>"), values={"a": "A"}).html
