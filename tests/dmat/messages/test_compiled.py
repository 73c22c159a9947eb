"""Under test: a message filled from slots is, byte for byte, what Jinja2 makes of the whole template."""

from __future__ import annotations

import random

import pytest
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from dmat.errors import InvalidInputError
from dmat.messages.child import Limits
from dmat.messages.compiled import compile_content, make_sources
from dmat.messages.filling import Filler
from dmat.messages.records import Content, Template
from dmat.messages.rendering import Failed
from dmat.messages.tracking import Tracking

CAMPAIGN = {"campaign": {"name": "Spring & Summer", "key": "c1"}, "shop": {"name": "The <Shop>"}}
HOSTILE = [
    "Ann", "", " ", "-dm0-", "-dm1-", "-dm", "-d", "dm0-", "0-", "m1-", "<b>x</b>", "\"quoted\" 'too'", "a & b &amp; c",
    "{{ 7 * 7 }}", "{% if x %}", "line\nbreak", "\r\n.\r\n", "ünïcödé 🌸", "%s %(a)s", "\\n", "</body>", "-dm12-dm1-",
]  # fmt: skip
PIECES = [
    "{{ a }}", "{{ b }}", "{{ c }}", "{{ a|upper }}", "{{ a|default('x') }}", "{{ n + 1 }}", "{{ a ~ b }}",
    "{{ campaign.name }}", "{{ shop.name }}", "{% if n > 2 %}many {{ a }}{% else %}few{% endif %}",
    "{% for item in items %}<i>{{ item.title }}</i> {{ loop.index }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for item in items %}{{ a }}{% endfor %}", "{% set s = a %}", "{{ s|default('none') }}",
    "{% if n %}{% set s = b %}{% endif %}", "{% macro m(x) %}[{{ x }}]{% endmacro %}",
    "{% with w = b %}{{ w }}{% endwith %}",
    "{% if in_segment('vip') %}VIP{% endif %}", "{% raw %}{{ raw }}{% endraw %}", "{# a comment #}",
    "{{ items|length }}",
    "-dm", "-dm0-", "-d", "m0-", "0-", "-", " ", "\n", "<p>", "&amp;", "text ", "{{ '<b>' }}",
    "{% for i in range(2) %}{{ i }}{% endfor %}",
    "{{ items[0].title if items else '' }}", "{% set t %}{{ a }}!{% endset %}", "{{ t|default(b) }}",
]  # fmt: skip


@pytest.fixture(scope="module")
def filler():
    found = Filler()
    yield found
    found.close()


def template_of(**parts):
    return Template("t", "T", "email", "html", Content({"": parts}), 1)


def sms(text):
    return Template("t", "T", "sms", "text", Content({"": {"text": text}}), 1)


def whole_render(source, values):
    """What plain Jinja2 makes of a source, with nothing of ours but `in_segment`."""
    environment = ImmutableSandboxedEnvironment(
        autoescape=source.escapes, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["in_segment"] = lambda key: key in values["segments"]
    environment.filters["link"] = lambda text: text if source.escapes else str(Markup(text))
    return environment.from_string(source.text).render({**values, **CAMPAIGN})


def random_values(draw):
    items = [{"title": draw.choice(HOSTILE)} for _ in range(draw.randrange(4))]
    named = {name: draw.choice(HOSTILE) for name in "abc"}
    return {**named, "n": draw.randrange(5), "items": items, "segments": draw.choice([[], ["vip"]])}


@pytest.mark.parametrize("seed", range(60))
def test_a_filled_message_is_the_whole_render_byte_for_byte(filler, seed):
    draw = random.Random(seed)
    body = "".join(draw.choice(PIECES) for _ in range(draw.randrange(1, 25)))
    template = sms(body) if seed % 2 else template_of(subject="{{ a }}: {{ n }}", body=f"<div>{body}</div>")
    people = [random_values(draw) for _ in range(10)]
    compiled = compile_content(template, statics=CAMPAIGN, filler=filler)
    for values, filled in zip(people, compiled.fill(people), strict=True):
        for part, source in make_sources(template, "", Tracking()).items():
            if isinstance(filled, Failed):
                with pytest.raises(Exception, match="undefined"):
                    [whole_render(each, values) for each in make_sources(template, "", Tracking()).values()]
                break
            found = compiled.whole(filled)
            text = {"subject": found.subject, "html": found.html, "text": found.text}[part]
            wanted = whole_render(source, values)
            flat = wanted.replace("\r", " ").replace("\n", " ") if source.is_one_line else wanted
            assert text == flat, (seed, part, source.text)


def test_values_that_could_be_taken_for_placeholders_do_not_travel_in_batches(filler):
    compiled = compile_content(sms("-{{ a }}{{ b }}"), filler=filler)
    for value in ("-dm0-", "x-dm1-", "x-", "x-d", "dm0-", "m1-"):
        [filled] = compiled.fill([{"a": value, "b": "x"}])
        assert not compiled.fits_batch(filled), value
        assert compiled.whole(filled).text == f"-{value}x"
    apart = compile_content(sms("Hi {{ a }}, {{ b }}."), filler=filler)
    assert [apart.fits_batch(filled) for filled in apart.fill([{"a": "x-", "b": "dm0-"}, {"a": "-dm0-", "b": ""}])] == [
        True, False,
    ]  # fmt: skip
    [plain] = compiled.fill([{"a": "Ann-Marie", "b": "dmitri"}])
    assert compiled.fits_batch(plain)


def test_what_travels_in_a_batch_says_the_same_in_whatever_order_a_provider_fills_it(filler):
    chance, fitting = random.Random(5), []
    for source in (
        "-{{ a }}{{ b }}",
        "Hi {{ a }}, {{ b }}.",
        "{{ a }}-{{ b }}1-",
        "{{ a }}dm0-{{ b }}",
        "d{{ a }}m{{ b }}0-",
    ):
        compiled = compile_content(sms(source), filler=filler)
        words = ["".join(chance.choices(["-", "d", "m", "-dm", "0", "1-", "x", ""], k=4)) for _ in range(4_000)]
        pairs = [{"a": first, "b": second} for first, second in zip(words[::2], words[1::2], strict=True)]
        for filled in filter(compiled.fits_batch, compiled.fill(pairs)):
            fitting += filled.values()
            for marks in (list(filled), list(filled)[::-1]):
                text = compiled.text
                for mark in marks:
                    text = text.replace(mark, filled[mark])
                assert text == compiled.whole(filled).text, (source, filled)
    assert len(fitting) > 5_000
    assert any("-dmx" in value for value in fitting), (
        "a signature may hold such signs: its message travels all the same"
    )


def test_equal_values_share_a_placeholder_and_what_is_the_same_for_all_needs_none(filler):
    compiled = compile_content(sms("{{ a }} {{ a }} {{ campaign.name }} {{ 1 + 1 }}"), statics=CAMPAIGN, filler=filler)
    assert compiled.text == "-dm0- -dm0- Spring & Summer 2"


def test_one_person_without_a_value_does_not_keep_the_others_back(filler):
    compiled = compile_content(sms("{{ a }} {{ b|upper }}"), filler=filler)
    found = compiled.fill([{"a": "1", "b": "x"}, {"b": "x"}, {"a": "1"}, {"a": None, "b": "x"}, {"a": "2", "b": "y"}])
    assert [isinstance(each, Failed) for each in found] == [False, True, True, True, False]
    assert "a is missing" in found[1].reason
    assert "'b' is undefined" in found[2].reason


@pytest.mark.parametrize("text", [
    "{{ ''.__class__.__mro__ }}", "{{ a.__class__ }}", "{% include '/etc/passwd' %}", "{% extends 'layout.html' %}",
    "{% import 'x' as y %}", "{{ self.__init__.__globals__ }}", "{% autoescape false %}{{ a }}{% endautoescape %}",
    "{{ a|safe }}", "{{ a|attr('__class__') }}", "{% filter upper %}{{ a }}{% endfilter %}",
    "{{ '{0.__class__}'.format(a) }}",
    "{{ in_segment.__globals__ }}", "{{ in_segment(a) }}", "{{ '\\x02http://evil.example\\x03' }}",
    "{% block x %}{% endblock %}",
    "{{ lipsum() }}", "{{ a", "{% if a %}", "{{ '__cla' ~ 'ss__' }}",
])  # fmt: skip
def test_what_no_message_needs_is_refused_before_anything_is_sent(filler, text):
    try:
        compiled = compile_content(sms(text), filler=filler)
    except InvalidInputError:
        return
    [found] = compiled.fill([{"a": "x"}])
    shown = found.reason if isinstance(found, Failed) else compiled.whole(found).text
    assert isinstance(found, Failed) or "<class" not in shown, shown
    assert "root:" not in shown


def test_a_fault_names_its_line():
    with pytest.raises(InvalidInputError, match="line 3"):
        compile_content(sms("one\ntwo\n{{ a b }}"))


def test_a_template_that_takes_too_long_for_one_person_fails_for_that_person_only():
    quick = Filler(Limits(seconds=0.2, patience_seconds=20.0))
    text = "{% for i in range(n) %}{% for j in range(n) %}{{ '' }}{% endfor %}{% endfor %}done"
    compiled = compile_content(sms(text), filler=quick)
    found = compiled.fill([{"n": 1}, {"n": 20_000}, {"n": 2}])
    quick.close()
    assert [isinstance(each, Failed) for each in found] == [False, True, False]


def test_a_child_that_dies_is_started_again_with_all_it_knew(filler):
    compiled = compile_content(sms("{{ a|upper }}"), filler=filler)
    filler.child.process.kill()
    filler.child.process.wait()
    [found] = compiled.fill([{"a": "x"}])
    assert compiled.whole(found).text == "X"


def test_what_people_type_is_never_html_and_never_breaks_the_subject(filler):
    compiled = compile_content(
        template_of(subject="For {{ a }}", body="<p>{{ a }}</p><a href='{{ b }}'>x</a>", text="{{ a }}"), filler=filler
    )
    [filled] = compiled.fill([{"a": "<script>\nBcc: x@example.com", "b": '"><script>'}])
    found = compiled.whole(filled)
    assert "<script>" not in found.html
    assert found.subject == "For <script> Bcc: x@example.com"
    assert found.text.startswith("<script>\nBcc")
