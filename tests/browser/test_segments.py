"""Under test: segments as a marketer builds, saves, changes and reads them, on a desk and a phone, by mouse and keys.

The people are those of `tests/apps/segments_fixture.py`, so that every count is known.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
AXE = Path(__file__).resolve().parents[2] / "apps" / "assets" / "build" / "axe.min.js"
BUNDLE = AXE.with_name("rule_builder.js")
MOST_MODELS, MOST_DOCUMENT = 60, 300_000
PATHS = ["/segments", "/segments?new=blank", "/segments?id=big-spenders", "/segments?id=big-spenders&edit=1"]


@pytest.fixture(autouse=True)
def bundle():
    if not BUNDLE.exists():
        pytest.skip("the rule builder is not built: run `python -m apps.assets.build`")


class Builder:
    """The builder as somebody uses it."""

    def __init__(self, one, people):
        self.one, self.page, self.people = one, one.page, people

    def start(self, path: str = "/segments?new=blank") -> Builder:
        self.one.sign_in(then=path)
        self.answered()
        afresh = self.page.get_by_role("button", name="Start afresh")
        while afresh.count():
            with self.page.expect_navigation():
                afresh.click()
            self.answered()
        return self

    def answered(self) -> None:
        """Only now all of the page is there, also what it says of a draft that another test left."""
        self.page.locator("[data-figure=audience]").wait_for(timeout=60_000)
        return self

    def add(self, subject: str) -> None:
        self.page.locator(".depth-0 > .adders button").first.click()
        self.choose(self.page.get_by_role("combobox", name="What to look at").last, subject)

    def choose(self, combobox, words: str) -> None:
        combobox.fill(words)
        self.page.get_by_role("option", name=re.compile(f"^{words}")).first.click()

    def pick(self, label: str, *values: str) -> None:
        field = self.page.get_by_role("combobox", name=label).last
        field.click()
        for value in values:
            field.fill(value)
            self.page.get_by_role("option", name=re.compile(f"^{value}")).first.click()
        field.press("Escape")

    def counts(self, people: int) -> None:
        self.page.locator("[data-figure=audience]", has_text=re.compile(f"^{people:,}$")).wait_for(timeout=30_000)

    def lines(self) -> list[str]:
        return self.page.locator(".depth-0 > .nodes > li [role=group][aria-label^=Condition]").evaluate_all(
            "nodes => nodes.map(node => node.getAttribute('aria-label').replace(/^Condition [0-9.]+: /, ''))"
        )

    def line(self, number: int):
        return self.page.locator(f"[aria-label^='Condition {number}: ']")


@pytest.fixture
def people(audience):
    return audience.people


@pytest.fixture
def builder(reader, audience):
    def make(size: str = "desktop", path: str = "/segments?new=blank") -> Builder:
        return Builder(reader(size, of=audience.server), audience.people).start(path)

    return make


@pytest.fixture
def visit(reader, audience):
    def make(path: str, size: str = "desktop", role: str = "admin"):
        return reader(size, of=audience.server).sign_in(role, path)

    return make


def test_a_segment_is_built_from_nothing_with_nested_groups_saved_and_changed(builder, people):
    at = builder()
    at.counts(people.EVERYBODY)
    at.add("Revenue")
    at.page.get_by_role("textbox", name="Revenue: value").fill("500")
    at.counts(people.BIG_SPENDERS)
    at.page.locator(".depth-0 > .adders").get_by_role("button", name="Add group").click()
    at.choose(at.page.get_by_role("combobox", name="What to look at").last, "Country")
    at.pick("Country: values", "Germany")
    at.counts(people.BIG_SPENDERS_IN_GERMANY)
    at.page.locator(".depth-1 > .adders").get_by_role("button", name="Add condition").click()
    at.choose(at.page.get_by_role("combobox", name="What to look at").last, "Placed an order")
    at.page.get_by_role("combobox", name="Placed an order: when").select_option("last")
    at.counts(people.BIG_SPENDERS)
    assert "any" in at.page.locator(".in-words").inner_text() or " or " in at.page.locator(".in-words").inner_text()

    at.page.get_by_role("textbox", name="Name of the segment").fill("VIP from nothing")
    at.page.get_by_text("Draft kept").wait_for()
    at.page.get_by_role("button", name="Create segment").click()
    at.page.wait_for_url("**/segments?id=vip-from-nothing*")
    at.page.get_by_text("Version 1 is saved").wait_for()
    assert at.one.text("[data-figure=size]") == str(people.BIG_SPENDERS)

    at.page.get_by_role("link", name="Edit").click()
    at.page.get_by_role("textbox", name="Revenue: value").fill("20")
    at.page.get_by_role("button", name="Remove group 2").click()
    at.counts(people.EVERYBODY)
    at.page.get_by_role("button", name="Save", exact=True).click()
    dialog = at.page.get_by_role("dialog", name="Save version 2?")
    dialog.wait_for()
    come, go, stay = (int(text) for text in dialog.locator(".value").all_inner_texts())
    assert (come, go, stay) == (people.EVERYBODY - people.BIG_SPENDERS, 0, people.BIG_SPENDERS)
    dialog.get_by_label("Why (kept with the version)").fill("Everybody who bought")
    dialog.get_by_role("button", name="Save version 2").click()
    at.page.get_by_text("“Everybody who bought”").wait_for()
    assert at.one.problems == []


def test_what_was_not_saved_is_there_again_after_the_page_was_closed(builder, people):
    at = builder()
    at.add("Revenue")
    at.page.get_by_role("textbox", name="Revenue: value").fill("500")
    at.counts(people.BIG_SPENDERS)
    at.page.wait_for_timeout(600)
    at.one.open("/segments?new=blank")
    at.page.get_by_text("You go on with what you did not save").wait_for()
    assert at.lines() == ["Revenue"]
    assert at.page.get_by_role("textbox", name="Revenue: value").input_value() == "500"


def test_steps_are_undone_and_done_again_by_keys(builder, people):
    at = builder()
    at.add("Revenue")
    field = at.page.get_by_role("textbox", name="Revenue: value")
    field.fill("500")
    at.counts(people.BIG_SPENDERS)
    field.press("Control+z")
    at.counts(people.EVERYBODY)
    assert field.input_value() == ""
    at.page.get_by_role("button", name="Redo").click()
    at.counts(people.BIG_SPENDERS)
    assert field.input_value() == "500"


def test_lines_are_added_duplicated_moved_and_bracketed_by_keys_alone(builder):
    at = builder()
    for subject in ("Revenue", "Orders", "Birthday"):
        at.add(subject)
    first = at.line(1).get_by_role("combobox", name="What to look at")
    first.focus()
    at.page.keyboard.press("Alt+ArrowDown")
    assert at.lines() == ["Orders", "Revenue", "Birthday"]
    at.page.keyboard.press("Alt+ArrowDown")
    assert at.lines() == ["Orders", "Birthday", "Revenue"]
    at.page.keyboard.press("Control+d")
    assert at.lines() == ["Orders", "Birthday", "Revenue", "Revenue"]
    at.line(1).get_by_role("combobox", name="What to look at").focus()
    at.page.keyboard.press("Alt+ArrowRight")
    at.page.locator(".depth-1").wait_for()
    assert at.lines() == ["Orders", "Birthday", "Revenue", "Revenue"]
    at.page.keyboard.press("Alt+ArrowLeft")
    assert at.page.locator(".depth-1 li").count() == 0
    at.line(2).get_by_role("textbox", name="Orders: value").press("Enter")
    assert at.lines() == ["Birthday" if line == "x" else line for line in at.lines()]
    assert "New condition" in at.lines()
    focused = at.page.evaluate(
        "() => { let e = document.activeElement; while (e.shadowRoot) e = e.shadowRoot.activeElement;"
        " return e.getAttribute('aria-label') }"
    )
    assert focused == "What to look at"


def test_a_line_is_dragged_below_another_and_into_a_group(builder):
    at = builder()
    at.add("Revenue")
    at.add("Orders")
    at.page.locator(".depth-0 > .adders").get_by_role("button", name="Add group").click()

    def drag(number: str, target) -> None:
        grip, box = at.page.locator(f"[data-grip='{number}']").bounding_box(), target.bounding_box()
        at.page.mouse.move(grip["x"] + 10, grip["y"] + 12)
        at.page.mouse.down()
        at.page.mouse.move(box["x"] + 60, box["y"] + box["height"] / 2, steps=4)
        at.page.mouse.move(box["x"] + 60, box["y"] + box["height"] - 4, steps=4)
        at.page.mouse.up()

    drag("1", at.line(2))
    assert at.lines()[:2] == ["Orders", "Revenue"]
    drag("1", at.page.locator("[aria-label^='Condition 3.1: ']"))
    assert at.page.locator(".depth-1 .nodes li").count() == 2
    assert at.lines() == ["Revenue", "New condition", "Orders"]


def test_the_line_that_lets_nobody_through_is_marked(builder, people):
    at = builder()
    at.add("Revenue")
    at.page.get_by_role("textbox", name="Revenue: value").fill("500")
    at.add("Orders")
    at.page.get_by_role("textbox", name="Orders: value").fill("99")
    at.counts(0)
    at.page.get_by_text("Nobody fits this line.").wait_for()
    assert at.line(2).locator(".count.killer").inner_text().strip().endswith("0")
    assert at.line(1).locator(".count b").inner_text() == str(people.BIG_SPENDERS)


def test_a_fault_shows_at_its_line_and_the_rest_is_counted(builder, people):
    at = builder()
    at.add("Revenue")
    at.counts(people.EVERYBODY)
    at.line(1).get_by_text("Not finished").wait_for()
    at.page.get_by_text("1 line not finished").wait_for()
    at.page.get_by_role("textbox", name="Name of the segment").fill("Half")
    at.page.get_by_role("button", name="Create segment").click()
    refusal = at.page.get_by_text("Finish or remove what is marked")
    refusal.wait_for()
    assert refusal.inner_text() == "One line is not finished. Finish or remove what is marked."
    assert at.line(1).inner_text().count("Not finished, so not counted yet.") == 1
    assert "/segments?new=blank" in at.page.url


def test_a_count_that_follows_an_edit_leads_to_these_people(builder):
    at = builder()
    at.page.locator("[data-value='country_code:FR']").click()
    at.page.get_by_text("Only France.").wait_for()
    cells = at.page.get_by_role("region", name="Some people of the audience").locator("tbody td:nth-child(2)")
    assert set(cells.all_inner_texts()) == {"France"}


def test_the_narrowed_sample_is_in_the_address_and_there_again_after_loading(builder):
    at = builder()
    at.page.locator("[data-value='country_code:FR']").click()
    at.page.wait_for_url("**show=country_code%3AFR")
    at.page.reload()
    at.page.get_by_text("Only France.").wait_for()
    shown = at.page.locator("[data-value='country_code:FR']")
    assert shown.get_attribute("aria-pressed") == "true"


def test_days_may_count_in_the_time_zone_of_each_person(builder):
    at = builder()
    zone = at.page.get_by_role("combobox", name="Days count in")
    assert zone.input_value() == "workspace"
    at.add("Birthday")
    at.line(1).get_by_role("combobox", name="Birthday: operator").select_option("today")
    zone.select_option("person")
    at.page.get_by_text("Days are those of each person's time zone.").wait_for()
    at.page.get_by_role("button", name="Undo").click()
    at.page.get_by_text("Days are those of each person's time zone.").wait_for(state="detached")
    assert zone.input_value() == "workspace"


def test_a_person_of_the_sample_says_why_they_are_in(builder):
    at = builder()
    at.add("Country")
    at.pick("Country: values", "Germany")
    at.counts(at.people.GERMANS)
    at.page.get_by_role("button", name=re.compile("^Why is .* in$")).first.click()
    reasons = at.page.locator(".why")
    reasons.wait_for()
    assert "Germany" in reasons.inner_text() or "DE" in reasons.inner_text()


def test_on_a_phone_a_rule_is_built_with_the_menu_of_each_line(builder, people):
    at = builder("phone")
    at.add("Revenue")
    at.page.get_by_role("textbox", name="Revenue: value").fill("500")
    at.counts(people.BIG_SPENDERS)
    at.add("Orders")
    at.line(2).get_by_role("button", name="More for condition 2").click()
    at.page.get_by_role("menuitem", name="Move up").click()
    assert at.lines() == ["Orders", "Revenue"]
    sizes = at.page.locator(".rule button:visible, .rule select:visible").evaluate_all(
        "nodes => nodes.map(node => Math.min(node.getBoundingClientRect().width, node.getBoundingClientRect().height))"
    )
    assert min(sizes) >= 24


def test_the_list_narrows_and_leads_to_a_segment(visit):
    one = visit("/segments")
    one.page.get_by_placeholder("Name, tag, owner").fill("big")
    one.page.get_by_role("link", name="Germans").wait_for(state="detached")
    one.page.wait_for_url("**/segments?search=big")
    links = one.page.get_by_role("region", name="Table of segments").get_by_role("rowheader").get_by_role("link")
    assert links.all_inner_texts() == ["Big spenders"]
    links.first.click()
    one.page.wait_for_url("**/segments?id=big-spenders")
    one.wait()
    assert one.text("h1") == "Big spenders"


def test_a_workspace_without_segments_offers_templates(reader, serve, tmp_path, audience):
    server = serve(audience.people.build_audience(tmp_path, with_segments=False))
    one = reader(of=server).sign_in(then="/segments")
    one.page.get_by_text("No segment yet").wait_for()
    one.page.get_by_role("link", name=re.compile("^VIP of the last 60 days")).click()
    one.page.get_by_text("of these").first.wait_for()
    assert one.page.get_by_role("textbox", name="Name of the segment").input_value() == "VIP of the last 60 days"


def test_one_segment_shows_members_growth_overlap_and_versions(visit, people):
    one = visit("/segments?id=big-spenders")
    assert one.text("[data-figure=size]") == str(people.BIG_SPENDERS)
    one.page.locator("[data-chart-key=growth] svg").wait_for()
    overlaps = one.page.get_by_role("region", name="Table of overlaps")
    germans = overlaps.locator("tbody tr").filter(has=one.page.get_by_role("link", name="Germans", exact=True))
    assert germans.locator("td").nth(1).inner_text() == str(people.BIG_SPENDERS_IN_GERMANY)
    assert one.page.locator(".upset circle.on").count() > 0
    assert "300 was too low" in one.page.get_by_role("region", name="Versions").inner_text()
    one.page.get_by_role("button", name="After").click()
    one.page.get_by_text("Page 2 of 2").wait_for()


def test_somebody_who_is_not_in_is_told_why(visit):
    one = visit("/segments?id=big-spenders")
    one.page.get_by_placeholder("Name or e-mail").last.fill("Person 1001")
    one.page.get_by_role("button", name=re.compile("Person 1001")).click()
    one.page.get_by_text("Not in, because").wait_for()
    one.page.wait_for_url("**person=1001*")
    reason = one.page.locator(".why li").last.inner_text()
    assert "Does not hold" in reason
    assert "revenue" in reason.lower()
    assert "30.00" in reason


def test_members_leave_as_a_file_only_for_roles_that_may(visit):
    one = visit("/segments?id=germans", role="marketer")
    one.page.get_by_text("Export", exact=True).click()
    with one.page.expect_download() as waiting:
        one.page.get_by_role("link", name="CSV file").click()
    lines = Path(waiting.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 1 + 112
    analyst = visit("/segments?id=germans", role="analyst")
    assert analyst.page.get_by_text("Export", exact=True).count() == 0
    assert analyst.page.get_by_text("Your role sees numbers only").count() > 0
    assert analyst.page.request.get(f"{analyst.served.url}/segments-export?id=germans").status == 403


def test_a_segment_that_another_one_uses_stays(builder):
    at = builder()
    at.page.locator(".depth-0 > .adders button").first.click()
    at.choose(at.page.get_by_role("combobox", name="What to look at").last, "In another segment")
    at.choose(at.page.get_by_role("combobox", name="Segment", exact=True), "Germans")
    at.counts(at.people.GERMANS)
    at.page.get_by_role("textbox", name="Name of the segment").fill("Uses Germans")
    at.page.get_by_role("button", name="Create segment").click()
    at.page.get_by_text("Version 1 is saved").wait_for()
    at.one.open("/segments?id=germans")
    at.page.get_by_label("More", exact=True).click()
    at.page.get_by_role("button", name="Delete…").click()
    at.page.get_by_role("button", name="Delete segment").click()
    at.page.get_by_text("It stays").wait_for()
    assert "Uses Germans" in at.page.get_by_role("alert").inner_text()


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("path", PATHS)
def test_a_screen_of_segments_keeps_its_budgets(visit, path, size):
    one = visit(path, size)
    one.page.wait_for_timeout(500)
    assert one.problems == []
    assert one.outside() == []
    assert one.page.evaluate("Bokeh.documents[0]._all_models.size") <= MOST_MODELS
    assert max(one.frames) <= MOST_DOCUMENT
    wide = one.page.evaluate(
        """() => { const find = (node) => { for (const e of node.querySelectorAll("*")) {
        if (e.classList.contains("main-content")) return e
        const found = e.shadowRoot && find(e.shadowRoot); if (found) return found } }
        const main = find(document); return main.scrollWidth - main.clientWidth }"""
    )
    assert wide <= 0


@pytest.mark.skipif(not AXE.exists(), reason="axe is not there: run `python -m apps.assets.build`")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing_on_the_screens_of_segments(reader, audience, path, size, theme):
    one = reader(size, of=audience.server)
    one.window.add_cookies([{"name": "dmat_theme", "value": theme, "url": one.served.url}])
    one.sign_in(then=path)
    if "new=" in path:
        one.page.locator(".depth-0 > .adders button").first.click()
        one.page.get_by_role("combobox", name="What to look at").last.click()
    one.page.wait_for_timeout(700)
    one.page.evaluate(AXE.read_text())
    found = one.page.evaluate("async () => JSON.stringify((await axe.run(document, {iframes: false})).violations)")
    assert [(rule["id"], [node["target"] for node in rule["nodes"][:3]]) for rule in json.loads(found)] == []
