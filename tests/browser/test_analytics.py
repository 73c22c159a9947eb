"""Under test: analytics and people as a marketer uses them: days, a figure down to its people, a report, one person.

The figures are those of `tests/fixtures/metric_world.py`, which one can count by hand.
"""

from __future__ import annotations

import re
import shutil
import sys

import pytest

from dmat.settings import load_settings
from dmat.store import open_store
from dmat.store.users import create_user

pytestmark = pytest.mark.browser
MOST_MODELS, MOST_DOCUMENT = 60, 300_000
SLOW = 60_000
MARCH = "period=custom&since=2026-03-01&until=2026-03-08"


@pytest.fixture(scope="module")
def figures(untouched_metric_home, tmp_path_factory):
    """The small world of the metrics, served."""
    screens = sys.modules["screens_conftest"]
    home = shutil.copytree(untouched_metric_home, tmp_path_factory.mktemp("figures") / "home")
    settings = load_settings(home)
    store = open_store(settings)
    for role in ("admin", "marketer", "analyst"):
        create_user(store, f"{role}@example.com", screens.serving_fixture.PASSWORD, role=role, name=role.title())
    store.close()
    server = screens.Served(settings)
    yield server
    server.stop()


@pytest.fixture
def visit(reader, figures):
    def make(path: str, size: str = "desktop", role: str = "marketer", theme: str = "light"):
        one = reader(size, of=figures)
        one.window.add_cookies([{"name": "dmat_theme", "value": theme, "url": figures.url}])
        return one.sign_in(role).open(path)

    return make


def test_a_figure_opens_to_its_sql_and_people_and_these_become_a_segment(visit, axe):
    one = visit(f"/analytics?{MARCH}")
    page = one.page
    sent = page.get_by_role("region", name="Messages").or_(page.locator("[aria-label=Messages]")).first
    sent.locator("[data-figure=sent]").click()
    panel = page.get_by_role("dialog", name="Sent")
    panel.wait_for(timeout=SLOW)
    assert panel.locator("[data-figure=panel]").inner_text() == "5"
    assert "number of messages that were accepted" in panel.inner_text()
    panel.get_by_text("SQL over messages").click()
    assert "deliveries.fct_messages" in panel.locator("details[open] pre").first.inner_text()
    assert "figure=" in page.url
    panel.get_by_label("Find among these people").fill("bob")
    panel.get_by_text("1 person", exact=True).wait_for(timeout=SLOW)
    page.keyboard.press("Escape")
    panel.wait_for(state="detached", timeout=SLOW)
    page.wait_for_url(lambda address: "figure=" not in address, timeout=SLOW)
    assert axe(one) == []

    chart = page.locator("[data-points=trend-visits]")
    chart.locator("svg").wait_for(timeout=SLOW)
    box = chart.bounding_box()
    chart.click(position={"x": box["width"] - 40, "y": box["height"] / 2})  # brings it into view first
    panel = page.get_by_role("dialog", name="Visits")
    panel.wait_for(timeout=SLOW)
    assert "7 Mar 2026" in panel.inner_text()
    panel.get_by_label("Close").click()
    panel.wait_for(state="detached", timeout=SLOW)
    page.get_by_role("button", name="Visits as a table").click()
    values = page.get_by_role("dialog", name="Visits")
    values.locator("tbody tr").nth(6).wait_for(timeout=SLOW)
    values.locator("tbody tr").nth(1).locator("[data-figure]").click()
    panel.locator("[data-figure=panel]").wait_for(timeout=SLOW)
    assert panel.locator("[data-figure=panel]").inner_text() == "2"
    assert one.problems == []
    assert one.outside() == []


def test_days_and_sections_are_kept_in_the_address_and_a_report_is_built_and_kept(visit, axe):
    one = visit(f"/analytics?{MARCH}")
    page = one.page
    page.locator("[data-key=period]").select_option("last_7_days")
    page.wait_for_url("**period=last_7_days*", timeout=SLOW)
    page.get_by_role("link", name="Explore").click()
    page.wait_for_url("**view=reports*", timeout=SLOW)
    page.get_by_label("Add a measure").select_option("orders")
    page.get_by_label("Tell apart by").select_option("source")
    page.locator("table.measured").get_by_text("Shopify").wait_for(timeout=SLOW)
    page.get_by_label("Filter by").select_option("source")
    page.get_by_label("Which one").select_option(label="Shopify")
    page.get_by_text("Source: Shopify").wait_for(timeout=SLOW)
    page.get_by_label("Name of the report").fill("Orders by shop")
    page.get_by_role("button", name="Save report").click()
    page.get_by_role("button", name=re.compile("^Orders by shop")).wait_for(timeout=SLOW)
    assert "saved=" in page.url
    page.get_by_text("Notes on these days").click()
    page.get_by_label("Note", exact=True).fill("New prices")
    page.get_by_role("button", name="Add note").click()
    page.get_by_text("New prices").wait_for(timeout=SLOW)
    address = page.get_by_role("link", name="Report as CSV").get_attribute("href")
    answer = one.window.request.get(f"{one.served.url}{address}")
    assert answer.status == 200
    assert "Shopify" in answer.text() or "shopify" in answer.text()
    assert axe(one) == []
    assert one.problems == []


def test_every_section_keeps_its_budget_and_axe_finds_nothing_on_a_phone_in_the_dark(visit, axe):
    one = visit(f"/analytics?{MARCH}", size="phone", theme="dark")
    found = {}
    for view in ("overview", "campaigns", "campaigns&campaign=7", "compare&campaigns=7,8", "channels", "pipeline",
                 "funnel", "cohorts", "attribution", "reports&asked=metrics%3Dsent%26grain%3Dday"):  # fmt: skip
        one.frames.clear()
        one.open(f"/analytics?{MARCH}&view={view}")
        one.page.wait_for_timeout(500)
        assert one.page.evaluate("Bokeh.documents[0]._all_models.size") <= MOST_MODELS, view
        assert sum(one.frames) <= MOST_DOCUMENT, view
        assert one.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, view
        tab = one.page.locator("nav.tabs [aria-current=page]").bounding_box()
        assert 0 <= tab["x"] <= 390 - tab["width"], f"the tab of {view} is out of sight"
        found[view] = axe(one)
    assert {view: rules for view, rules in found.items() if rules} == {}
    assert one.problems == []


def test_people_of_a_campaign_are_found_with_how_far_they_came(visit):
    one = visit(f"/analytics?{MARCH}&view=campaigns&campaign=7")
    people = one.page.locator("[aria-label=People]")
    people.get_by_role("link", name="Ann").wait_for(timeout=SLOW)
    assert "Ordered" in people.locator("tbody tr").first.inner_text()
    people.get_by_label("Find a person of this campaign").fill("eve")
    people.get_by_text("1 person", exact=True).wait_for(timeout=SLOW)
    one.page.wait_for_url("**who=eve*", timeout=SLOW)
    assert people.locator("tbody tr").count() == 1


def test_an_analyst_sees_figures_and_no_people(visit, figures):
    figure = "metrics%3Dclicked%26since%3D2026-03-01%26until%3D2026-03-08"
    one = visit(f"/analytics?{MARCH}&figure={figure}", role="analyst")
    panel = one.page.get_by_role("dialog", name="Clicked")
    panel.wait_for(timeout=SLOW)
    assert "Your role sees numbers only" in panel.inner_text()
    assert "ann@shop.example" not in panel.inner_text()
    assert one.window.request.get(f"{figures.url}/people-export?id=1").status == 403


def test_a_person_is_found_and_their_timeline_is_narrowed(reader, served, axe):
    one = reader().sign_in("marketer").open("/people")
    page = one.page
    page.get_by_label("Find a person").fill("okafor")
    page.get_by_role("link", name="Ana Okafor").click(timeout=SLOW)
    page.get_by_role("heading", level=1, name="Ana Okafor").wait_for(timeout=SLOW)
    page.get_by_role("button", name=re.compile("^Orders and carts")).click()
    page.wait_for_url("**kind=order*", timeout=SLOW)
    page.locator(".moments li[data-kind=message]").first.wait_for(state="detached", timeout=SLOW)
    assert page.locator(".moments li[data-kind=order]").count() >= 2
    notes = page.locator("[aria-label='Notes and tasks']").first
    notes.get_by_role("button", name="Add").click()
    form = page.get_by_role("dialog", name="Note or task")
    form.get_by_label("What").fill("Prefers calls")
    form.get_by_label("To be done by (makes it a task)").fill("2026-11-30")
    form.get_by_role("button", name="Keep").click()
    notes.get_by_text("Prefers calls").wait_for(timeout=SLOW)
    notes.get_by_role("button", name="Done").click()
    notes.get_by_text("Done by marketer").wait_for(timeout=SLOW)
    notes.get_by_role("button", name="Delete: Prefers calls").click()
    notes.get_by_text("Prefers calls").wait_for(state="detached", timeout=SLOW)
    assert axe(one) == []
    assert one.outside() == []
    assert one.problems == []
