"""Under test: a pool of codes is made and filled on its screen; a campaign gets rules and a step for some people."""

from __future__ import annotations

import re

import campaigns_screens
import pytest

pytestmark = pytest.mark.browser
SLOW = 60_000


@pytest.fixture(scope="module")
def company(audience):
    """The company behind the served screens, with a campaign of its own."""
    made = campaigns_screens.Company(audience.server.settings)
    yield made
    made.close()


@pytest.fixture
def visit(reader, audience):
    def make(path: str, size: str = "desktop"):
        return reader(size, of=audience.server).sign_in("admin", path)

    return make


def test_a_pool_is_made_from_a_pattern_and_filled_from_a_file(visit, tmp_path):
    one = visit("/codes")
    page = one.page
    page.get_by_role("button", name="New pool").click()
    page.get_by_label("Name", exact=True).fill("Winter codes")
    page.get_by_label("Pattern, so that").fill("WINTER-######")
    page.get_by_role("button", name="Make it").click()
    page.get_by_text("The pool Winter codes is there").wait_for(timeout=SLOW)
    row = page.get_by_role("row", name=re.compile("Winter codes"))
    assert "14,314,575" in row.inner_text()
    file = tmp_path / "codes.csv"
    file.write_text("code,note\nSHOP-1,a\nSHOP-2,b\n")
    row.get_by_role("button", name="Add codes").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(str(file))
    dialog.get_by_role("button", name="Add them").click()
    page.get_by_text("Added 2 codes").wait_for(timeout=SLOW)
    row.get_by_text("2 ready").wait_for(timeout=SLOW)
    page.get_by_label("utm_source").fill("{person}")
    page.get_by_role("button", name="Keep the parameters").click()
    page.get_by_text("cannot be filled in").wait_for(timeout=SLOW)
    assert one.problems == []


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_variants_and_rules_are_composed_and_kept(visit, company, size):
    step = {"key": "mail", "name": "First", "channel": "webhook", "template": "sale-hook", "day": 1, "time": "10:00"}
    plan = {"audience": {"is_everybody": True}, "steps": [step, {**step, "key": "later", "name": "Later", "day": 3}]}
    made = company.library.create(name=f"Variants {size}", by="a@b.example", plan=campaigns_screens.parse_plan(plan))
    one = visit(f"/campaigns?id={made.campaign_id}", size)
    page = one.page
    page.locator(".timeline summary", has_text="Later").click()
    later = page.locator(".timeline li", has_text="Later").last
    later.get_by_role("button", name="By what they did before").click()
    later.get_by_label("What they did").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Few open the mails").click()
    page.get_by_label("Name", exact=True).last.wait_for(timeout=SLOW)
    page.get_by_label("percent", exact=True).fill("15")
    page.get_by_text("Open rate of E-mail below 15%").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Saved").wait_for(timeout=SLOW)
    kept = company.library.get(made.campaign_id).plan
    assert kept.rules[0].when.value == 0.15
    assert kept.steps[1].audience.reactions[0].step == "mail"
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert one.problems == []
