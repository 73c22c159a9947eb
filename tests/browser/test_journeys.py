"""Under test: a journey as a marketer begins it, changes it, tries it on the past, switches it on and watches it.

The people are those of `tests/apps/segments_fixture.py`; another system lets them in.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
from journeys_screens import Road

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "apps" / "assets" / "build" / "axe.min.js"
MOST_MODELS, MOST_DOCUMENT = 60, 300_000
SLOW = 60_000
INSIDE = 40


def _module(name: str):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "apps" / f"{name}.py")
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="module")
def road(tmp_path_factory):
    """A served company of its own, with a journey that forty people are in."""
    people, screens = _module("segments_fixture"), sys.modules["screens_conftest"]
    made = Road(people.build_audience(tmp_path_factory.mktemp("road")))
    made.fill(people.FIRST, people.PEOPLE)
    made.travel(range(people.FIRST, people.FIRST + INSIDE), 1.5)
    made.server = screens.Served(made.settings)
    yield made
    made.server.stop()
    made.close()


@pytest.fixture
def visit(reader, road):
    def make(path: str, size: str = "desktop", role: str = "admin"):
        return reader(size, of=road.server).sign_in(role, path)

    return make


def test_a_playbook_is_begun_changed_kept_as_a_draft_and_switched_on(visit, road):
    one = visit("/journeys")
    page = one.page
    page.get_by_role("button", name="New journey").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Cart recovery")).click()
    page.wait_for_url("**/journeys?id=cart-recovery", timeout=SLOW)
    one.wait()
    page.get_by_role("button", name="Switch on…").and_(page.locator(":enabled")).wait_for(timeout=SLOW)

    page.get_by_role("button", name="Add a step after Cart first mail").click()
    page.get_by_role("heading", name="What comes here?").wait_for(timeout=SLOW)
    page.locator("[data-key=add-branch]").click()
    page.get_by_text("score at least 50").first.wait_for(timeout=SLOW)
    page.locator("[data-key=plus-branch-otherwise]").click()
    page.locator("[data-key=add-send-email]").click()
    page.get_by_text("Message is missing.").wait_for(timeout=SLOW)
    assert page.get_by_role("button", name="Switch on…").is_disabled()
    page.locator("[data-key=template]").select_option("cart-last-mail")
    page.get_by_text("Message is missing.").wait_for(state="detached", timeout=SLOW)
    page.get_by_text("Draft kept").wait_for(timeout=SLOW)

    page.reload()
    one.wait()
    page.get_by_text("You go on with what you did not save").wait_for(timeout=SLOW)
    page.locator("[data-key=node-branch]").click()
    page.get_by_role("group").filter(has_text="Case 1").get_by_label("Points").fill("60")
    page.get_by_text("score at least 60").first.wait_for(timeout=SLOW)
    page.get_by_label("Undo the last change").click()
    page.get_by_text("score at least 50").first.wait_for(timeout=SLOW)

    page.get_by_role("button", name="Switch on…").click()
    page.get_by_role("dialog").get_by_role("button", name="Switch it on").click()
    page.get_by_text("It is live: from now on people come in.").wait_for(timeout=SLOW)
    definition = road.journeys.version("cart-recovery").definition
    assert road.journeys.get("cart-recovery").live_version == 2
    assert [step.key for step in definition.steps][:3] == ["first-mail", "branch", "email"]
    assert definition.step("email").template == "cart-last-mail"
    assert one.problems == []
    assert one.outside() == []


def test_the_same_journey_as_a_list_is_changed_with_the_keyboard_alone(visit, road):
    one = visit("/journeys?id=welcome&as=list")
    page = one.page
    page.locator("[data-key=plus-a-day-then]").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="What comes here?").wait_for(timeout=SLOW)
    page.locator("[aria-label='What comes here']:focus").wait_for(timeout=SLOW)
    page.locator("[data-key=add-goal]").focus()
    page.keyboard.press("Enter")
    page.locator("[aria-label='Goal']:focus").wait_for(timeout=SLOW)
    page.locator("[data-key=remove]").focus()
    page.keyboard.press("Enter")
    page.get_by_text("The step is gone. Undo brings it back.").wait_for(timeout=SLOW)
    assert page.get_by_role("button", name="Saved").is_disabled()
    assert one.problems == []


def test_who_stands_where_and_why_is_seen_with_each_way_and_taken_as_a_file(visit, road):
    one = visit("/journeys?id=welcome")
    page = one.page
    page.get_by_text("here now").first.wait_for(timeout=SLOW)
    assert one.text("[data-figure=here-later]") == str(INSIDE)
    page.get_by_role("link", name="People", exact=True).nth(1).click()
    page.wait_for_url("**view=people*", timeout=SLOW)
    one.wait()
    assert f"{INSIDE} entries" in one.text("[aria-label='People in this journey']")
    page.get_by_label("Search people").fill("Person 1008")
    page.get_by_text("1 entry", exact=True).wait_for(timeout=SLOW)
    page.get_by_role("button", name="Person 1008").click()
    way = page.locator('[aria-label="One person\'s way"]')
    way.get_by_text("Call them").or_(way.get_by_text("Wait 3 days")).first.wait_for(timeout=SLOW)
    assert "Say hello" in way.inner_text()
    taken = one.window.request.get(f"{one.served.url}/journeys-export?id=welcome&status=waiting")
    assert (taken.status, len(taken.text().strip().splitlines())) == (200, INSIDE + 1)
    assert one.window.request.get(f"{one.served.url}/journeys-export?id=nothing").status == 404
    page.get_by_label("Search people").fill("")
    page.get_by_label("Name of the segment").fill("Waits in the welcome")
    page.get_by_role("button", name="Save as segment").click()
    page.get_by_text("It does not change when they go on").wait_for(timeout=SLOW)

    other = visit("/journeys?id=welcome&view=people", role="analyst")
    other.page.get_by_text("Your role sees numbers only").wait_for(timeout=SLOW)
    assert other.window.request.get(f"{one.served.url}/journeys-export?id=welcome").status == 403
    other.open("/journeys?id=welcome")
    assert other.page.get_by_role("button", name="Pause…").count() == 0
    assert other.page.locator(".plus").count() == 0


def test_it_is_tried_on_the_past_paused_let_go_on_and_people_are_moved(visit, road):
    one = visit("/journeys?id=welcome&view=past")
    page = one.page
    page.get_by_role("button", name="Try it out").click()
    page.locator("[data-figure=entries]").wait_for(timeout=3 * SLOW)  # a process of its own, which gives way to others
    assert one.text("[data-figure=entries]") == str(INSIDE)

    one.open("/journeys?id=welcome")
    page.locator("[data-key=node-later]").click()
    page.get_by_label("For, how many").fill("2")
    page.get_by_text("Wait 2 days").first.wait_for(timeout=SLOW)
    page.get_by_role("button", name="Switch new version on…").click()
    page.get_by_role("dialog").get_by_text(f"{INSIDE} people are inside.").wait_for(timeout=SLOW)
    assert "how long: 3d → 2d" in page.get_by_role("dialog").inner_text()
    page.get_by_role("button", name="Switch it on").click()
    page.get_by_text("It is live: from now on people come in.").wait_for(timeout=SLOW)

    one.open("/journeys?id=welcome&view=versions")
    page.get_by_role("button", name=f"Move {INSIDE} people…").click()
    page.get_by_role("dialog").get_by_role("button", name="Move them").click()
    page.get_by_text(f"{INSIDE} people are on version 2 now.").wait_for(timeout=SLOW)

    one.open("/journeys?id=welcome")
    page.get_by_role("button", name="Pause…").click()
    page.get_by_role("dialog").get_by_label("Why").fill("a wrong price")
    page.get_by_role("button", name="Pause it").click()
    page.get_by_text("It stands still: nobody comes in").wait_for(timeout=SLOW)
    assert road.journeys.get("welcome").status == "paused"
    page.get_by_role("button", name="Go on…").click()
    page.get_by_role("dialog").get_by_text("would leave at once").wait_for(timeout=SLOW)
    page.get_by_role("dialog").get_by_role("button", name="Go on").click()
    page.get_by_text("It goes on.", exact=True).wait_for(timeout=SLOW)
    assert road.journeys.get("welcome").status == "live"
    assert one.problems == []


@pytest.mark.parametrize(("size", "theme"), [("desktop", "light"), ("phone", "dark")])
def test_pages_of_journeys_are_accessible_small_and_ask_nobody_outside(reader, road, size, theme):
    one = reader(size, of=road.server)
    one.window.add_cookies([{"name": "dmat_theme", "value": theme, "url": one.served.url}])
    one.sign_in()
    paths = ["/journeys", "/journeys?new=1", "/journeys?id=welcome", "/journeys?id=welcome&as=list",
             "/journeys?new=blank", "/journeys?id=welcome&view=people", "/journeys?id=welcome&view=past",
             "/journeys?id=welcome&view=versions"]  # fmt: skip
    found = {}
    for path in paths:
        one.frames.clear()
        one.open(path)
        one.page.wait_for_timeout(800)
        models = one.page.evaluate("Bokeh.documents[0]._all_models.size")
        assert models <= MOST_MODELS, path
        assert sum(one.frames) <= MOST_DOCUMENT, path
        if path == "/journeys?id=welcome":
            one.page.locator("[data-key=node-who]").click()
            one.page.get_by_role("heading", name="Branch").wait_for(timeout=SLOW)
        if AXE.exists():
            one.page.evaluate(AXE.read_text())
            violations = one.page.evaluate(
                "async () => JSON.stringify((await axe.run(document, {iframes: false})).violations)"
            )
            found[path] = [
                f"{rule['id']} {[node['target'] for node in rule['nodes'][:2]]}" for rule in json.loads(violations)
            ]
    assert {path: rules for path, rules in found.items() if rules} == {}
    assert one.outside() == []
