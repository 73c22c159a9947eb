"""The frame around every screen: top bar, menu, jump box, theme, who is signed in, what time it is.

Belongs here: the page and its frame. Stays out: what a screen shows. Panes are made once; later only their HTML
changes. The theme, the menu and the jump box work in the browser alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

import panel as pn
import panel_material_ui as pmui
import param
from panel.io.resources import LOCAL_DIST

from apps.context import Context, Pulse
from apps.gate import initials, reader_of, theme_of
from apps.live import keep_fresh
from apps.parts.block import Block
from apps.parts.render import render
from apps.parts.words import moment, plural
from apps.screens import Entry, entry_of, visible_to
from apps.tokens import css_tokens, theme_config
from dmat.store.users import User

PHONE_WORDS = ("Mobi", "Android", "iPhone")


class ScreenLike(Protocol):
    """What the shell asks of a screen."""

    def __panel__(self) -> Any:
        """The layout, made once."""

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Ask for data, in a thread; gives a function that shows them."""


class QuietPage(pmui.Page):
    """Panel Material UI's page without its link to the server-wide busy flag, which would keep every page alive."""

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        private = self._param__private
        for _, watcher in private.ref_watchers:
            if watcher.inst is pn.state:
                pn.state.param.unwatch(watcher)
        private.ref_watchers = [(names, watcher) for names, watcher in private.ref_watchers
                                if watcher.inst is not pn.state]  # fmt: skip
        private.refs.pop("busy", None)


class TopBar(Block):
    """The bar at the top; its script also opens the jump box, switches the theme and shows virtual time."""

    clock = param.String(default="", doc="The workspace's time and how fast it runs, as JSON.")


def badges_of(pulse: Pulse) -> dict[str, tuple[int, str]]:
    """What stands beside entries of the menu: how many, and what they are."""
    needs = pulse.by_state.get("ambiguous", 0) + pulse.quarantined
    found = {"/health": (needs, "thing needs a look", "things need a look"),
             "/alerts": (pulse.open_alerts, "alert is open", "alerts are open")}  # fmt: skip
    return {path: (count, plural(count, one, many)) for path, (count, one, many) in found.items() if count}


def _frame_css(theme: Any) -> str:
    """The look of the document around our components, before and after they load."""
    return (
        css_tokens(theme) + "html,body{background:var(--d-bg);color:var(--d-ink);font:var(--d-text-body) var(--d-font)}"
        ".main{background:var(--d-bg)!important}#loader{display:none!important}"
    )


class Shell:
    """One open page: its frame, its screen, and what keeps both fresh."""

    def __init__(self, context: Context, entry: Entry, user: User, screen: ScreenLike) -> None:
        self.context, self.entry, self.user, self.screen = context, entry, user, screen
        self.top = TopBar(self._top(), on_action=self._on_top, clock=self._clock())
        self.side = Block(self._side(context.pulse()))

    def _top(self) -> str:
        settings = self.context.settings
        return render(
            "shell_top.jinja", self.context.now(), self.context.zone, workspace=settings.workspace_name,
            user=self.user, initials=initials(self.user), entries=visible_to(self.user.role),
            is_simulated=settings.is_simulated, speed=settings.clock.speed,
        )  # fmt: skip

    def _clock(self) -> str:
        now, clock = self.context.now(), self.context.settings.clock
        told = {"now": f"{now.isoformat(timespec='milliseconds')}Z", "speed": clock.speed,
                "words": moment(now, self.context.zone)}  # fmt: skip
        return json.dumps(told)

    def _side(self, pulse: Pulse) -> str:
        version = pulse.version
        return render(
            "shell_side.jinja", self.context.now(), self.context.zone, entries=visible_to(self.user.role),
            current=self.entry.path, data_as_of=version.data_as_of if version else None,
            version=version.number if version else None, badges=badges_of(pulse),
        )  # fmt: skip

    def _on_top(self, name: str, value: Any) -> None:
        if name == "hello":
            self.greet()
        elif name == "theme" and value in {"light", "dark"}:
            self.page.dark_theme = value == "dark"

    def _refresh(self, pulse: Pulse) -> Callable[[], None]:
        show = self.screen.refresh(pulse)
        side = self._side(pulse)

        def show_all() -> None:
            self.side.html = side
            show()

        return show_all

    def _seen(self) -> None:
        clock = self._clock()
        if clock != self.top.clock:
            self.top.clock = clock

    def build(self, theme: str, is_narrow: bool) -> pmui.Page:
        """The page, ready to be served; then kept fresh while it is open."""
        title = f"{self.entry.title} · {self.context.settings.workspace_name}"
        body = pmui.Column(
            self.screen, margin=0, sizing_mode="stretch_width",
            sx={"maxWidth": 1240, "mx": "auto", "width": "100%", "p": {"xs": "16px", "md": "24px"}},
        )  # fmt: skip
        self.page = QuietPage(
            main=[body], sidebar=[self.side], header=[self.top], title="", sidebar_width=224,
            sidebar_resizable=False, sidebar_open=not is_narrow, theme_toggle=False, busy_indicator=None,
            dark_theme=theme == "dark", theme_config=theme_config(), raw_css=[_frame_css(theme)],
            favicon="/assets/mark.svg", meta_title=title, meta_description="Marketing automation",
            sx={"& main": {"bgcolor": "background.default"}},
        )  # fmt: skip
        self.greet = keep_fresh(self.context, self._seen, self._refresh)
        return self.page


def build_page(context: Context, path: str, builder: Any) -> Any:
    """One page for the reader whose cookie came with the request; called by Panel for each new session."""
    document = pn.state.curdoc
    entry, user = entry_of(path), reader_of(document)
    if document is None or entry is None or user is None or user.role not in entry.roles:
        return pn.pane.HTML("<p>Please sign in again.</p>")  # the gate has let nobody here; this is the second lock
    document.template_variables.setdefault("dist_url", LOCAL_DIST)  # a websocket alone would have none
    cookies = pn.state.cookies
    agent = pn.state.headers.get("User-Agent", "")
    is_narrow = cookies.get("dmat_narrow") == "1" or any(word in agent for word in PHONE_WORDS)
    shell = Shell(context, entry, user, builder(context, user))
    return shell.build(theme_of(cookies.get("dmat_theme")), is_narrow)
