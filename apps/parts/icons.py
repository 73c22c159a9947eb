"""Icons: small strokes on a grid of 24, drawn for this product, inlined so that no font has to load.

Belongs here: shapes. Stays out: colour and size (they follow the text around them).
"""

from __future__ import annotations

from markupsafe import Markup

from dmat.errors import NotFoundError

_SHAPES = {
    "home": '<path d="M4 11.5 12 5l8 6.5"/><path d="M6 10.5V19h12v-8.5"/><path d="M10 19v-5h4v5"/>',
    "cart": '<path d="M3 4.5h2.2l2.1 10.2h10l2-7.2H6"/><circle cx="9" cy="18.8" r="1.4"/>'
            '<circle cx="16" cy="18.8" r="1.4"/>',
    "pulse": '<path d="M3 12.5h4l2.5-6.5 4.5 12 2.6-5.5H21"/>',
    "search": '<circle cx="11" cy="11" r="6"/><path d="m15.5 15.5 4 4"/>',
    "sun": '<circle cx="12" cy="12" r="4"/><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4'
           'M18.4 5.6 17 7M7 17l-1.4 1.4"/>',
    "moon": '<path d="M19.5 14.2A8 8 0 0 1 9.8 4.5a8 8 0 1 0 9.7 9.7Z"/>',
    "exit": '<path d="M10 4.5H5.5v15H10"/><path d="M14 8l4 4-4 4M18 12H9.5"/>',
    "menu": '<path d="M4 7h16M4 12h16M4 17h16"/>',
    "close": '<path d="m6.5 6.5 11 11M17.5 6.5l-11 11"/>',
    "mail": '<rect x="3.5" y="5.5" width="17" height="13" rx="2"/><path d="m4.5 7.5 7.5 6 7.5-6"/>',
    "inbox": '<path d="M4 13.5 6.5 5.5h11l2.5 8v5H4z"/><path d="M4 13.5h4.5l1.2 2h4.6l1.2-2H20"/>',
    "send": '<path d="M20 4 10.5 13.5M20 4l-6 16-3.5-6.5L4 10z"/>',
    "coins": '<ellipse cx="12" cy="7" rx="7" ry="3"/><path d="M5 7v5c0 1.7 3.1 3 7 3s7-1.3 7-3V7"/>'
             '<path d="M5 12v5c0 1.7 3.1 3 7 3s7-1.3 7-3v-5"/>',
    "check": '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
    "warning": '<path d="M12 4.5 21 19.5H3z"/><path d="M12 10v4.5M12 17v.1"/>',
    "error": '<circle cx="12" cy="12" r="8.5"/><path d="M12 7.5v5.5M12 16v.1"/>',
    "info": '<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5.5M12 8v.1"/>',
    "clock": '<circle cx="12" cy="12" r="8.5"/><path d="M12 7v5.2l3.3 2"/>',
    "up": '<path d="M12 18.5V6M6.5 11.5 12 6l5.5 5.5"/>',
    "down": '<path d="M12 5.5V18M6.5 12.5 12 18l5.5-5.5"/>',
    "flat": '<path d="M5.5 12h13"/>',
    "right": '<path d="m9.5 6 6 6-6 6"/>',
    "left": '<path d="m14.5 6-6 6 6 6"/>',
    "person": '<circle cx="12" cy="8.5" r="3.8"/><path d="M4.8 19.5c.8-3.6 3.6-5.4 7.2-5.4s6.4 1.8 7.2 5.4"/>',
    "people": '<circle cx="9" cy="9" r="3.2"/><path d="M3 19c.6-3.2 2.9-4.8 6-4.8s5.4 1.6 6 4.8"/>'
              '<path d="M15.5 6.2a3 3 0 0 1 0 5.6M17.5 14.6c2 .6 3.1 2.1 3.5 4.4"/>',
    "shield": '<path d="M12 3.8 19 6.5v5c0 4.3-2.8 7.3-7 8.7-4.2-1.4-7-4.4-7-8.7v-5z"/><path d="m9 11.8 2.2 2.2 3.9-4"/>',  # noqa: E501
    "table": '<rect x="4" y="5" width="16" height="14" rx="2"/><path d="M4 10h16M10 10v9"/>',
    "code": '<path d="m8.5 7-5 5 5 5M15.5 7l5 5-5 5"/>',
    "gate": '<path d="M5 20V6M19 20V6M5 9h14M5 14h14M9.5 9v5M14.5 9v5"/>',
    "events": '<path d="M4 12a8 8 0 0 1 14-5.3L20 9M20 4.5V9h-4.5"/>'
              '<path d="M20 12a8 8 0 0 1-14 5.3L4 15M4 19.5V15h4.5"/>',
    "order": '<path d="M5 8h14l-1 11.5H6z"/><path d="M9 10V7a3 3 0 0 1 6 0v3"/>',
    "database": '<ellipse cx="12" cy="6.5" rx="7" ry="2.7"/><path d="M5 6.5v11c0 1.5 3.1 2.7 7 2.7s7-1.2 7-2.7v-11"/>'
                '<path d="M5 12c0 1.5 3.1 2.7 7 2.7s7-1.2 7-2.7"/>',
    "form": '<rect x="5" y="4" width="14" height="16" rx="2"/><path d="M8.5 9h7M8.5 13h7M8.5 17h4"/>',
    "phone": '<rect x="7.5" y="3.5" width="9" height="17" rx="2"/><path d="M11 17.5h2"/>',
    "chart": '<path d="M4.5 19.5h15"/><path d="M7 16v-4M12 16V6.5M17 16V9.5"/>',
    "globe": '<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12h17M12 3.5c2.6 2.4 3.8 5.2 3.8 8.5s-1.2 6.1-3.8 8.5'
             'c-2.6-2.4-3.8-5.2-3.8-8.5s1.2-6.1 3.8-8.5Z"/>',
    "chat": '<path d="M4.5 6h15v10h-9l-4 3.5V16h-2z"/>',
    "users": '<circle cx="12" cy="8" r="3.5"/><path d="M5.5 19.5c.7-3.4 3.2-5 6.5-5s5.8 1.6 6.5 5"/>',
    "bolt": '<path d="M13 3.5 5.5 13.5H11l-1 7 7.5-10H12z"/>',
    "server": '<rect x="4" y="4.5" width="16" height="6.5" rx="2"/><rect x="4" y="13" width="16" height="6.5" rx="2"/>'
              '<path d="M8 7.8v.1M8 16.2v.1"/>',
    "flask": '<path d="M9.5 4h5M10.5 4v6l-5 8.5a1 1 0 0 0 .9 1.5h11.2a1 1 0 0 0 .9-1.5l-5-8.5V4"/><path d="M8.5 15h7"/>',  # noqa: E501
    "calendar": '<rect x="4" y="5.5" width="16" height="14" rx="2"/><path d="M4 10h16M8.500 3.500v4M15.500 3.500v4"/>',
    "pause": '<path d="M9 6v12M15 6v12" stroke-width="2.4"/>',
    "play": '<path d="M8 5.500 18.500 12 8 18.500z"/>',
    "stop": '<rect x="6.500" y="6.500" width="11" height="11" rx="1.500"/>',
    "megaphone": '<path d="M4 10v4h3l9 4.500v-13L7 10z"/><path d="M8 14.500 9.500 20M19 9.500v5"/>',
    "tag": '<path d="M4 4h7.500l8.500 8.500-7.500 7.500L4 11.500z"/><circle cx="8" cy="8" r="1.200"/>',
    "undo": '<path d="M8.500 6 4.500 10l4 4"/><path d="M5 10h9a5 5 0 0 1 0 10h-3"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "more": '<path d="M5.5 12h.1M12 12h.1M18.5 12h.1" stroke-width="2.6"/>',
    "edit": '<path d="M4.5 19.5 5.5 15 16 4.5l3.5 3.5L9 18.5z"/>',
    "route": '<circle cx="6" cy="6" r="2.2"/><circle cx="18" cy="18" r="2.2"/><path d="M8.200 6H14a3 3 0 0 1 0 6h-4'
             'a3 3 0 0 0 0 6h5.800"/>',
    "branch": '<circle cx="12" cy="5" r="2"/><circle cx="6" cy="19" r="2"/><circle cx="18" cy="19" r="2"/>'
              '<path d="M12 7v5M12 12c0 3-6 2-6 5M12 12c0 3 6 2 6 5"/>',
    "flag": '<path d="M6.500 20.500v-16M6.500 5h11l-2.500 4 2.500 4h-11"/>',
    "list": '<path d="M9 6.500h11M9 12h11M9 17.500h11M4.500 6.500h.1M4.500 12h.1M4.500 17.500h.1"/>',
    "mark": '<path d="M4.5 17.5V7l7.5 6 7.5-6v10.5"/>',
}  # fmt: skip

_OF_SOURCE = {
    "shopify": "order", "woocommerce": "order", "hubspot": "people", "salesforce": "people", "sendgrid": "mail",
    "twilio": "phone",
    "whatsapp": "chat", "meta": "globe", "linkedin": "globe", "ga4": "chart", "wordpress": "form", "import": "table",
    "imports": "table", "delivery": "events", "deliveries": "events", "ledger": "send", "wordpress_form": "form",
}  # fmt: skip


def icon(name: str) -> Markup:
    """An icon as inline SVG, hidden from screen readers (the words beside it say the same).

    Raises:
        NotFoundError: there is no such icon.
    """
    if name not in _SHAPES:
        raise NotFoundError(f"there is no icon {name!r}")
    return Markup(f'<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{_SHAPES[name]}</svg>')


def source_icon(source: str | None) -> Markup:
    """The icon of a source; a table for the ones nobody drew."""
    return icon(_OF_SOURCE.get(source or "", "table"))
