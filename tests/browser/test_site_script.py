"""Under test: the script on a site with a strict policy, in Chromium: seen, clicked, closed, by keys and on a phone."""

from __future__ import annotations

import pytest
from small_site import AGENT, VISITOR, Site

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.fixture
def site(home):
    with Site(home).served() as found:
        yield found


@pytest.fixture
def visit(browser, site):
    """Opens the site as a visitor whom Google Analytics knows by `VISITOR`."""
    windows = []

    def go(path="/", script="", **options):
        window = browser.new_context(user_agent=AGENT, **options)
        windows.append(window)
        window.add_cookies([{"name": "_ga", "value": f"GA1.1.{VISITOR}", "url": site.url}])
        if script:
            window.add_init_script(script)
        page = window.new_page()
        page.requests, page.problems = [], []
        page.on("request", lambda request: page.requests.append(request.url))
        page.on("console", lambda line: page.problems.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        with page.expect_response(lambda answer: "/site/dmat.js" in answer.url):
            page.goto(site.url + path)
        return page

    yield go
    for window in windows:
        window.close()


def test_a_banner_is_text_under_a_strict_policy_and_its_impression_arrives_once(site, visit):
    site.put()
    page = visit()
    heading = page.locator("[data-dmat=banner] h2")
    heading.wait_for()
    assert heading.inner_text() == "Spring <b>sale</b>"
    assert page.locator("[data-dmat=banner] section").get_attribute("aria-labelledby") == "title"
    site.wait_for("shown")
    assert page.locator("[data-dmat=banner] .action").evaluate("a => getComputedStyle(a).minHeight") == "44px"
    assert page.problems == []
    assert {request.split("/")[2] for request in page.requests} == {site.url.split("/")[2], site.api.split("/")[2]}
    assert f"client_id={VISITOR}" in next(url for url in page.requests if "/api/web/messages" in url)


def test_a_click_is_told_although_the_page_goes_away(site, visit):
    site.put()
    page = visit()
    page.locator("[data-dmat=banner] .action").click()
    page.wait_for_url("**/sale")
    page.goto("about:blank")  # the next page shows the banner too
    site.wait_until(lambda kinds: {"shown", "clicked"} <= set(kinds) and kinds.count("clicked") == 1)


def test_closing_it_by_keyboard_keeps_it_away(site, visit):
    site.put(position="bottom")
    page = visit()
    page.get_by_role("button", name="Close").focus()
    page.keyboard.press("Enter")
    site.wait_for("shown", "closed")
    with page.expect_response(lambda answer: "/api/web/messages" in answer.url) as answered:
        page.reload()
    assert answered.value.json()["messages"] == []
    assert page.locator("[data-dmat]").count() == 0


def test_an_in_app_message_holds_the_focus_ends_by_escape_and_comes_once(site, visit):
    site.put("in_app")
    site.plan_in_app()
    page = visit()
    dialog = page.get_by_role("dialog", name="Spring <b>sale</b>")
    dialog.wait_for()
    inside = "() => document.querySelector('[data-dmat]').shadowRoot.activeElement?.className"
    stops = []
    for _ in range(4):
        stops.append(page.evaluate(inside))
        page.keyboard.press("Tab")
    assert stops == ["action", "close", "action", "close"]
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(inside) in {"action", "close"}
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    site.wait_for("shown", "closed")
    with page.expect_response(lambda answer: "/api/web/messages" in answer.url) as answered:
        page.reload()
    messages = answered.value.json()["messages"]
    assert page.locator("[data-dmat]").count() == 0
    assert len(messages) <= 1  # until the ledger has read the event it may be given again; the browser knows better


def test_on_a_phone_it_fits_and_buttons_are_large(site, visit):
    site.put(position="bottom")
    page = visit(**PHONE, reduced_motion="reduce")
    frame = page.locator("[data-dmat=banner] section")
    frame.wait_for()
    box, action = frame.bounding_box(), page.locator("[data-dmat=banner] .action").bounding_box()
    assert (box["x"], box["width"]) == (0, 390)
    assert round(box["y"] + box["height"]) == 844
    assert action["height"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert frame.evaluate("f => getComputedStyle(f).animationName") == "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_words_stand_out_on_light_and_dark_pages(site, visit, scheme):
    site.put()
    page = visit(color_scheme=scheme)
    page.evaluate("() => { document.documentElement.style.colorScheme = 'light dark'; }")
    frame = page.locator("[data-dmat=banner] section")
    frame.wait_for()
    colours = "f => { const s = getComputedStyle(f); return [s.color, s.backgroundColor]; }"
    ink, surface = (sum(map(int, text[4:-1].split(","))) / 3 for text in frame.evaluate(colours))
    assert abs(ink - surface) > 150
    assert (surface > ink) is (scheme == "light")


@pytest.mark.parametrize("script", [
    "Object.defineProperty(navigator, 'doNotTrack', {value: '1'})",
    "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})",
])  # fmt: skip
def test_who_does_not_want_to_be_tracked_is_asked_nothing_and_gets_no_id(site, visit, script):
    site.put()
    page = visit(script=script)
    page.evaluate("() => window.dmat.refresh()")
    assert page.evaluate("() => [window.dmat.clientId(), localStorage.length]") == ["", 0]
    assert [url for url in page.requests if "/api/" in url] == []


def test_with_consent_asked_for_nothing_happens_before_a_yes(browser, home):
    with Site(home, web_asks_consent=True).served() as site:
        site.put()
        window = browser.new_context(user_agent=AGENT)
        page = window.new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)
        page.goto(site.url)
        page.wait_for_function("() => window.dmat")
        assert page.evaluate("() => [window.dmat.clientId(), localStorage.length]") == ["", 0]
        assert asked == []
        page.evaluate("() => window.dmat.consent(true)")
        page.locator("[data-dmat=banner] h2").wait_for()
        assert page.evaluate("() => window.dmat.clientId()").count(".") == 1
        page.evaluate("() => window.dmat.consent(false)")
        assert page.locator("[data-dmat]").count() == 0
        window.close()
