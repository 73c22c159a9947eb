"""Under test: a tested page in Chromium: one version is shown, seen and remembered; who refuses sees the usual one."""

from __future__ import annotations

import time

import pytest
from small_site import AGENT, VISITOR, Site

from dmat.experiments.library import open_library
from dmat.experiments.plan import parse_test_plan
from dmat.experiments.visitors import give_arms, read_page_tests
from dmat.store.engine import rows_of
from dmat.store.experiment_tables import experiment_visitors

pytestmark = pytest.mark.browser
MARKETER = "ann@shop.example"


class TestedSite(Site):
    """Its page has two versions of a headline, a link that is the aim, and a form."""

    __test__ = False
    body = (
        '<h1 data-dmat-test="offer" data-dmat-arm="a">A month</h1>'
        '<h1 data-dmat-test="offer" data-dmat-arm="b" hidden>Free for a month</h1>'
        '<a id="aim" data-dmat-goal="offer" href="#start">Start</a><form><input type="hidden" name="client_id"></form>'
    )

    def start(self, **changes):
        document = {
            "name": "Headline", "key": "offer", "kind": "landing_page", "page": "/", "primary": "click",
            "guardrails": [], "duration_hours": 72, "arms": [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5}],
        }  # fmt: skip
        library = open_library(self.settings, self.store)
        return library.start(library.create(parse_test_plan(document | changes), MARKETER).experiment_id, MARKETER)

    def arm_of(self, visitor):
        with self.store.read() as connection:
            [given] = give_arms(connection, read_page_tests(connection), visitor, "/")
        return given.arm

    def visitors(self):
        with self.store.read() as connection:
            return {row["visitor"]: row for row in rows_of(connection, experiment_visitors.select())}

    def wait_until(self, holds, wanted=""):
        for _ in range(400):
            if holds(self.visitors()):
                return
            time.sleep(0.05)
        raise AssertionError(f"{self.visitors()}, not {wanted}")


@pytest.fixture
def site(home):
    with TestedSite(home).served() as found:
        yield found


def visit(browser, site, visitor=VISITOR, script=""):
    window = browser.new_context(user_agent=AGENT)
    if visitor:
        window.add_cookies([{"name": "_ga", "value": f"GA1.1.{visitor}", "url": site.url}])
    if script:
        window.add_init_script(script)
    page = window.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(site.url)
    page.wait_for_function("() => window.dmat")
    return page


@pytest.mark.parametrize("wanted", ["a", "b"])
def test_a_visitor_sees_one_version_which_is_told_once_and_the_aim_counts(site, browser, wanted):
    site.start()
    visitor = next(f"{number}.1700000000" for number in range(1000) if site.arm_of(f"{number}.1700000000") == wanted)
    page = visit(browser, site, visitor)
    site.wait_until(lambda found: visitor in found)
    shown = page.locator("h1:visible").all_inner_texts()
    assert shown == [{"a": "A month", "b": "Free for a month"}[wanted]]
    assert page.locator("input[name=client_id]").input_value() == visitor
    page.locator("#aim").click()
    site.wait_until(lambda found: found[visitor]["clicked_at"] is not None)
    page.evaluate("() => window.dmat.formSent('a form of another tool')")
    site.wait_until(lambda found: found[visitor]["completed_at"] is not None)
    page.reload()
    page.wait_for_function("() => window.dmat")
    row = site.visitors()[visitor]
    assert (row["arm"], row["revision"], len(site.visitors())) == (wanted, 3, 1)
    assert page.problems == []
    page.context.close()


def test_who_does_not_want_to_be_followed_sees_the_usual_version_and_is_nowhere(site, browser):
    site.start()
    page = visit(browser, site, "", "Object.defineProperty(navigator, 'doNotTrack', {value: '1'})")
    page.evaluate("() => { window.dmat.refresh(); window.dmat.formSent('any'); }")
    assert page.locator("h1:visible").all_inner_texts() == ["A month"]
    assert page.evaluate("() => [document.cookie, localStorage.length]") == ["", 0]
    assert site.visitors() == {}
    page.context.close()


def test_a_page_without_the_version_stays_as_it_is_and_nobody_is_counted(site, browser):
    site.start()
    visitor = next(f"{number}.1700000000" for number in range(1000) if site.arm_of(f"{number}.1700000000") == "b")
    type(site).body, whole = '<h1 data-dmat-test="offer" data-dmat-arm="a">A month</h1>', type(site).body
    try:
        page = visit(browser, site, visitor)
        with page.expect_response(lambda answer: "/api/web/tests" in answer.url):
            page.evaluate("() => window.dmat.refresh()")
        assert page.locator("h1:visible").all_inner_texts() == ["A month"]
        assert site.visitors() == {}
        page.context.close()
    finally:
        type(site).body = whole
