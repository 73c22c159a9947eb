"""Under test: the screens as a person meets them, on a desk and on a phone; nothing leaves the machine."""

from __future__ import annotations

import gzip
import re
import sys

import httpx
import pytest

pytestmark = pytest.mark.browser
PATHS = ["/home", "/follow", "/health"]
SIZES = ["desktop", "phone"]
MOST_MODELS, MOST_DOCUMENT, MOST_FIRST_LOAD = 60, 300_000, 2_500_000
TRIED_IN_MS = 31_000
"""After this Bokeh has tried to connect as often as it does by itself."""


@pytest.fixture
def stories():
    return sys.modules["serving_fixture"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", PATHS)
def test_a_screen_opens_without_an_error_and_without_asking_anybody_outside(reader, path, size):
    one = reader(size).sign_in(then=path)
    assert one.page.url.endswith(path)
    assert one.problems == []
    assert one.outside() == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", PATHS)
def test_a_screen_is_never_wider_than_the_window(reader, path, size):
    one = reader(size).sign_in(then=path)
    width = one.page.evaluate(
        """() => { const find = (node) => { for (const e of node.querySelectorAll("*")) {
        if (e.classList.contains("main-content")) return e
        const found = e.shadowRoot && find(e.shadowRoot); if (found) return found } }
        const main = find(document); return main.scrollWidth - main.clientWidth }"""
    )
    assert width <= 0


def test_who_is_not_signed_in_sees_the_form_and_comes_back_to_where_they_wanted_to_be(reader, stories):
    one = reader()
    one.page.goto(f"{one.served.url}/follow?id={stories.STORIES[1].cart_id}")
    assert "/sign-in" in one.page.url
    one.page.fill("input[name=email]", "marketer@example.com")
    one.page.fill("input[name=password]", "wrong")
    one.page.click("button[type=submit]")
    assert "is not right" in one.text("[role=alert]")
    one.page.fill("input[name=password]", stories.PASSWORD)
    one.page.click("button[type=submit]")
    one.wait()
    assert one.page.url.endswith(f"/follow?id={stories.STORIES[1].cart_id}")
    one.page.get_by_role("heading", name="Ben Smith").wait_for()


def test_home_shows_the_figures_of_the_warehouse(reader):
    one = reader().sign_in()
    assert re.fullmatch(r"[\d,]{5,}", one.text("[data-figure=visits]"))
    assert one.text("[data-figure=recovered_revenue]").startswith("€")
    assert "€3,882 more than without the mail" in one.page.get_by_text("more than without the mail").first.inner_text()
    assert "1 message may or may not have left" in one.text(".todo")
    one.page.locator("[data-chart] svg").nth(2).wait_for()
    told = one.text("[data-figure=delivered]")
    one.page.locator("[data-figure=delivered] a").click()
    panel = one.page.get_by_role("dialog", name="Delivered")
    panel.locator("[data-figure=panel]").wait_for()
    assert panel.locator("[data-figure=panel]").inner_text() == told


def test_a_new_version_shows_within_seconds_and_nothing_else_moves(reader, own_company, stories):
    one = reader().sign_in()
    before = int(one.text("[data-figure=visits]").replace(",", ""))
    one.page.locator("[data-chart] svg").nth(2).wait_for()
    one.page.evaluate("() => { window.mark = true }")
    stories.republish(
        own_company,
        "insert into engagement.fct_visits (visit_id, client_id, started_at)"
        " select 'new' || i, 'new', timestamp '2026-11-20 12:00'"
        " from range(7) as numbers(i)",
    )
    one.page.locator("[data-figure=visits]", has_text=f"{before + 7:,}").wait_for(timeout=20_000)
    assert one.page.evaluate("() => window.mark")
    assert one.page.locator("[data-chart] svg").count() == 3


def test_a_cart_is_followed_from_the_list_to_the_order(reader, stories):
    one = reader().sign_in(then="/follow")
    one.page.get_by_placeholder("Name or e-mail").fill("hana")
    one.page.get_by_text("Hana Tanaka").first.click()
    one.page.get_by_role("heading", name="The order that came back").wait_for()
    one.page.wait_for_url(f"**/follow?id={stories.STORIES[7].cart_id}*")
    for title in ("The shop sent the cart", "Who it is", "What they agreed to", "The decision", "The message as sent"):
        assert one.page.get_by_role("heading", name=title).count() == 1
    one.page.locator("summary", has_text="Version 2").click()
    assert "abandonedCheckoutUrl" in one.page.locator("details[open] pre").first.inner_text()


def test_the_sql_of_a_table_opens_and_closes_by_keyboard(reader, stories):
    one = reader().sign_in(then=f"/follow?id={stories.STORIES[0].cart_id}")
    one.page.get_by_role("button", name="Show SQL of commerce.fct_carts").press("Enter")
    dialog = one.page.get_by_role("dialog")
    dialog.wait_for()
    assert "select" in dialog.inner_text()
    one.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")


def test_a_mail_can_run_nothing_and_fetch_nothing(reader, stories):
    one = reader().sign_in(then=f"/follow?id={stories.STORIES[0].cart_id}")
    frame = one.page.frame_locator("#mail-wide")
    frame.get_by_role("heading", name="Still thinking it over, Ana?").wait_for()
    assert one.page.title() == "Follow one cart · Northwind Outdoor"
    assert one.outside() == []
    assert not [url for url in one.requests if "cdn.example" in url]


def test_what_a_vendor_sent_is_never_run(reader, stories):
    one = reader().sign_in(then=f"/follow?id={stories.STORIES[8].cart_id}")
    asked = []
    one.page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    one.page.get_by_role("heading", name="<img src=x onerror=alert(1)>").wait_for()
    one.page.wait_for_timeout(300)
    assert asked == []


def test_on_a_phone_the_list_gives_way_to_the_path_and_comes_back(reader):
    one = reader("phone").sign_in(then="/follow")
    assert one.page.get_by_role("heading", name="The decision").is_hidden()
    one.page.get_by_text("Farid Khan").first.click()
    one.page.get_by_role("heading", name="The decision").wait_for()
    assert one.page.get_by_placeholder("Name or e-mail").is_hidden()
    one.page.get_by_role("button", name="All carts").click()
    one.page.get_by_placeholder("Name or e-mail").wait_for()


def test_health_names_what_fails_and_filters_what_was_refused(reader):
    one = reader().sign_in(then="/health")
    assert (
        "the access token has expired" in one.page.get_by_role("region", name="Resources of every source").inner_text()
    )
    one.page.get_by_placeholder("Word in the reason").fill("not an address")
    one.page.get_by_text("1 row, kept aside").wait_for()
    assert one.page.get_by_role("region", name="Table of refused rows").locator("tbody tr").count() == 1


def test_the_jump_box_opens_by_keyboard_and_leads_to_a_screen(reader):
    one = reader().sign_in()
    one.page.keyboard.press("Control+k")
    one.page.get_by_role("dialog", name="Jump to").get_by_role("textbox").fill("refused")
    one.page.keyboard.press("Enter")
    one.page.wait_for_url("**/health")
    assert one.page.get_by_role("heading", level=1).inner_text() == "Health"


def test_the_dark_theme_is_kept_from_page_to_page(reader):
    one = reader().sign_in()
    one.page.get_by_role("button", name="Switch between light and dark").first.click()
    assert one.page.evaluate("document.documentElement.dataset.theme") == "dark"
    one.open("/health")
    ground = one.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(15, 20, 27)"


def test_a_reader_can_sign_out(reader):
    one = reader().sign_in("analyst")
    one.page.get_by_label("Your account").click()
    one.page.get_by_role("button", name="Sign out").first.click()
    one.page.wait_for_url("**/sign-in")
    one.page.goto(f"{one.served.url}/home")
    assert "/sign-in" in one.page.url


def test_a_narrow_window_whose_width_is_not_known_yet_begins_with_the_menu_closed(reader):
    one = reader("phone").sign_in()
    one.window.clear_cookies(name="dmat_narrow")
    one.open("/health")
    assert not one.page.get_by_role("navigation", name="Screens").is_visible()
    one.page.locator("header button").first.click()
    one.page.get_by_role("navigation", name="Screens").wait_for()
    assert {each["value"] for each in one.window.cookies() if each["name"] == "dmat_narrow"} == {"1"}


def test_sales_sees_only_what_is_theirs(reader):
    one = reader().sign_in("sales")
    titles = one.page.get_by_role("navigation", name="Screens").locator("a").all_inner_texts()
    assert titles == ["Home", "People", "Leads"]
    assert one.page.goto(f"{one.served.url}/health").status == 403


def test_relative_times_follow_the_workspaces_clock_without_asking_the_server(reader):
    one = reader().sign_in(then="/health")
    times = one.page.locator("time[data-ago]").all_inner_texts()
    assert times
    assert all(re.fullmatch(r"just now|\d+ (s|min|h|days) ago", text) for text in times)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_stays_within_its_budgets(reader, path):
    one = reader().sign_in(then=path)
    assert one.page.evaluate("Bokeh.documents[0]._all_models.size") <= MOST_MODELS
    assert max(one.frames) <= MOST_DOCUMENT


def test_the_first_load_stays_within_its_budget(reader):
    one = reader().sign_in()
    one.page.locator("[data-chart] svg").nth(2).wait_for()
    loaded = {url for url in one.requests if url.startswith(one.served.url)}
    bodies = [httpx.get(url).content for url in loaded]
    assert 500_000 < sum(len(gzip.compress(body)) for body in bodies) <= MOST_FIRST_LOAD


def test_a_workspace_without_a_warehouse_says_what_to_do_next(reader, serve, tmp_path, stories):
    server = serve(stories.build_home(tmp_path, with_figures=False, is_simulated=False))
    one = reader(of=server).sign_in()
    one.page.get_by_text("Let us get the first figures").wait_for()
    assert "dmat refresh" in one.text(".todo")
    one.open("/follow")
    one.page.get_by_text("No carts yet").wait_for()
    one.open("/health")
    one.page.get_by_text("Nothing has been read yet").wait_for()


def test_an_open_page_goes_on_however_late_the_server_is_back(reader, serve, tmp_path, stories):
    settings = stories.build_home(tmp_path)
    server = serve(settings)
    one = reader(of=server).sign_in()
    server.stop()
    offline = one.page.get_by_text("No connection")
    offline.wait_for()
    one.page.wait_for_timeout(TRIED_IN_MS)
    server.start()
    stories.republish(settings, "delete from engagement.fct_visits where visit_id not in ('v1', 'v2', 'v3')")
    one.page.locator("[data-figure=visits]", has_text=re.compile("^3$")).wait_for(timeout=120_000)
    assert one.text("[data-figure=visits]") == "3"
    assert not offline.is_visible()
