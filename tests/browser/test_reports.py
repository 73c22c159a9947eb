"""Under test: reports as a marketer uses them: one is found, made, followed down to its rows, scheduled and sent."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

import httpx
import pytest

from dmat.reports.library import find_report
from dmat.reports.making import read_made
from dmat.reports.sharing import pdf_url
from dmat.store.users import create_user

pytestmark = pytest.mark.browser
SLOW = 60_000


@pytest.fixture
def steady(quarter, serve):
    """A quarter of steady orders, served."""
    screens = sys.modules["screens_conftest"]
    for role in ("marketer", "analyst"):
        create_user(quarter.store, f"{role}@example.com", screens.serving_fixture.PASSWORD, role=role, name=role)
    return serve(quarter.settings)


def test_a_report_is_made_followed_to_its_rows_taken_away_scheduled_and_sent(steady, quarter, reader, axe):
    one = reader(of=steady).sign_in("marketer", "/reports")
    page = one.page
    page.get_by_label("Search reports").fill("revenue by day")
    page.get_by_role("button", name="Make Daily digest now").wait_for(state="detached", timeout=SLOW)
    page.get_by_role("button", name="Make Revenue by day now").click()
    shown = page.locator(".report-made")
    shown.get_by_role("heading", level=2, name="Revenue by day").wait_for(timeout=SLOW)
    [made] = read_made(quarter.store)
    assert f"made={made.report_run_id}" in page.url
    for kind, begins in (("PDF", b"%PDF-"), ("Excel", b"PK"), ("CSV", b"\xef\xbb\xbf")):
        address = shown.get_by_role("link", name=kind, exact=True).get_attribute("href")
        assert one.window.request.get(f"{steady.url}{address}").body().startswith(begins)
    assert axe(one) == []

    shown.get_by_label("Send it to").fill("nobody")
    shown.get_by_role("button", name="Send").click()
    page.get_by_role("status").get_by_text("is no address").wait_for(timeout=SLOW)
    shown.get_by_label("Send it to").fill("boss@shop.example")
    shown.get_by_role("button", name="Send").click()
    shown.get_by_text("Sent to boss@shop.example.").wait_for(timeout=SLOW)

    page.get_by_role("button", name="When Revenue by day is made and who gets it").click()
    page.locator("[data-key=every-revenue-by-day]").select_option("week")
    page.get_by_label("Sent to; addresses with spaces between").fill("boss@shop.example")
    page.get_by_role("button", name="Keep").click()
    page.get_by_text("Revenue by day is made on Mondays from 7:00.").wait_for(timeout=SLOW)
    assert find_report(quarter.store, "revenue-by-day").recipients == ("boss@shop.example",)

    page.get_by_label("Search reports").fill("")
    page.get_by_role("button", name="Revenue by day", exact=True).click()
    shown.locator("a.opens").first.click()
    panel = page.get_by_role("dialog")
    panel.get_by_text("How it is counted").wait_for(timeout=SLOW)
    assert panel.locator("[data-figure=panel]").inner_text() != "–"
    panel.get_by_role("link", name="Back to the report Revenue by day").click()
    shown.get_by_role("heading", level=2, name="Revenue by day").wait_for(timeout=SLOW)
    mailed = urlsplit(pdf_url(quarter.settings, made.report_run_id, quarter.settings.clock.now())).query
    nobody = f"{steady.url}/reports-file"
    assert httpx.get(f"{nobody}?{mailed}").content.startswith(b"%PDF-")
    assert httpx.get(f"{nobody}?{mailed}x").status_code == httpx.get(f"{nobody}?made=1").status_code == 403
    assert one.problems == []
    assert one.outside() == []

    phone = reader("phone", of=steady)
    phone.window.add_cookies([{"name": "dmat_theme", "value": "dark", "url": steady.url}])
    phone.sign_in("analyst").open(f"/reports?made={made.report_run_id}")
    phone.page.locator(".report-made").wait_for(timeout=SLOW)
    assert phone.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert axe(phone) == []
