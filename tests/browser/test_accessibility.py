"""Under test: axe finds nothing to complain about, on both sizes and in both themes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
AXE = Path(__file__).resolve().parents[2] / "apps" / "assets" / "build" / "axe.min.js"
PAGES = ["/home", "/follow?id=c0001f00d", "/health"]


def violations(one) -> list[str]:
    one.page.evaluate(AXE.read_text())
    found = one.page.evaluate("async () => JSON.stringify((await axe.run(document, {iframes: false})).violations)")
    return [
        f"{rule['id']}: {rule['help']} at {[node['target'] for node in rule['nodes'][:3]]}"
        for rule in json.loads(found)
    ]


@pytest.fixture(autouse=True)
def checker():
    if not AXE.exists():
        pytest.skip("axe is not there: run `python -m apps.assets.build`")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_no_violation(reader, path, size, theme):
    one = reader(size)
    one.window.add_cookies([{"name": "dmat_theme", "value": theme, "url": one.served.url}])
    one.sign_in(then=path)
    one.page.wait_for_timeout(600)
    assert violations(one) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation_on_the_sign_in_form(reader, theme):
    one = reader()
    one.window.add_cookies([{"name": "dmat_theme", "value": theme, "url": one.served.url}])
    one.page.goto(f"{one.served.url}/sign-in")
    assert violations(one) == []


def test_axe_finds_no_violation_in_the_jump_box_and_the_menu(reader):
    one = reader().sign_in()
    one.page.keyboard.press("Control+k")
    assert violations(one) == []
    one.page.keyboard.press("Escape")
    one.page.get_by_label("Your account").click()
    assert violations(one) == []
