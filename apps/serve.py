"""The server of the screens: Panel's own, on the loopback interface, one app for each area.

Belongs here: which addresses exist and how the server is started. Stays out: who may come in (`gate.py`) and what
a page looks like (`shell.py`, `screens/`). Panel is not mounted in the API's server: that one never frees sessions
and checks no Origin, and page builds would hold up webhooks.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any

import panel as pn
from bokeh.settings import settings as bokeh_settings
from tornado.web import StaticFileHandler

from apps.assets import FOLDER
from apps.context import Context, open_context
from apps.gate import Gate, SafeHeaders, routes, signing_key
from apps.screens import SCREENS
from apps.screens.alerts.screen import AlertsScreen
from apps.screens.analytics.files import FiguresExportHandler
from apps.screens.analytics.screen import AnalyticsScreen
from apps.screens.calendar.screen import CalendarScreen
from apps.screens.campaigns.files import CampaignExportHandler
from apps.screens.campaigns.screen import campaigns_screen
from apps.screens.codes.screen import CodesScreen
from apps.screens.experiments.files import TestExportHandler
from apps.screens.experiments.screen import experiments_screen
from apps.screens.follow.screen import FollowScreen
from apps.screens.health.screen import HealthScreen
from apps.screens.home.screen import HomeScreen
from apps.screens.journeys.files import JourneyExportHandler
from apps.screens.journeys.screen import journeys_screen
from apps.screens.leads.screen import LeadsScreen
from apps.screens.loyalty.screen import LoyaltyScreen
from apps.screens.people.files import PersonExportHandler
from apps.screens.people.screen import PeopleScreen
from apps.screens.reports.files import ReportFileHandler
from apps.screens.reports.screen import ReportsScreen
from apps.screens.segments.files import ExportHandler
from apps.screens.segments.screen import answers_of, segments_screen
from apps.screens.templates.screen import templates_screen
from apps.shell import build_page
from apps.writes import mend_writes
from dmat.segments.warming import warm_quietly
from dmat.settings import Settings, load_settings
from dmat.store.users import COOKIE_NAME

LATE_WEBSOCKET_MS = 60_000
"""How long a page waits for its websocket before it is thrown away; 15 s, the default, is too short on a slow line."""

BUILDERS = {
    "/home": HomeScreen, "/follow": FollowScreen, "/health": HealthScreen, "/segments": segments_screen,
    "/campaigns": campaigns_screen, "/templates": templates_screen, "/calendar": CalendarScreen,
    "/experiments": experiments_screen, "/journeys": journeys_screen,
    "/codes": CodesScreen, "/leads": LeadsScreen, "/loyalty": LoyaltyScreen,
    "/people": PeopleScreen, "/analytics": AnalyticsScreen, "/reports": ReportsScreen, "/alerts": AlertsScreen,
}  # fmt: skip


class AssetHandler(StaticFileHandler):
    """Our static files: only those made for browsers, never the scripts that build them."""

    SERVED = (".css", ".js", ".svg", ".woff2")

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        """Refuse everything that is not in `SERVED`, and anything of npm's own folder."""
        if not absolute_path.endswith(self.SERVED) or "node_modules" in absolute_path:
            self.send_error(404)
            return None
        return super().validate_absolute_path(root, absolute_path)

    def set_extra_headers(self, path: str) -> None:
        """Typefaces may be kept for a day; the rest is asked for again, and mostly answered with "not changed"."""
        self.set_header("Cache-Control", "public, max-age=86400" if path.endswith(".woff2") else "no-cache")


def prepare_panel() -> None:
    """Everything local, no loading spinners of Panel's own, messages in our words."""
    mend_writes()
    bokeh_settings.resources = "server"
    pn.extension(reconnect=True, notifications=False, loading_indicator=False)


def origins(settings: Settings, port: int) -> list[str]:
    """The addresses whose pages may open a websocket here."""
    return [f"{host}:{port}" for host in dict.fromkeys((settings.host, "127.0.0.1", "localhost"))]


def _page(context: Context, path: str, builder: Any) -> Callable[[], Any]:
    def page() -> Any:
        return build_page(context, path, builder)

    return page


def build_server(context: Context, port: int, start: bool = False, late_ms: int = LATE_WEBSOCKET_MS) -> Any:
    """A server for the screens of one workspace, bound to `settings.host`.

    Args:
        context: what all pages share.
        port: where to listen.
        start: serve until stopped; otherwise the caller runs the loop.
        late_ms: how long a page without a websocket is kept.
    """
    prepare_panel()
    pages = {path: _page(context, path, builder) for path, builder in BUILDERS.items()}
    titles = {entry.path: f"{entry.title} · {context.settings.workspace_name}" for entry in SCREENS}
    server = pn.serve(
        pages, title=titles, port=port, address=context.settings.host, websocket_origin=origins(context.settings, port),
        show=False, start=False, verbose=False, threaded=False, admin=False, index=None, use_index=False,
        auth_provider=Gate(context), sign_sessions=True, secret_key=signing_key(context).encode(),
        unused_session_lifetime_milliseconds=late_ms, check_unused_sessions_milliseconds=max(late_ms // 6, 100),
        keep_alive_milliseconds=20_000,
        exclude_cookies=[COOKIE_NAME], exclude_headers=["Cookie", "Authorization"], ico_path="none", session_history=0,
        extra_patterns=[*routes(context), (r"/segments-export", ExportHandler, {"context": context}),
                        (r"/campaigns-export", CampaignExportHandler, {"context": context}),
                        (r"/experiments-export", TestExportHandler, {"context": context}),
                        (r"/journeys-export", JourneyExportHandler, {"context": context}),
                        (r"/analytics-export", FiguresExportHandler, {"context": context}),
                        (r"/reports-file", ReportFileHandler, {"context": context}),
                        (r"/people-export", PersonExportHandler, {"context": context}),
                        (r"/assets/(.*)", AssetHandler, {"path": str(FOLDER)})],
    )  # fmt: skip
    server._tornado.add_transform(SafeHeaders)
    if start:
        server.start()
        server.io_loop.start()
    return server


def warm_up(context: Context) -> None:
    """Read ahead what builders of segments are likely to ask."""
    warm_quietly(answers_of(context).engine)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the screens of a workspace until stopped."""
    parser = argparse.ArgumentParser(prog="python -m apps", description="Serve the screens of a workspace.")
    parser.add_argument("--home", help="folder of the workspace; the default is that of the settings")
    parser.add_argument("--port", type=int, help="port; the default is that of the settings")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # whoever started us may ignore it, and so would we
    settings = load_settings(options.home)
    asyncio.set_event_loop(asyncio.new_event_loop())
    context = open_context(settings)
    threading.Thread(target=warm_up, args=(context,), daemon=True).start()
    build_server(context, options.port or settings.apps_port, start=True)


if __name__ == "__main__":
    main()
