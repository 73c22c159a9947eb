"""Under test: campaigns as a marketer composes, previews, schedules, watches, pauses, resumes and finishes them.

The people are those of `tests/apps/segments_fixture.py`, so that every count is known; mails go into the sandbox.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import campaigns_screens
import pytest

pytestmark = pytest.mark.browser
BUILD = Path(__file__).resolve().parents[2] / "apps" / "assets" / "build"
AXE = BUILD / "axe.min.js"
MOST_MODELS, MOST_DOCUMENT = 60, 300_000
SLOW = 60_000
PATHS = ["/templates", "/templates?id=sale-mail&edit=1&mode=preview", "/campaigns", "/campaigns?id=1", "/calendar"]


@pytest.fixture(scope="module")
def company(audience):
    """The company behind the served screens, with templates and planned campaigns."""
    for name in ("mail_editor.js", "mail_frame.js", "calendar.js"):
        if not (BUILD / name).exists():
            pytest.skip("the editor and the calendar are not built: run `python -m apps.assets.build`")
    made = campaigns_screens.Company(audience.server.settings)
    made.fill(audience.people.FIRST, audience.people.PEOPLE)
    yield made
    made.close()


@pytest.fixture
def visit(reader, audience, company):
    def make(path: str, size: str = "desktop", role: str = "admin"):
        return reader(size, of=audience.server).sign_in(role, path)

    return make


def test_a_campaign_is_composed_previewed_scheduled_watched_paused_resumed_and_finished(visit, company, audience):
    one = visit("/campaigns")
    page = one.page
    page.get_by_role("button", name="New campaign").click()
    page.get_by_role("button", name=re.compile("^Blank")).click()
    page.wait_for_url("**/campaigns?id=*", timeout=SLOW)
    one.wait()
    page.get_by_label("Name of the campaign").fill("Thanks to big spenders")
    page.get_by_text("nobody is chosen").wait_for(timeout=SLOW)
    assert page.get_by_role("button", name="Start", exact=True).is_disabled()

    page.get_by_role("button", name="Write to Big spenders").click()
    page.locator("[data-figure=reach]", has_text=str(audience.people.BIG_SPENDERS)).wait_for(timeout=SLOW)
    page.locator(".add-steps").get_by_role("button", name="E-mail").click()
    page.get_by_text("needs a template").wait_for(timeout=SLOW)
    page.get_by_label("Template", exact=False).first.select_option("sale-mail")
    page.get_by_text("needs a template").wait_for(state="detached", timeout=SLOW)
    preview = page.get_by_role("link", name=re.compile("Preview as a person")).get_attribute("href")
    page.get_by_text("Held out", exact=True).wait_for(state="attached", timeout=SLOW)

    other = one.window.new_page()
    other.goto(f"{one.served.url}{preview}")
    other.frame_locator("iframe[title='Mail on a phone']").get_by_text("Hello").wait_for(timeout=SLOW)
    other.close()

    page.get_by_label("Starts").fill("2026-11-21T09:00")
    page.get_by_role("button", name="Schedule", exact=True).click(timeout=SLOW)
    page.get_by_role("button", name="Schedule it").click()
    page.get_by_text("You can take it back").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Take it back").click()
    page.get_by_role("button", name="Schedule", exact=True).wait_for(timeout=SLOW)
    page.get_by_label("Starts").fill("")
    page.get_by_role("button", name="Start", exact=True).click(timeout=SLOW)
    page.get_by_role("button", name="Start it").click()
    page.get_by_role("button", name="Pause").wait_for(timeout=SLOW)

    company.look()
    page.get_by_text(f"{audience.people.BIG_SPENDERS} planned").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused: nothing leaves").wait_for(timeout=SLOW)
    assert company.send() == 0
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Pause").wait_for(timeout=SLOW)
    left = company.send()
    assert 0 < left <= audience.people.BIG_SPENDERS
    company.look()
    page.get_by_text("Everybody of the audience is accounted for").wait_for(timeout=SLOW)
    assert one.text("[data-figure=part-sent]") == str(left)
    assert "add up to the audience" in one.text("[aria-label=Progress]")

    page.get_by_label("Find a person in this campaign").fill("Person 1010")
    page.get_by_role("button", name=re.compile("Person 1010")).click(timeout=SLOW)
    page.locator(".journey").wait_for(timeout=SLOW)
    assert "Planned" in one.text(".journey")
    exported = one.window.request.get(f"{one.served.url}/campaigns-export?id={page.url.split('id=')[1].split('&')[0]}")
    assert len(exported.text().splitlines()) == audience.people.BIG_SPENDERS + 1
    assert one.problems == []
    assert one.outside() == []


def test_a_mail_is_changed_by_a_block_and_by_code_and_both_are_one_text(visit, company):
    one = visit("/templates?id=sale-mail&edit=1&mode=visual")
    page = one.page
    page.locator("iframe[data-ready='1']").wait_for(timeout=SLOW)
    inside = page.frame_locator("iframe.mail-frame")
    inside.get_by_role("button", name="Add: Button").click()
    page.get_by_role("button", name="Save version 2").wait_for(timeout=SLOW)
    page.get_by_text("Code", exact=True).click()
    area = page.get_by_label("MJML of Sale mail")
    area.wait_for(timeout=SLOW)
    assert "<mj-button" in area.input_value()
    area.fill(area.input_value().replace("<mj-button", "<mj-buttom", 1))
    page.locator(".checks").get_by_text(re.compile("mj-buttom")).first.wait_for(timeout=SLOW)
    area.fill(area.input_value().replace("<mj-buttom", "<mj-button", 1))
    page.locator(".checks").get_by_text(re.compile("mj-buttom")).first.wait_for(state="detached", timeout=SLOW)
    area.fill(area.input_value().replace("Hello", "Hello &copy;&nbsp;us,{% if 1 < 2 %} dear{% endif %}", 1)
              .replace("<mj-section>", '{% if not in_segment("vip") %}<mj-section>', 1)
              .replace("</mj-section>", "</mj-section>{% endif %}", 1))  # fmt: skip
    page.get_by_text("Drag and drop", exact=True).click()
    canvas = inside.frame_locator("iframe.gjs-frame")
    canvas.get_by_text("Hello ©").first.wait_for(timeout=SLOW)
    said = canvas.locator("[data-words]").evaluate_all("all => all.map(each => each.dataset.words)")
    assert said == ["Only outside of vip", "Only if 1 < 2", "To here", "To here"]
    assert "{%" not in canvas.locator("body").inner_text()
    canvas.get_by_text("Hello ©").first.dblclick(position={"x": 8, "y": 8})
    canvas.locator("[contenteditable=true]").wait_for(timeout=SLOW)
    page.keyboard.press("Home")
    page.keyboard.type("So,  ")
    page.keyboard.press("Shift+Enter")
    inside.get_by_role("button", name="Add: Divider").click()
    page.get_by_text("Preview", exact=True).click()
    page.frame_locator("#preview-wide").get_by_text("Hello").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Save version 2").click()
    page.get_by_role("dialog").get_by_role("button", name="Save version 2").click()
    page.get_by_text("Version 2 is saved").wait_for(timeout=SLOW)
    body = company.templates.get("sale-mail").content.parts()["body"]
    assert "<mj-button" in body
    assert re.search(r"So,\s+<br ?/>Hello", body), "what a browser makes of a text is no error of a parser"
    assert re.findall(r"{%.*?%}", body) == [
        '{% if not in_segment("vip") %}',
        "{% if 1 < 2 %}",
        "{% endif %}",
        "{% endif %}",
    ]
    assert body.index("{% if not in_segment") < body.index("<mj-section") < body.index("<mj-divider")
    assert one.problems == []
    assert one.outside() == []


def test_a_step_moves_in_the_calendar_by_dragging_and_back_by_undo(visit, company):
    one = visit("/calendar")
    page = one.page
    entry = page.locator(".fc-event", has_text="Announcement · Winter news")
    entry.wait_for(timeout=SLOW)
    page.get_by_text("by email").first.wait_for(timeout=SLOW)
    entry.drag_to(page.locator("[data-date='2026-11-26']").first)
    page.get_by_text(re.compile("is on Thu 26 Nov 2026")).wait_for(timeout=SLOW)
    page.locator("[data-date='2026-11-26'] .fc-event", has_text="Announcement").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Undo").click()
    page.locator("[data-date='2026-11-24'] .fc-event", has_text="Announcement").wait_for(timeout=SLOW)
    page.locator(".fc-event", has_text="Announcement · Winter news").press("Enter")
    page.get_by_role("dialog").get_by_label("Move to").wait_for(timeout=SLOW)
    assert one.problems == []
    assert one.outside() == []


@pytest.mark.parametrize(("size", "theme"), [("desktop", "light"), ("phone", "dark")])
def test_pages_of_campaigns_are_accessible_small_and_ask_nobody_outside(visit, reader, audience, company, size, theme):
    one = reader(size, of=audience.server)
    one.window.add_cookies([{"name": "dmat_theme", "value": theme, "url": one.served.url}])
    one.sign_in()
    found = {}
    for path in PATHS:
        one.frames.clear()
        one.open(path)
        one.page.wait_for_timeout(800)
        models = one.page.evaluate("Bokeh.documents[0]._all_models.size")
        if AXE.exists():
            one.page.evaluate(AXE.read_text())
            violations = one.page.evaluate(
                "async () => JSON.stringify((await axe.run(document, {iframes: false})).violations)"
            )
            found[path] = [
                f"{rule['id']} {[node['target'] for node in rule['nodes'][:2]]}" for rule in json.loads(violations)
            ]
        assert models <= MOST_MODELS, path
        assert sum(one.frames) <= MOST_DOCUMENT, path
    assert {path: rules for path, rules in found.items() if rules} == {}
    assert one.outside() == []
