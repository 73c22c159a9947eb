"""WordPress: pages (wp/v2) and what visitors wrote into forms (our plugin's `dmat/v1/form-submissions`).

An application password goes as basic authentication. WordPress compares `modified_after` with the site's local time,
which may be 14 hours from UTC: hence the long overlap for pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

import httpx

from dmat.connectors.contract import Connector, Cursor, Page, Payload, Window, parse_time
from dmat.connectors.http import VendorHttp
from dmat.connectors.wp_rest import read_by_change
from dmat.landing import Record
from dmat.settings import Settings

PAGES = "/wp-json/wp/v2/pages"
FORM_SUBMISSIONS = "/wp-json/dmat/v1/form-submissions"
PAGES_OVERLAP = timedelta(hours=26)
FORMS_OVERLAP = timedelta(minutes=10)


class WordPress(Connector):
    """Reads one site."""

    vendor: ClassVar[str] = "wordpress"
    resources: ClassVar[tuple[str, ...]] = ("pages", "form_submissions")

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        token = settings.wordpress_token
        auth = (settings.wordpress_user, token.get_secret_value())
        return VendorHttp(self.vendor, settings.wordpress_url, auth=auth, secrets=[token], client=client)

    def _read_pages(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        return read_by_change(self.http, PAGES, cursor, PAGES_OVERLAP, _to_page, {"status": "publish"})

    def _read_form_submissions(self, cursor: Cursor, window: Window | None) -> Iterator[Page]:
        return read_by_change(self.http, FORM_SUBMISSIONS, cursor, FORMS_OVERLAP, _to_submission, {})


def _to_page(item: Payload) -> Record:
    return Record(str(item["id"]), parse_time(item["modified_gmt"]), item)


def _to_submission(item: Payload) -> Record:
    return Record(str(item["id"]), parse_time(item.get("modified_at") or item["submitted_at"]), item)
