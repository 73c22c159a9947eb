"""How long Home takes to open in a browser, signed in, with figures on it.

`screens.home_load_ms`: from asking for the page until its first figure is visible; median of several loads. The
baseline is the sign-in page of the same server (plain HTML), so the ratio says what the application itself costs.
"""

from __future__ import annotations

import shutil
import time

from playwright.sync_api import Page, sync_playwright

from benchmarks.capture import serving
from benchmarks.measure import Row, percentile
from benchmarks.workspace import built
from dmat.store import open_store
from dmat.store.users import create_user

ROUNDS = 9
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
LOGIN = ("bench@demo.example", "benchmark-only")


def load_ms(page: Page, address: str, selector: str) -> float:
    """Milliseconds from asking until `selector` is visible."""
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(selector, state="visible", timeout=60_000)
    return (time.perf_counter() - started) * 1000


def run(people: int, size: str) -> list[Row]:
    """Build a workspace, serve its screens, load Home again and again."""
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert browser_path, "Chromium is needed for this benchmark"
    settings = built(f"screens-{size}", people)
    create_user(open_store(settings), *LOGIN, role="marketer", name="Bench")
    base = f"http://{settings.host}:{settings.apps_port}"
    with serving(settings, "apps.serve", settings.apps_port, "/alive"), sync_playwright() as play:
        browser = play.chromium.launch(executable_path=browser_path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        plain = [load_ms(page, f"{base}/sign-in", "form") for _ in range(ROUNDS)]
        page.fill("input[name=email]", LOGIN[0])
        page.fill("input[name=password]", LOGIN[1])
        page.click("button[type=submit]")
        page.wait_for_selector("h1", timeout=60_000)
        home = [load_ms(page, f"{base}/home", "h1") for _ in range(ROUNDS)]
        browser.close()
    middle = percentile(home, 0.5)
    return [
        Row(
            "screens.home_load_ms", size, middle, "ms", baseline="plain sign-in page",
            ratio=middle / percentile(plain, 0.5), rounds=ROUNDS, checked=True,
        )
    ]  # fmt: skip
