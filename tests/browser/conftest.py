"""What the tests with a browser share: Chromium, and the served company of the tests of the screens."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sales_world

from dmat.store.users import COOKIE_NAME

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}


def _load(name: str, file: Path):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


screens = _load("screens_conftest", ROOT / "tests" / "apps" / "conftest.py")


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((found for found in map(shutil.which, names) if found), None)


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium of the system; the tests skip, saying so, where there is none.

    One for each module: Playwright keeps an event loop running while it is open, in which tests of other folders that
    start a loop of their own could not.
    """
    program = _chromium()
    if program is None:
        pytest.skip("no Chromium on this machine (looked for chromium and google-chrome in PATH)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def own_company(tmp_path_factory):
    """A company that these tests may change."""
    return screens.serving_fixture.build_home(tmp_path_factory.mktemp("browsed"))


@pytest.fixture(scope="session")
def served(own_company):
    """The screens of that company, served."""
    server = screens.Served(own_company)
    yield server
    server.stop()


@dataclass(frozen=True)
class Audience:
    """A served company with four hundred people that one can count by head."""

    server: object
    people: object


@pytest.fixture(scope="session")
def audience(tmp_path_factory):
    """Served for the tests of segments, which may change it."""
    people = _load("segments_fixture", ROOT / "tests" / "apps" / "segments_fixture.py")
    server = screens.Served(people.build_audience(tmp_path_factory.mktemp("audience")))
    yield Audience(server, people)
    server.stop()


@pytest.fixture(scope="session")
def selling(tmp_path_factory):
    """A company whose sales is at work, served for the tests of leads, which may change it."""
    settings = screens.serving_fixture.build_home(tmp_path_factory.mktemp("selling"))
    sales_world.fill_sales(settings)
    server = screens.Served(settings)
    yield server
    server.stop()


def _is_inside(url: str) -> bool:
    return urlsplit(url).path != "/sign-in"


class Reader:
    """One person with a browser window: pages inside shadow roots are found by Playwright's own locators."""

    def __init__(self, browser, served, size: str) -> None:
        width, height = SIZES[size]
        self.served, self.narrow = served, "1" if width < 600 else "0"
        self.window = browser.new_context(viewport={"width": width, "height": height})
        self.page = self.window.new_page()
        self.page.set_default_navigation_timeout(60_000)  # a busy machine
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.frames: list[int] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("websocket", lambda ws: ws.on("framereceived", lambda frame: self.frames.append(len(frame))))

    def sign_in(self, role: str = "admin", then: str = "/home") -> Reader:
        """Sign in and go somewhere; by the form only when nobody of this role is signed in at this server."""
        narrow = {"name": "dmat_narrow", "value": self.narrow, "url": self.served.url}  # as the form would say it
        self.window.add_cookies([narrow, *self.served.cookies.get(role, [])])
        self.page.goto(f"{self.served.url}{then}")
        if not _is_inside(self.page.url):
            self.page.fill("input[name=email]", f"{role}@example.com")
            self.page.fill("input[name=password]", screens.serving_fixture.PASSWORD)
            self.page.click("button[type=submit]")
            self.page.wait_for_url(_is_inside, timeout=60_000, wait_until="commit")
            self.served.cookies[role] = [one for one in self.window.cookies() if one["name"] == COOKIE_NAME]
        return self.wait()

    def open(self, path: str) -> Reader:
        self.page.goto(f"{self.served.url}{path}")
        return self.wait()

    def wait(self) -> Reader:
        self.page.locator("h1").first.wait_for(timeout=60_000)
        self.page.locator(".skeleton").first.wait_for(state="detached", timeout=60_000)
        return self

    def text(self, locator: str) -> str:
        return self.page.locator(locator).first.inner_text()

    def outside(self) -> list[str]:
        """Requests that left the machine, or would have."""
        own = (self.served.url, self.served.url.replace("http", "ws"), "data:", "blob:", "about:")
        return [url for url in self.requests if not url.startswith(own)]


@pytest.fixture
def serve():
    """Serves another workspace until the end of the test."""
    started = []

    def start(settings):
        started.append(screens.Served(settings))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def axe():
    """Gives what axe complains about on a reader's page: rules with where; nothing where axe is not installed."""
    script = ROOT / "apps" / "assets" / "build" / "axe.min.js"
    ask = "async () => JSON.stringify((await axe.run(document, {iframes: false})).violations)"

    def violations(one: Reader) -> list[str]:
        if not script.exists():
            return []
        one.page.evaluate(script.read_text())
        found = json.loads(one.page.evaluate(ask))
        return [f"{rule['id']} at {[node['target'] for node in rule['nodes'][:3]]}" for rule in found]

    return violations


@pytest.fixture
def reader(browser, served):
    """Makes readers, and closes their windows in the end."""
    made = []

    def make(size: str = "desktop", of=None) -> Reader:
        made.append(Reader(browser, of or served, size))
        return made[-1]

    yield make
    for one in made:
        one.window.close()
