"""Under test: alerts as a marketer uses them: what stands open is looked after, a rule is tried, added and changed."""

from __future__ import annotations

import re
import sys

import pytest
from quarter_world import LAST_WHOLE_DAY

from dmat.alerts.desk import AlertDesk
from dmat.alerts.rules import find_rule
from dmat.store.users import create_user

pytestmark = pytest.mark.browser
SLOW = 60_000


@pytest.fixture
def unusual(quarter, serve):
    """A workspace whose last day had six orders instead of sixty, served."""
    screens = sys.modules["screens_conftest"]
    quarter.publish({LAST_WHOLE_DAY: 6})
    AlertDesk(quarter.settings, quarter.store, quarter.view).look()
    for role in ("marketer", "sales"):
        create_user(quarter.store, f"{role}@example.com", screens.serving_fixture.PASSWORD, role=role, name=role)
    return serve(quarter.settings)


def test_an_alert_is_looked_after_and_a_rule_is_tried_added_changed_and_taken_away(unusual, quarter, reader, axe):
    one = reader(of=unusual).sign_in("marketer", "/alerts")
    page = one.page
    opened = page.locator("[aria-label='Open alerts']")
    opened.get_by_text("Orders: unusually low on 09 March").wait_for(timeout=SLOW)
    page.get_by_role("button", name="I look after it: Orders: unusually low").click()
    opened.get_by_text("Looked after by marketer").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Quiet for a day: Revenue").click()
    opened.get_by_text(re.compile("^Quiet until")).wait_for(timeout=SLOW)

    page.get_by_role("button", name="New rule").click()
    form = page.get_by_role("dialog", name="New rule")
    form.get_by_label("Name").fill("Fewer orders")
    form.locator("[data-key=rule-kind]").select_option("threshold")
    assert form.get_by_label("One false alarm in so many days").is_hidden()
    form.get_by_label("The line (per cent for rates and changes)").fill("much")
    form.get_by_role("button", name="Add rule").click()
    form.get_by_role("alert").get_by_text("'much' is no number").wait_for(timeout=SLOW)
    assert form.get_by_label("Name").input_value() == "Fewer orders"
    form.get_by_label("The line (per cent for rates and changes)").fill("200")
    form.get_by_label("By what the figure is narrowed").select_option(label="Country")
    form.get_by_label("Which one").select_option(index=1)
    form.get_by_role("button", name="Take away Country:").wait_for(timeout=SLOW)
    assert form.get_by_label("The line (per cent for rates and changes)").input_value() == "200"
    assert axe(one) == []
    form.get_by_role("button", name="Add rule").click()
    page.get_by_text(re.compile(r"^Orders \(country: .+\) over 7 days is below 200")).wait_for(timeout=SLOW)
    assert [each.dimension for each in find_rule(quarter.store, "fewer-orders").filters] == ["country"]

    page.get_by_role("button", name="Change Fewer orders").click()
    form = page.get_by_role("dialog", name="Fewer orders")
    form.get_by_role("button", name="Take away Country:").click()
    form.get_by_role("button", name="Take away Country:").wait_for(state="detached", timeout=SLOW)
    form.get_by_role("button", name="Save changes").click()
    page.get_by_text("Orders over 7 days is below 200.").wait_for(timeout=SLOW)

    page.get_by_role("button", name="Change Fewer orders").click()
    form = page.get_by_role("dialog", name="Fewer orders")
    assert form.get_by_label("The line (per cent for rates and changes)").input_value() == "200"
    form.get_by_label("Over so many days").fill("3")
    form.get_by_role("button", name="Save changes").click()
    page.get_by_text("Orders over 3 days is below 200.").wait_for(timeout=SLOW)
    assert find_rule(quarter.store, "fewer-orders").days == 3
    page.get_by_role("button", name="Take away Fewer orders").click()
    page.get_by_text("The rule is gone.").wait_for(timeout=SLOW)
    assert axe(one) == []
    assert one.problems == []
    assert one.outside() == []

    one.open("/alerts?watch=revenue")
    form = page.get_by_role("dialog", name="New rule")
    form.get_by_label("Name").fill("Revenue falls")
    form.locator("[name=only_try]").check()
    form.get_by_role("button", name="Add rule").click()
    past = page.locator("[aria-label='The rule over the past']")
    past.get_by_role("heading", name="Revenue falls, over the last 90 days").wait_for(timeout=SLOW)
    past.locator("[data-chart] svg").wait_for(timeout=SLOW)
    assert form.is_hidden()
    assert axe(one) == []

    phone = reader("phone", of=unusual)
    phone.window.add_cookies([{"name": "dmat_theme", "value": "dark", "url": unusual.url}])
    phone.sign_in("marketer").open("/alerts").page.get_by_text("Looked after by marketer").wait_for(timeout=SLOW)
    assert phone.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert axe(phone) == []
