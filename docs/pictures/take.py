"""Take the pictures of the screens that the pages of this folder show, from a workspace that is being served.

    python docs/pictures/take.py http://127.0.0.1:8020 admin@demo.example PASSWORD [http://127.0.0.1:8030]

With the address of Dagster, the picture of the graph is taken too. For the pictures of a journey, switch one on before
(`dmat journeys install cart-recovery`, `dmat journeys start cart-recovery`) and let it live for a while.

Belongs here: which pictures there are. Stays out: making the workspace (`dmat demo`) and serving it (`dmat up`).
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, sync_playwright

SEGMENT = "win-back-90-days"
JOURNEY = "cart-recovery"
CAMPAIGN, PLANNED, TEMPLATE, TEST = 1, 2, "spring_sale_email", 1
FOLDER = Path(__file__).resolve().parent
PICTURES = (
    ("home", "/home", 1440, 1400, "light"),
    ("home-dark", "/home", 1440, 900, "dark"),
    ("home-phone", "/home", 390, 844, "light"),
    ("follow", "/follow", 1440, 1400, "light"),
    ("follow-phone", "/follow", 390, 844, "light"),
    ("health", "/health", 1440, 1400, "light"),
    ("segments", "/segments", 1440, 900, "light"),
    ("segment", f"/segments?id={SEGMENT}", 1440, 1900, "light"),
    ("segment-builder", f"/segments?id={SEGMENT}&edit=1", 1440, 1300, "light"),
    ("segment-builder-dark", f"/segments?id={SEGMENT}&edit=1", 1440, 900, "dark"),
    ("segment-builder-phone", f"/segments?id={SEGMENT}&edit=1", 390, 844, "light"),
    ("campaigns", "/campaigns", 1440, 900, "light"),
    ("campaign-new", "/campaigns?new=1", 1440, 900, "light"),
    ("campaign-composer", f"/campaigns?id={PLANNED}&edit=1", 1440, 1500, "light"),
    ("campaign-monitor", f"/campaigns?id={CAMPAIGN}", 1440, 1500, "light"),
    ("campaign-monitor-phone", f"/campaigns?id={CAMPAIGN}", 390, 844, "dark"),
    ("experiments", "/experiments", 1440, 900, "light"),
    ("experiment-new", "/experiments?new=1", 1440, 900, "light"),
    ("experiment-form", f"/experiments?new=message&campaign={CAMPAIGN}&step=announcement", 1440, 1500, "light"),
    ("experiment", f"/experiments?id={TEST}", 1440, 1500, "light"),
    ("experiment-phone", f"/experiments?id={TEST}", 390, 844, "dark"),
    ("journeys", "/journeys", 1440, 900, "light"),
    ("journey", f"/journeys?id={JOURNEY}", 1440, 1300, "light"),
    ("journey-phone", f"/journeys?id={JOURNEY}", 390, 844, "light"),
    ("journey-past", f"/journeys?id={JOURNEY}&view=past", 1440, 1100, "light"),
    ("journey-people", f"/journeys?id={JOURNEY}&view=people", 1440, 900, "light"),
    ("journey-versions", f"/journeys?id={JOURNEY}&view=versions", 1440, 900, "dark"),
    ("leads", "/leads?view=all", 1440, 1100, "light"),
    ("leads-phone", "/leads?view=all", 390, 844, "dark"),
    ("leads-team", "/leads?view=team", 1440, 900, "light"),
    ("leads-rules", "/leads?view=rules", 1440, 1100, "light"),
    ("loyalty", "/loyalty", 1440, 1400, "light"),
    ("templates", "/templates", 1440, 900, "light"),
    ("template-editor", f"/templates?id={TEMPLATE}&edit=1&mode=visual", 1440, 1300, "light"),
    ("template-preview", f"/templates?id={TEMPLATE}&edit=1&mode=preview", 1440, 1300, "light"),
    ("analytics", "/analytics", 1440, 1400, "light"),
    ("analytics-figure", "/analytics?figure=metrics%3Dclick_rate%26period%3Dlast_30_days", 1440, 1100, "light"),
    ("analytics-attribution", "/analytics?view=attribution&period=last_90_days", 1440, 1200, "light"),
    ("analytics-cohorts", "/analytics?view=cohorts", 1440, 1000, "dark"),
    ("analytics-phone", "/analytics", 390, 844, "light"),
    ("person", "/people", 1440, 1200, "light"),
    ("reports", "/reports", 1440, 1300, "light"),
    ("report-phone", "/reports", 390, 844, "dark"),
    ("alerts", "/alerts", 1440, 1100, "light"),
    ("alert-rule", "/alerts", 1440, 1100, "dark"),
    ("calendar", "/calendar", 1440, 1100, "light"),
    ("calendar-phone", "/calendar", 390, 844, "light"),
)
CLICKS = {
    "journey-past": ("[data-key=run]", "[data-figure=entries]"),
    "reports": ("[data-key=make-weekly-executive]", ".report-made"),
    "report-phone": ("[data-key=make-weekly-executive]", ".report-made"),
    "alerts": ("[data-key=look]", "[role=status] .success"),
    "alert-rule": ("[data-key=change-revenue]", "dialog[open]"),
    "person": ("table.people tbody tr:first-child th a", "[aria-label=Timeline]"),
}
"""Picture -> what is clicked first, and what must be there then."""
GRAPH_WINDOW = {"width": 1440, "height": 900}
GRAPH = {"x": 560, "y": 420, "width": 860, "height": 100}


def take(browser: Browser, url: str, email: str, password: str) -> None:
    """Sign in for each picture anew, so that size and theme are those of its window."""
    for name, path, width, height, theme in PICTURES:
        window = browser.new_context(viewport={"width": width, "height": height})
        window.add_cookies([{"name": "dmat_theme", "value": theme, "url": url}])
        page = window.new_page()
        page.goto(f"{url}/sign-in?next={quote(path, safe='/')}")
        page.fill("input[name=email]", email)
        page.fill("input[name=password]", password)
        page.click("button[type=submit]")
        page.locator("h1").first.wait_for()
        page.locator(".skeleton").first.wait_for(state="detached")
        for click in CLICKS.get(name, ())[:1]:
            page.locator(click).click()
            page.locator(CLICKS[name][1]).wait_for(timeout=120_000)
        page.wait_for_timeout(1500)
        page.screenshot(path=FOLDER / f"{name}.png")
        window.close()


def take_graph(browser: Browser, url: str) -> None:
    """The five groups of Dagster's graph, in the order of the flow."""
    page = browser.new_page(viewport=GRAPH_WINDOW)
    page.goto(f"{url}/asset-groups")
    page.get_by_text("deliver").last.wait_for(timeout=60_000)
    page.wait_for_timeout(5000)
    page.screenshot(path=FOLDER / "graph.png", clip=GRAPH)


def main() -> None:
    """Take them all with the system's Chromium."""
    url, email, password, *dagster = sys.argv[1:5]
    with sync_playwright() as driver:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=program, args=["--headless", "--no-sandbox", "--disable-gpu"])
        take(browser, url.rstrip("/"), email, password)
        for address in dagster:
            take_graph(browser, address.rstrip("/"))
        browser.close()


if __name__ == "__main__":
    main()
