"""Under test: a test as a marketer makes it, starts it, watches it honestly, decides it by hand and learns from it.

The people are those of `tests/apps/segments_fixture.py`; mails go into the sandbox, reactions are counted by hand.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
from experiments_screens import Laboratory

from dmat.experiments.plan import parse_test_plan

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "apps" / "assets" / "build" / "axe.min.js"
MOST_MODELS, MOST_DOCUMENT = 60, 300_000
SLOW = 60_000
CLICKS = {"a": 10, "b": 18}


def _module(name: str):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "apps" / f"{name}.py")
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory):
    """A served company of its own, with templates and one campaign to everybody."""
    people, screens = _module("segments_fixture"), sys.modules["screens_conftest"]
    made = Laboratory(people.build_audience(tmp_path_factory.mktemp("laboratory")))
    made.fill(people.FIRST, people.PEOPLE)
    made.sale, made.divided = made.campaign("Holiday sale"), made.journey("welcome")
    made.server = screens.Served(made.settings)
    yield made
    made.server.stop()
    made.close()


@pytest.fixture
def visit(reader, laboratory):
    def make(path: str, size: str = "desktop"):
        return reader(size, of=laboratory.server).sign_in().open(path)

    return make


def test_a_test_is_made_started_watched_decided_by_hand_and_learned_from(visit, laboratory):
    one = visit("/experiments")
    page = one.page
    page.get_by_role("button", name="New test").click()
    page.get_by_role("button", name=re.compile("^Subject line")).click()
    page.wait_for_url("**/experiments?new=subject", timeout=SLOW)
    one.wait()
    page.get_by_text("Give the test a name.").wait_for(timeout=SLOW)
    assert page.get_by_role("button", name="Start test").is_disabled()

    page.get_by_label("Name of the test").fill("Which subject")
    page.wait_for_url("**/experiments?new=draft", timeout=SLOW)
    page.locator("[data-key=where]").select_option(str(laboratory.sale))
    page.locator("[data-key=step]:enabled").select_option("mail")
    page.get_by_text(re.compile("in the test, .* per variant")).wait_for(timeout=SLOW)
    page.reload()
    one.wait()
    assert page.get_by_label("Name of the test").input_value() == "Which subject"
    page.get_by_text("two variants have the same one").wait_for(timeout=SLOW)
    page.locator("[data-key=arm-b-subject]").fill("Save big this weekend")
    page.get_by_text("two variants have the same one").wait_for(state="detached", timeout=SLOW)
    page.locator("[data-key=test_share]").fill("50")
    page.get_by_text("The others wait and get the winner.").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Start test").click(timeout=SLOW)
    page.get_by_role("button", name="Start it").click()
    page.wait_for_url("**/experiments?id=*", timeout=SLOW)
    page.get_by_text("No figures yet.").wait_for(timeout=SLOW)

    number = int(page.url.split("id=")[1].split("&")[0])
    laboratory.library.start(laboratory.sale, "marketer@example.com")
    laboratory.follow()
    laboratory.send()
    sent = laboratory.sent(number)
    assert min(sent.values()) > 60
    laboratory.react(number, "clicked_human", CLICKS)
    page.get_by_text("No winner yet.").wait_for(timeout=SLOW)
    page.get_by_text("but that can still be chance").first.wait_for(timeout=SLOW)
    assert "Not yet" in one.text("[aria-label=Proven]")
    assert "a bet, not a proof" in one.text("[aria-label='Best bet']")
    assert "wait, Another subject in place of Subject as it is would mean" in one.text("[aria-label=People]")
    assert one.text("[data-figure=people]") == str(sum(laboratory.assigned(number).values()))
    rate = f"{100 * CLICKS['b'] / sent['b']:.1f}%"
    assert one.text("[data-figure=rate-b]") == rate

    page.get_by_role("button", name="Decide…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Another subject").click()
    dialog.get_by_label("Why").fill("The sale ends on Sunday")
    laboratory.react(number, "delivered", sent)  # the page changes behind the open dialog, which keeps what was typed
    page.locator("[data-figure=people]").wait_for(timeout=SLOW)
    dialog.get_by_role("button", name="Decide").click()
    page.get_by_text("Another subject was chosen by hand.").wait_for(timeout=SLOW)
    assert "is estimated to mean about" in one.text("[data-figure=gain]")
    laboratory.follow()
    assert laboratory.tests.get(number).winner == "b"
    page.get_by_text("Test next").wait_for(timeout=SLOW)
    page.get_by_label("More", exact=True).click()
    page.get_by_role("button", name="Decide otherwise…").click()
    dialog = page.get_by_role("dialog", name="Which one instead?")
    dialog.get_by_text("Subject as it is").click()
    dialog.get_by_label("Why").fill("The weekend is over")
    dialog.get_by_role("button", name="Decide otherwise").click()
    page.get_by_text("Subject as it is was chosen by hand.").wait_for(timeout=SLOW)
    assert laboratory.variants(number)["b-rest"] == 0 < laboratory.variants(number)["a-rest"]
    page.locator("#learned-words").fill("Naming the weekend brings clicks")
    page.get_by_role("button", name="Keep it").click()
    page.get_by_text("Written down.").wait_for(timeout=SLOW)

    one.open("/experiments?view=learned")
    page.get_by_label("Search what was learned").fill("weekend")
    page.locator(".lessons").get_by_text("Naming the weekend brings clicks").wait_for(timeout=SLOW)
    one.open("/home")
    needs = page.get_by_role("region", name="What needs you")
    needs.get_by_text("Which subject is decided").wait_for(state="attached", timeout=SLOW)
    if needs.locator("summary").count():
        needs.locator("summary").click()
    needs.get_by_text("Which subject is decided").wait_for(timeout=SLOW)
    assert one.problems == []
    assert one.outside() == []


def test_a_test_is_paused_goes_on_and_is_stopped_with_a_reason(visit, laboratory):
    number = laboratory.tests.duplicate(1, "marketer@example.com").experiment_id
    plan = laboratory.tests.get(number).plan
    other = plan.model_copy(update={"campaign_id": laboratory.campaign("Second sale")})
    laboratory.tests.change(number, other, "marketer@example.com")
    laboratory.tests.start(number, "marketer@example.com")
    one = visit(f"/experiments?id={number}")
    page = one.page
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused: nothing leaves.").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Pause").wait_for(timeout=SLOW)
    page.get_by_label("More").click()
    page.get_by_role("button", name="Stop without a winner…").click()
    page.get_by_role("dialog").get_by_label("Why").fill("A wrong price in it")
    page.get_by_role("button", name="Stop it").click()
    page.get_by_text("Stopped without a winner.").wait_for(timeout=SLOW)
    assert laboratory.tests.get(number).status == "stopped"
    assert one.problems == []


def test_two_things_at_once_tell_each_by_itself_and_figures_lead_to_files_and_people(visit, laboratory):
    campaign = laboratory.campaign("Both at once")
    arms = [{"key": "abcd"[at], "share": 0.25, "name": f"{one} × {other}", "overrides": {"subject": f"{one}, {other}"},
             "levels": {"Greeting": one, "Offer": other}}
            for at, (one, other) in enumerate((g, o) for o in ("Ten", "Gift") for g in ("Hello", "Dear"))]  # fmt: skip
    plan = parse_test_plan({"name": "Greeting and offer", "kind": "factorial", "campaign_id": campaign, "step": "mail",
                            "duration_hours": 4, "arms": arms})  # fmt: skip
    number = laboratory.tests.create(plan, "marketer@example.com").experiment_id
    laboratory.tests.start(number, "marketer@example.com")
    laboratory.library.start(campaign, "marketer@example.com")
    laboratory.follow()
    laboratory.send()
    sent = laboratory.sent(number)
    laboratory.react(number, "clicked_human", {"a": 2, "b": sent["b"] // 2, "c": 3, "d": sent["d"] // 2})
    one = visit(f"/experiments?id={number}")
    page = one.page
    page.get_by_text("Proven: it makes it better.").wait_for(timeout=SLOW)
    assert one.text("[data-effect=first] th").startswith("Greeting")
    assert "can still be chance" in one.text("[data-effect=second]")
    link = page.locator("[data-people=b-click]").get_attribute("href")
    assert link == f"/segments?new=blank&test={number}%3Ab%3Aclick"
    if AXE.exists():
        page.evaluate(AXE.read_text())
        broken = "async () => (await axe.run(document, {iframes: false})).violations.map((rule) => rule.id)"
        assert page.evaluate(broken) == []

    taken = one.window.request.get(f"{one.served.url}/experiments-export?id={number}")
    assert (taken.status, taken.headers["content-disposition"].split(";")[0]) == (200, "attachment")
    assert "effect,click,yes,,Greeting,Dear instead of Hello" in taken.text()
    assert one.window.request.get(f"{one.served.url}/experiments-export?id={number}&format=xlsx").body()[:2] == b"PK"
    assert one.window.request.get(f"{one.served.url}/experiments-export?id=999").status == 404

    one.open(f"/campaigns?id={campaign}&edit=1")
    page.get_by_text("Under test").first.wait_for(timeout=SLOW)
    assert page.locator(f"[data-test='{number}'] a").get_attribute("href") == f"/experiments?id={number}"
    assert one.problems == []


@pytest.mark.parametrize(("size", "theme"), [("desktop", "light"), ("phone", "dark")])
def test_pages_of_tests_are_accessible_small_and_ask_nobody_outside(reader, laboratory, size, theme):
    one = reader(size, of=laboratory.server)
    one.window.add_cookies([{"name": "dmat_theme", "value": theme, "url": one.served.url}])
    one.sign_in()
    paths = ["/experiments", "/experiments?new=1", "/experiments?view=learned", "/experiments?id=1",
             f"/experiments?new=factorial&campaign={laboratory.sale}&step=mail", "/experiments?new=layout",
             f"/experiments?new=journey&journey={laboratory.divided}&step=arms"]  # fmt: skip
    found = {}
    for path in paths:
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
        if "journey" in path:
            assert one.page.locator("[data-key=arm-b-share]").input_value() == "25"
            assert "too few to say how many will" in one.text("[aria-label='What it can find out']")
        assert sum(one.frames) <= MOST_DOCUMENT, path
    assert {path: rules for path, rules in found.items() if rules} == {}
    assert one.outside() == []
